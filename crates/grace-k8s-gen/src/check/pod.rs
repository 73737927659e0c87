//! Pods: containers, what they ask for, what they mount.

use std::collections::BTreeSet;

use grace_core::cluster::names::{is_dns_label, is_label_key, is_variable};
use grace_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};

use super::{Faults, meta};
use crate::amount::amount;

/// The longest argument or variable that Linux takes: 32 pages.
const MOST_ARGUMENT_BYTES: usize = 131_071;

/// Checks a pod that is at `at` in its object.
pub(super) fn check(pod: &PodSpec, at: &str, faults: &mut Faults) {
    let selector = format!("{at}.nodeSelector");
    meta::labels(pod.node_selector.as_ref(), &selector, faults);
    let volumes = pod.volumes.iter().flatten();
    let volumes = names((at, "volumes"), volumes.map(|it| it.name.as_str()), faults);
    let (first, main) = (pod.init_containers.iter().flatten(), &pod.containers);
    let all: Vec<&Container> = first.chain(main).collect();
    names(
        (at, "containers"),
        all.iter().map(|it| it.name.as_str()),
        faults,
    );
    faults.unless(!main.is_empty(), &format!("{at}.containers"), || {
        String::from("is empty")
    });
    for container in all {
        let field = format!("{at}.containers[{}]", container.name);
        let image = container.image.as_deref().unwrap_or_default().trim();
        faults.unless(!image.is_empty(), &field, || String::from("has no image"));
        mounts(container, &volumes, &field, faults);
        arguments(container, &field, faults);
        if let Some(resources) = &container.resources {
            check_resources(resources, &field, faults);
        }
    }
    if let Some(seconds) = pod.active_deadline_seconds {
        let field = format!("{at}.activeDeadlineSeconds");
        faults.unless(seconds >= 1, &field, || {
            format!("is {seconds}, expected 1 or more")
        });
    }
}

/// DNS labels, each once; returns them.
fn names<'p>(
    (at, what): (&str, &str),
    all: impl Iterator<Item = &'p str>,
    faults: &mut Faults,
) -> BTreeSet<&'p str> {
    let mut seen = BTreeSet::new();
    for name in all {
        let field = format!("{at}.{what}[{name}]");
        faults.unless(is_dns_label(name), &field, || {
            String::from("has a name that is no DNS label")
        });
        faults.unless(seen.insert(name), &field, || String::from("is there twice"));
    }
    seen
}

fn mounts(container: &Container, volumes: &BTreeSet<&str>, field: &str, faults: &mut Faults) {
    let mut paths = BTreeSet::new();
    for mount in container.volume_mounts.iter().flatten() {
        faults.unless(volumes.contains(mount.name.as_str()), field, || {
            format!("mounts the volume `{}`, which is not there", mount.name)
        });
        faults.unless(paths.insert(mount.mount_path.as_str()), field, || {
            format!("mounts `{}` twice", mount.mount_path)
        });
        faults.unless(
            !mount.mount_path.contains(':') && mount.mount_path.starts_with('/'),
            field,
            || {
                format!(
                    "mounts at `{}`, expected an absolute path without `:`",
                    mount.mount_path
                )
            },
        );
    }
}

fn arguments(container: &Container, field: &str, faults: &mut Faults) {
    let words = container.command.iter().chain(&container.args).flatten();
    let values = container
        .env
        .iter()
        .flatten()
        .filter_map(|variable| variable.value.as_ref());
    for text in words.chain(values) {
        let bytes = text.len();
        faults.unless(bytes <= MOST_ARGUMENT_BYTES, field, || {
            format!("has an argument or variable of {bytes} bytes, expected at most {MOST_ARGUMENT_BYTES}")
        });
        faults.unless(!text.contains('\0'), field, || {
            String::from("has an argument or variable with a NUL in it")
        });
    }
    for variable in container.env.iter().flatten() {
        faults.unless(is_variable(&variable.name), field, || {
            format!("has the variable `{}`, which cannot be one", variable.name)
        });
    }
}

fn check_resources(resources: &ResourceRequirements, field: &str, faults: &mut Faults) {
    let (requests, limits) = (resources.requests.as_ref(), resources.limits.as_ref());
    let names: BTreeSet<&String> = requests
        .into_iter()
        .chain(limits)
        .flat_map(|map| map.keys())
        .collect();
    for name in names {
        let (request, limit) = match (amount(requests, name), amount(limits, name)) {
            (Ok(request), Ok(limit)) => (request, limit),
            (Err(error), _) | (_, Err(error)) => {
                faults.push(field, format!("asks for `{name}`: {error}"));
                continue;
            }
        };
        faults.unless(is_label_key(name), field, || {
            format!("asks for `{name}`, which is no resource")
        });
        if name.contains('/') {
            extended(name, request.as_ref(), limit.as_ref(), field, faults);
        } else if let (Some(request), Some(limit)) = (&request, &limit) {
            faults.unless(limit >= request, field, || {
                format!("asks for {request} of `{name}`, over the limit of {limit}")
            });
        }
    }
}

/// Devices: whole ones, and as many at most as are reserved.
fn extended(
    name: &str,
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
    field: &str,
    faults: &mut Faults,
) {
    let Some(limit) = limit else {
        faults.push(
            field,
            format!("has no limit for `{name}`, which cannot be shared"),
        );
        return;
    };
    faults.unless(limit.is_whole(), field, || {
        format!("asks for {limit} of `{name}`, expected a whole number")
    });
    faults.unless(
        request.is_none_or(|request| request == limit),
        field,
        || format!("has different request and limit for `{name}`, which cannot be shared"),
    );
}
