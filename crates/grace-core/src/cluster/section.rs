//! Reading the section `cluster` of `models.yaml`.

use std::collections::BTreeMap;

use super::claim::{Claim, claim};
use super::names::{is_dns_label, is_label_key, is_label_value, is_variable};
use super::parse::{bytes, checked, count, image, name, node_labels, optional_count, quantity};
use super::settings::{Cluster, ConfigSource, Granted, Lifetime, Prefetch, SecretKey, Toleration};
use crate::yaml::{Field, Mapping};

const KEYS: [&str; 26] = [
    "namespace",
    "image",
    "server_image",
    "image_pull_secrets",
    "pvcs",
    "results_pvc",
    "model_cache_pvc",
    "hf_token_secret",
    "config",
    "tolerations",
    "node_selector",
    "env",
    "run_as",
    "priority_class",
    "queue",
    "fail_fast",
    "backoff_limit_per_index",
    "max_failed_indexes",
    "active_deadline_seconds",
    "pod_deadline_seconds",
    "ttl_seconds_after_finished",
    "termination_grace_period_seconds",
    "prefetch",
    "policy",
    "gpu_quota",
    "granted",
];

/// Reads the section `cluster`.
pub(super) fn cluster(field: &Field<'_>) -> Option<Cluster> {
    let map = field.mapping(&KEYS)?;
    let label = "a DNS label: lower-case letters, digits and inner `-`";
    let namespace = map
        .required("namespace")
        .and_then(|field| checked(field, is_dns_label, label));
    let grace = map.required("image").and_then(image);
    let server_image = map.required("server_image").and_then(image);
    let image_pull_secrets = list(&map, "image_pull_secrets", name);
    let claims = claims(&map);
    let results_pvc = required_claim(&map, "results_pvc", claims.as_deref());
    let model_cache_pvc = required_claim(&map, "model_cache_pvc", claims.as_deref());
    let hf_token = map
        .optional("hf_token_secret")
        .map_or(Some(None), |field| secret_key(field).map(Some));
    let config = map.optional("config").map_or_else(
        || Some(ConfigSource::ConfigMap(String::from("grace-config"))),
        |field| config(field, claims.as_deref()),
    );
    let tolerations = list(&map, "tolerations", toleration);
    let node_selector = map
        .optional("node_selector")
        .map_or_else(|| Some(BTreeMap::new()), node_labels);
    let env = map
        .optional("env")
        .map_or_else(|| Some(BTreeMap::new()), env);
    let run_as = count(&map, "run_as", (1, 2_000_000_000), 10_001);
    let priority_class = map
        .optional("priority_class")
        .map_or(Some(None), |field| name(field).map(Some));
    let queue = map
        .optional("queue")
        .map_or(Some(None), |field| queue(field).map(Some));
    let lifetime = lifetime(&map);
    let prefetch = prefetch(map.optional("prefetch"));
    let policies = policies(&map);
    let granted = granted(&map);
    Some(Cluster {
        namespace: namespace?,
        image: grace?,
        server_image: server_image?,
        image_pull_secrets: image_pull_secrets?,
        claims: claims?,
        results_pvc: results_pvc?,
        model_cache_pvc: model_cache_pvc?,
        hf_token: hf_token?,
        config: config?,
        tolerations: tolerations?,
        node_selector: node_selector?,
        env: env?,
        run_as: run_as?,
        priority_class: priority_class?,
        queue: queue?,
        lifetime: lifetime?,
        prefetch: prefetch?,
        policies: policies?,
        granted: granted?,
    })
}

fn list<T>(map: &Mapping<'_>, key: &str, item: fn(&Field<'_>) -> Option<T>) -> Option<Vec<T>> {
    let Some(field) = map.optional(key) else {
        return Some(Vec::new());
    };
    let items: Vec<Option<T>> = field.list()?.iter().map(item).collect();
    items.into_iter().collect()
}

fn claims(map: &Mapping<'_>) -> Option<Vec<Claim>> {
    let entries = map.required("pvcs")?.any_mapping()?;
    let claims: Vec<Option<Claim>> = entries
        .entries()
        .map(|(key, field)| claim(key, field))
        .collect();
    claims.into_iter().collect()
}

fn required_claim(map: &Mapping<'_>, key: &str, claims: Option<&[Claim]>) -> Option<String> {
    claim_name(map.required(key)?, claims)
}

/// The name of a claim that `cluster.pvcs` describes.
pub(super) fn claim_name(field: &Field<'_>, claims: Option<&[Claim]>) -> Option<String> {
    let name = name(field)?;
    let Some(claims) = claims else {
        return Some(name);
    };
    if claims.iter().any(|claim| claim.name == name) {
        return Some(name);
    }
    let known: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    let known = known.join("`, `");
    field.problem(format!(
        "is `{name}`, which is not in `cluster.pvcs`, expected one of `{known}`"
    ));
    None
}

fn secret_key(field: &Field<'_>) -> Option<SecretKey> {
    let map = field.mapping(&["name", "key"])?;
    let secret = map.required("name").and_then(name);
    let key = map.optional("key").map_or_else(
        || Some(String::from("HF_TOKEN")),
        |field| {
            checked(
                field,
                |key| is_label_value(key) && !key.is_empty(),
                "a key of letters, digits, `.`, `_` and `-`",
            )
        },
    );
    Some(SecretKey {
        name: secret?,
        key: key?,
    })
}

fn config(field: &Field<'_>, claims: Option<&[Claim]>) -> Option<ConfigSource> {
    let map = field.mapping(&["config_map", "pvc", "path"])?;
    match (
        map.optional("config_map"),
        map.optional("pvc"),
        map.optional("path"),
    ) {
        (Some(field), None, None) => {
            // 20 characters of digest and number follow.
            let fits = |text: &str| is_dns_label(text) && text.len() <= 43;
            checked(field, fits, "a DNS label of at most 43 characters")
                .map(ConfigSource::ConfigMap)
        }
        (None, Some(claim), path) => {
            let name = claim_name(claim, claims);
            let inside = |text: &str| {
                !text.starts_with('/')
                    && !text.split('/').any(|part| part == ".." || part.is_empty())
            };
            let path = path.map_or_else(
                || Some(String::from("config")),
                |field| {
                    checked(
                        field,
                        inside,
                        "a folder in the claim, without `/` before it and `..` in it",
                    )
                },
            );
            Some(ConfigSource::Claim {
                name: name?,
                path: path?,
            })
        }
        _ => {
            field.problem(
                "has other keys than it needs, expected either `config_map`, or `pvc` and `path`",
            );
            None
        }
    }
}

fn toleration(field: &Field<'_>) -> Option<Toleration> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let map = field.mapping(&["key", "operator", "value", "effect"])?;
    let key = map.required("key").and_then(|field| {
        checked(
            field,
            is_label_key,
            "a taint's key such as `nvidia.com/gpu`",
        )
    });
    let operator = map.optional("operator").map_or_else(
        || Some(String::from("Exists")),
        |field| {
            checked(
                field,
                |text| matches!(text, "Exists" | "Equal"),
                "`Exists` or `Equal`",
            )
        },
    );
    let value = map.optional("value").map_or(Some(None), |field| {
        checked(field, is_label_value, "a label's value").map(Some)
    });
    let effect = map.optional("effect").map_or(Some(None), |field| {
        checked(
            field,
            |text| EFFECTS.contains(&text),
            "`NoSchedule`, `PreferNoSchedule` or `NoExecute`",
        )
        .map(Some)
    });
    let (operator, value) = (operator?, value?);
    if (operator == "Exists") == value.is_some() {
        field.problem("needs a `value` with `Equal`, and none with `Exists`");
        return None;
    }
    Some(Toleration {
        key: key?,
        operator,
        value,
        effect: effect?,
    })
}

fn env(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    const OURS: [&str; 10] = [
        "HF_HOME",
        "HF_TOKEN",
        "NODE_NAME",
        "POD_NAME",
        "POD_UID",
        "JOB_COMPLETION_INDEX",
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
    ];
    let variable = |(key, field): (&str, &Field<'_>)| {
        if !is_variable(key) || OURS.contains(&key) {
            field.problem("is no variable to set: expected letters, digits and `_`, and none that grace sets itself");
            return None;
        }
        Some((key.to_owned(), field.text()?))
    };
    let variables: Vec<_> = field.any_mapping()?.entries().map(variable).collect();
    variables.into_iter().collect()
}

fn queue(field: &Field<'_>) -> Option<String> {
    checked(field, is_dns_label, "the name of a local queue of Kueue")
}

fn lifetime(map: &Mapping<'_>) -> Option<Lifetime> {
    const YEAR: u32 = 31_536_000;
    let fail_fast = map
        .optional("fail_fast")
        .map_or(Some(false), Field::boolean);
    let backoff = count(map, "backoff_limit_per_index", (0, 1000), 3);
    let failed = optional_count(map, "max_failed_indexes", (0, 100_000));
    let active = optional_count(map, "active_deadline_seconds", (1, YEAR));
    let pod = optional_count(map, "pod_deadline_seconds", (1, YEAR));
    // 0 removes a finished Job before anybody can see how it ended.
    let ttl = optional_count(map, "ttl_seconds_after_finished", (60, YEAR));
    let grace_period = count(map, "termination_grace_period_seconds", (1, 3600), 120);
    let fail_fast = fail_fast?;
    if fail_fast {
        for key in ["backoff_limit_per_index", "max_failed_indexes"] {
            if let Some(field) = map.optional(key) {
                field.problem("means nothing beside `fail_fast: true`, expected one of the two");
            }
        }
    }
    Some(Lifetime {
        fail_fast,
        backoff_limit_per_index: backoff?,
        max_failed_indexes: failed?,
        active_deadline_seconds: active?,
        pod_deadline_seconds: pod?,
        ttl_seconds_after_finished: ttl?,
        termination_grace_period_seconds: grace_period?,
    })
}

fn prefetch(field: Option<&Field<'_>>) -> Option<Prefetch> {
    let map = match field {
        Some(field) => Some(field.mapping(&["cpu", "memory"])?),
        None => None,
    };
    let given = |key: &str| map.as_ref().and_then(|map| map.optional(key));
    let cpu = given("cpu").map_or_else(|| "2".parse().ok(), quantity);
    let memory = given("memory").map_or_else(|| "8Gi".parse().ok(), bytes);
    Some(Prefetch {
        cpu: cpu?,
        memory: memory?,
    })
}

fn policies(map: &Mapping<'_>) -> Option<Vec<String>> {
    let Some(field) = map.optional("policy") else {
        return Some(Vec::new());
    };
    if field.is_list() {
        return field.texts();
    }
    Some(vec![field.text()?])
}

fn granted(map: &Mapping<'_>) -> Option<Granted> {
    let quota = optional_count(map, "gpu_quota", (1, 1_000_000));
    let Some(field) = map.optional("granted") else {
        return Some(Granted {
            gpu_quota: quota?,
            ..Granted::default()
        });
    };
    let granted = field.mapping(&["gpus_per_pod", "scarce_gpus"])?;
    let per_pod = optional_count(&granted, "gpus_per_pod", (1, 64));
    let scarce = granted.optional("scarce_gpus").map_or_else(
        || Some(BTreeMap::new()),
        |field| {
            let kind = |(key, field): (&str, &Field<'_>)| {
                Some((
                    key.to_owned(),
                    u32::try_from(field.integer(0, 1_000_000)?).ok()?,
                ))
            };
            let kinds: Vec<_> = field.any_mapping()?.entries().map(kind).collect();
            kinds.into_iter().collect()
        },
    );
    Some(Granted {
        gpus_per_pod: per_pod?,
        gpu_quota: quota?,
        scarce_gpus: scarce?,
    })
}
