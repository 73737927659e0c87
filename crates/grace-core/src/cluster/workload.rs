//! What one replication of a model takes: GPUs, CPU, memory.

use std::collections::BTreeMap;

use super::names::{is_label_key, is_label_value};
use super::parse::{bytes, checked, name, node_labels, optional_count, quantity};
use crate::model::Model;
use crate::quantity::Quantity;
use crate::yaml::{Field, Mapping};

/// The label by which NVIDIA's device plugin tells the kind of a node's GPUs.
const GPU_PRODUCT: &str = "nvidia.com/gpu.product";

/// A model as a cluster runs it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Workload {
    /// The model itself.
    pub model: Model,
    /// Its name for people.
    pub display_name: String,
    /// The GPUs of one replication.
    pub gpu: Gpu,
    /// The rest of what one replication takes.
    pub resources: Resources,
    /// Replications at the same time; overrides what is asked for all models.
    pub parallelism: Option<u32>,
    /// The claim that holds the weights, if not that of all models.
    pub model_cache: Option<String>,
    /// What is expected of one replication.
    pub estimate: Estimate,
}

/// The GPUs of one replication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gpu {
    /// How many.
    pub count: u32,
    /// The kind, as nodes are labelled with it.
    pub kind: String,
    /// The name under which the cluster counts them.
    pub resource: String,
    /// Labels of the nodes that have them, the kind included.
    pub node_selector: BTreeMap<String, String>,
}

/// CPU, memory and storage of one replication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resources {
    /// Memory that is reserved.
    pub memory_request: Quantity,
    /// Memory beyond which the pod is killed.
    pub memory_limit: Quantity,
    /// Processors that are reserved.
    pub cpu_request: Quantity,
    /// Processors beyond which the pod is slowed down.
    pub cpu_limit: Quantity,
    /// Local disk that is reserved.
    pub ephemeral_storage_request: Quantity,
    /// Local disk beyond which the pod is evicted.
    pub ephemeral_storage_limit: Quantity,
    /// Shared memory, by which GPUs exchange data; part of the memory.
    pub shm_size: Quantity,
}

/// What one replication is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Estimate {
    /// Minutes from the pod's start to its end.
    pub minutes: Option<f64>,
    /// Megabytes (10⁶ bytes) of results, least and most.
    pub megabytes: Option<(f64, f64)>,
}

/// Reads what `field` says about `model`, besides what the model itself is.
pub(super) fn workload(model: Option<Model>, field: &Field<'_>) -> Option<Workload> {
    let map = field.any_mapping()?;
    let display_name = map
        .optional("display_name")
        .map_or(Some(None), |field| field.text().map(Some));
    let gpu = map.required("gpu").and_then(gpu);
    let resources = map.required("resources").and_then(resources);
    let parallelism = optional_count(&map, "replication_parallelism", (1, 100_000));
    let model_cache = map
        .optional("model_cache_pvc")
        .map_or(Some(None), |field| name(field).map(Some));
    let estimate = map
        .optional("estimate")
        .map_or(Some(Estimate::default()), estimate);
    if let (Some(model), Some(gpu)) = (&model, &gpu) {
        check_tensor_parallel(model, gpu, &map);
    }
    let model = model?;
    Some(Workload {
        display_name: display_name?.unwrap_or_else(|| model.key.to_string()),
        gpu: gpu?,
        resources: resources?,
        parallelism: parallelism?,
        model_cache: model_cache?,
        estimate: estimate?,
        model,
    })
}

/// A GPU that the server does not use is paid for in vain; one that is not there stops it.
fn check_tensor_parallel(model: &Model, gpu: &Gpu, map: &Mapping<'_>) {
    let used = model.server.tensor_parallel_size;
    if used.unwrap_or(1) == gpu.count {
        return;
    }
    let vllm = map.optional("vllm");
    let settings = vllm.and_then(Field::any_mapping);
    let given = settings
        .as_ref()
        .and_then(|map| map.optional("tensor_parallel_size"));
    let (used, count) = (used.unwrap_or(1), gpu.count);
    let fix = "expected as many as there are GPUs, which together hold the model";
    if let Some(field) = given {
        field.problem(format!("is {used}, but `gpu.count` is {count}; {fix}"));
    } else if let Some(field) = vllm.or(map.optional("gpu")) {
        field.problem(format!(
            "has no `tensor_parallel_size`, which then is 1, but `gpu.count` is {count}; {fix}"
        ));
    }
}

fn gpu(field: &Field<'_>) -> Option<Gpu> {
    let map = field.mapping(&["count", "type", "resource", "node_selector"])?;
    let number = map.required("count").and_then(|field| field.integer(1, 64));
    let label = "a node label's value such as `NVIDIA-GeForce-RTX-3090`";
    let kind = map
        .required("type")
        .and_then(|field| checked(field, is_label_value, label));
    let resource = map.optional("resource").map_or_else(
        || Some(String::from("nvidia.com/gpu")),
        |field| {
            checked(
                field,
                |text| is_label_key(text) && text.contains('/'),
                "a resource such as `nvidia.com/gpu`",
            )
        },
    );
    let selector = map.optional("node_selector");
    let mut node_selector = selector.map_or_else(|| Some(BTreeMap::new()), node_labels)?;
    let kind = kind?;
    if let Some(other) = node_selector.insert(GPU_PRODUCT.to_owned(), kind.clone())
        && other != kind
    {
        field.problem(format!(
            "has the type `{kind}`, but its node_selector asks for `{other}`, expected one of them"
        ));
        return None;
    }
    Some(Gpu {
        count: u32::try_from(number?).ok()?,
        kind,
        resource: resource?,
        node_selector,
    })
}

fn resources(field: &Field<'_>) -> Option<Resources> {
    let map = field.mapping(&[
        "memory_request",
        "memory_limit",
        "cpu_request",
        "cpu_limit",
        "ephemeral_storage_request",
        "ephemeral_storage_limit",
        "shm_size",
    ])?;
    let or = |key: &str, default: &str| {
        map.optional(key)
            .map_or_else(|| default.parse().ok(), bytes)
    };
    let memory_request = map.required("memory_request").and_then(bytes);
    let memory_limit = map.required("memory_limit").and_then(bytes);
    let cpu_request = map.required("cpu_request").and_then(quantity);
    let cpu_limit = map.required("cpu_limit").and_then(quantity);
    let ephemeral_storage_request = or("ephemeral_storage_request", "20Gi");
    let ephemeral_storage_limit = or("ephemeral_storage_limit", "24Gi");
    let shm_size = or("shm_size", "2Gi");
    let resources = Resources {
        memory_request: memory_request?,
        memory_limit: memory_limit?,
        cpu_request: cpu_request?,
        cpu_limit: cpu_limit?,
        ephemeral_storage_request: ephemeral_storage_request?,
        ephemeral_storage_limit: ephemeral_storage_limit?,
        shm_size: shm_size?,
    };
    check_limits(&resources, &map, field);
    Some(resources)
}

fn check_limits(resources: &Resources, map: &Mapping<'_>, whole: &Field<'_>) {
    let pairs = [
        ("memory", &resources.memory_request, &resources.memory_limit),
        ("cpu", &resources.cpu_request, &resources.cpu_limit),
        (
            "ephemeral_storage",
            &resources.ephemeral_storage_request,
            &resources.ephemeral_storage_limit,
        ),
    ];
    for (what, request, limit) in pairs {
        if limit < request {
            let field = map.optional(&format!("{what}_limit")).unwrap_or(whole);
            field.problem(format!(
                "is {limit}, under the request of {request}, expected at least as much"
            ));
        }
    }
    if resources.shm_size >= resources.memory_limit {
        let field = map.optional("shm_size").unwrap_or(whole);
        let (size, limit) = (&resources.shm_size, &resources.memory_limit);
        field.problem(format!(
            "is {size}, but is part of the memory, whose limit is {limit}; expected less than that"
        ));
    }
}

fn estimate(field: &Field<'_>) -> Option<Estimate> {
    let map = field.mapping(&["minutes", "megabytes_min", "megabytes_max"])?;
    let number = |key: &str, max: f64| {
        map.optional(key)
            .map_or(Some(None), |field| field.number(0.0, max).map(Some))
    };
    let minutes = number("minutes", 525_600.0);
    let least = number("megabytes_min", 1e9);
    let most = number("megabytes_max", 1e9);
    let megabytes = match (least?, most?) {
        (None, None) => None,
        (Some(size), None) | (None, Some(size)) => Some((size, size)),
        (Some(least), Some(most)) if least <= most => Some((least, most)),
        (Some(least), Some(most)) => {
            field.problem(format!(
                "has megabytes from {least} to {most}, expected the smaller number first"
            ));
            return None;
        }
    };
    Some(Estimate {
        minutes: minutes?,
        megabytes,
    })
}
