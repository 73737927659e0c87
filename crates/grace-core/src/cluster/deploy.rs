//! A whole `models.yaml`, as manifests need it.

use super::section::{claim_name, cluster};
use super::settings::Cluster;
use super::workload::{Workload, workload};
use crate::id::ModelKey;
use crate::model;
use crate::problem::Problems;
use crate::yaml::{Document, Field, Places};

/// The lab's `models.yaml`: seven models on RTX 3090 nodes.
pub const LAB: &str = include_str!("../../config/models.yaml");

/// The models and the cluster of a `models.yaml`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// The models, in the order of the file.
    pub workloads: Vec<Workload>,
    /// The cluster.
    pub cluster: Cluster,
    /// Where everything is in the file.
    pub places: Places,
}

impl ClusterConfig {
    /// Reads the text of a `models.yaml`; `file` names it in messages.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the file, with line and key; also what a run outside of clusters does not need.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_core::cluster::{ClusterConfig, LAB};
    ///
    /// let lab = ClusterConfig::parse("models.yaml", LAB)?;
    /// assert_eq!(lab.workloads.len(), 7);
    /// assert_eq!(lab.cluster.namespace, "lemn-lab");
    /// # Ok::<(), grace_core::Problems>(())
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::parse(file, text)?;
        let places = document.places();
        let read = read(&document.root());
        document.finish(read.map(|(workloads, cluster)| Self {
            workloads,
            cluster,
            places,
        }))
    }

    /// The model with this key.
    pub fn workload(&self, key: &ModelKey) -> Option<&Workload> {
        self.workloads
            .iter()
            .find(|workload| workload.model.key == *key)
    }
}

fn read(root: &Field<'_>) -> Option<(Vec<Workload>, Cluster)> {
    let map = root.mapping(&["models", "cluster"])?;
    let models = map
        .required("models")
        .and_then(|field| Some((field, field.any_mapping()?)));
    let cluster = map.required("cluster").and_then(cluster);
    let (field, models) = models?;
    let workloads: Vec<Option<Workload>> = models
        .entries()
        .map(|(key, field)| workload(model::model(key, field), field))
        .collect();
    if workloads.is_empty() {
        field.problem("lists no model, expected at least one");
    }
    let claims = cluster.as_ref().map(|cluster| cluster.claims.as_slice());
    for (_, model) in models.entries() {
        let cache = model
            .any_mapping()
            .and_then(|map| map.optional("model_cache_pvc").cloned());
        if let Some(field) = cache {
            claim_name(&field, claims);
        }
    }
    Some((workloads.into_iter().collect::<Option<_>>()?, cluster?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest file that has everything.
    const SMALL: &str = "\
models:
  tiny:
    huggingface_name: lab/tiny
    gpu: {count: 1, type: T4}
    vllm: {tensor_parallel_size: 1}
    resources: {memory_request: 4Gi, memory_limit: 4Gi, cpu_request: 1, cpu_limit: 1}
cluster:
  namespace: lab
  image: lab/grace:1
  server_image: lab/vllm:1
  pvcs:
    results: {size: 1Gi}
    cache: {size: 1Gi}
  results_pvc: results
  model_cache_pvc: cache
";

    #[track_caller]
    fn refused(from: &str, to: &str, expected: &str) {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "`{from}` is not in the text");
        let problems = ClusterConfig::parse("m.yaml", &text)
            .unwrap_err()
            .to_string();
        assert!(problems.contains(expected), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }

    #[test]
    fn the_smallest_file_has_defaults_for_the_rest() {
        let config = ClusterConfig::parse("m.yaml", SMALL).unwrap();
        let workload = &config.workloads[0];
        assert_eq!(workload.display_name, "tiny");
        assert_eq!(workload.gpu.resource, "nvidia.com/gpu");
        assert_eq!(workload.gpu.node_selector["nvidia.com/gpu.product"], "T4");
        assert_eq!(workload.resources.shm_size.as_str(), "2Gi");
        assert_eq!(config.cluster.run_as, 10_001);
        assert_eq!(config.cluster.lifetime.backoff_limit_per_index, 3);
    }

    #[test]
    fn the_lab_has_the_models_of_the_study() {
        let lab = ClusterConfig::parse("models.yaml", LAB).unwrap();
        let row = |workload: &Workload| {
            let model = &workload.model;
            let gpus = (workload.gpu.count, workload.parallelism.unwrap());
            format!("{} {} {gpus:?}", model.key, model.name)
        };
        let rows: Vec<String> = lab.workloads.iter().map(row).collect();
        assert_eq!(
            rows,
            [
                "gemma-2b-rtx3090 google/gemma-2-2b-it (1, 3)",
                "llama-3b-rtx3090 meta-llama/Llama-3.2-3B-Instruct (1, 3)",
                "gemma-9b-rtx3090 google/gemma-2-9b-it (1, 3)",
                "llama-8b-rtx3090 meta-llama/Llama-3.1-8B-Instruct (1, 3)",
                "gemma-27b-rtx3090 google/gemma-2-27b-it (4, 1)",
                "llama-70b-rtx3090 meta-llama/Llama-3.1-70B-Instruct (8, 1)",
                "deepseek-r1-70b-rtx3090 deepseek-ai/DeepSeek-R1-Distill-Llama-70B (8, 1)",
            ]
        );
        for workload in &lab.workloads {
            let (model, resources) = (&workload.model, &workload.resources);
            assert_eq!(model.server.tensor_parallel_size, Some(workload.gpu.count));
            assert_eq!(model.server.dtype.as_deref(), Some("bfloat16"));
            assert_eq!(model.server.max_model_len, Some(4096));
            assert_eq!(workload.gpu.kind, "NVIDIA-GeForce-RTX-3090");
            assert!(
                !resources
                    .memory_limit
                    .exceeds_percent_of(120, &resources.memory_request)
            );
            assert!(
                !resources
                    .cpu_limit
                    .exceeds_percent_of(120, &resources.cpu_request)
            );
        }
        assert_eq!(
            lab.workloads[6].model.reasoning.as_ref().unwrap().start,
            "<think>"
        );
        assert_eq!(
            lab.workloads[5].model_cache.as_deref(),
            Some("thomas-grace-llama-70b-cache")
        );
    }

    #[test]
    fn resources_that_cannot_be_are_refused() {
        refused(
            "memory_limit: 4Gi",
            "memory_limit: 3Gi",
            "m.yaml:6: `models.tiny.resources.memory_limit` is 3Gi, under the request of 4Gi",
        );
        refused(
            "cpu_limit: 1",
            "cpu_limit: 900m",
            "`models.tiny.resources.cpu_limit` is 900m, under the request of 1",
        );
        refused(
            "memory_limit: 4Gi",
            "memory_limit: 4GiB",
            "memory_limit` is `4GiB`, which is no quantity",
        );
        refused(
            "memory_request: 4Gi",
            "memory_request: 400m",
            "is `400m`, a fraction of a byte",
        );
        refused(
            "cpu_request: 1",
            "cpu_request: 0",
            "is `0`, expected more than nothing",
        );
        refused(
            "cpu_request: 1, ",
            "",
            "m.yaml:6: `models.tiny.resources` has no `cpu_request`",
        );
        refused(
            "cpu_limit: 1",
            "cpu_limit: 1, shm_size: 4Gi",
            "shm_size` is 4Gi, but is part of the memory",
        );
    }

    #[test]
    fn a_server_that_does_not_use_all_gpus_is_refused() {
        refused(
            "count: 1",
            "count: 2",
            "m.yaml:5: `models.tiny.vllm.tensor_parallel_size` is 1, but `gpu.count` is 2",
        );
        refused(
            "gpu: {count: 1, type: T4}\n    vllm: {tensor_parallel_size: 1}",
            "gpu: {count: 2, type: T4}",
            "m.yaml:4: `models.tiny.gpu` has no `tensor_parallel_size`, which then is 1",
        );
    }

    #[test]
    fn claims_must_be_described() {
        refused(
            "results_pvc: results",
            "results_pvc: other",
            "m.yaml:14: `cluster.results_pvc` is `other`, which is not in `cluster.pvcs`, expected one of `results`, `cache`",
        );
        refused(
            "  results_pvc: results\n",
            "",
            "m.yaml:7: `cluster` has no `results_pvc`",
        );
        refused(
            "lab/tiny\n",
            "lab/tiny\n    model_cache_pvc: nope\n",
            "m.yaml:4: `models.tiny.model_cache_pvc` is `nope`",
        );
        refused(
            "size: 1Gi",
            "size: big",
            "m.yaml:12: `cluster.pvcs.results.size` is `big`, which is no quantity",
        );
        refused(
            "size: 1Gi}\n  results_pvc",
            "size: 1Gi, access_mode: all}\n  results_pvc",
            "expected `ReadWriteMany` or `ReadWriteOnce`",
        );
    }

    #[test]
    fn cluster_settings_that_cannot_be_are_refused() {
        let add = |line: &str| format!("namespace: lab\n  {line}");
        for (line, expected) in [
            ("gpus: 3", "`cluster.gpus` is not a known key"),
            (
                "queue: A b",
                "`cluster.queue` is `A b`, expected the name of a local queue",
            ),
            (
                "ttl_seconds_after_finished: 0",
                "expected a whole number from 60 to",
            ),
            (
                "config: {config_map: a, pvc: results}",
                "expected either `config_map`, or `pvc` and `path`",
            ),
            (
                "config: {pvc: results, path: ../x}",
                "without `/` before it and `..` in it",
            ),
            (
                "tolerations: [{key: a, operator: Exists, value: b}]",
                "needs a `value` with `Equal`",
            ),
            (
                "env: {HOME: /root}",
                "`cluster.env.HOME` is no variable to set",
            ),
            ("fail_fast: yes please", "expected `true` or `false`"),
            (
                "fail_fast: true\n  max_failed_indexes: 2",
                "means nothing beside `fail_fast: true`",
            ),
        ] {
            refused("namespace: lab", &add(line), expected);
        }
        refused(
            "namespace: lab",
            "namespace: my.lab",
            "`cluster.namespace` is `my.lab`, expected a DNS label",
        );
        refused(
            "lab/grace:1",
            "lab/grace",
            "`cluster.image` is `lab/grace`, expected an image with a tag",
        );
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let text = SMALL
            .replace("lab/tiny", "")
            .replace("type: T4", "kind: T4")
            .replace("size: 1Gi", "size: 1GB");
        let problems = ClusterConfig::parse("m.yaml", &text).unwrap_err();
        let lines: Vec<Option<u64>> = problems
            .as_slice()
            .iter()
            .map(|problem| problem.line)
            .collect();
        assert_eq!(
            lines,
            [Some(2), Some(4), Some(4), Some(12), Some(13)],
            "{problems}"
        );
    }
}
