//! The pod that reads the results volume for `collect` and `doctor`.

use grace_core::cluster::{Cluster, ClusterConfig};
use serde::Serialize;

use crate::generate::{GenerateError, Manifest, press_one};
use crate::names::reader_name;
use crate::render::Template;

/// The container that reads.
pub const READER_CONTAINER: &str = "read";
/// The program in it.
pub const READER_PROGRAM: &str = "/grace-cli";
/// Where results are in it.
pub const READER_RESULTS: &str = "/results";
/// The file that each export renews, so that the pod does not end meanwhile.
pub const READER_MARK: &str = "/tmp/in-use";

/// What the template sees.
#[derive(Debug, Serialize)]
struct ReaderFacts<'a> {
    name: &'a str,
    namespace: &'a str,
    image: &'a str,
    image_pull_secrets: &'a [String],
    run_as: u32,
    priority_class: Option<&'a str>,
    results_pvc: &'a str,
}

/// Makes the pod. It mounts the claim read-only, ends ten minutes after it was last used, and after six hours at the latest.
///
/// Its name is `grace-read-<claim>-<suffix>`, so that two may collect at the same time.
///
/// # Errors
///
/// Returns an error for a suffix that no name can have; any other is a fault of grace.
///
/// ```
/// use grace_core::cluster::{ClusterConfig, LAB};
///
/// let lab = ClusterConfig::parse("models.yaml", LAB)?;
/// let pod = grace_k8s_gen::reader(&lab, "3f2a")?;
/// assert_eq!(pod.object.name(), Some("grace-read-thomas-grace-results-3f2a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reader(config: &ClusterConfig, suffix: &str) -> Result<Manifest, GenerateError> {
    let cluster: &Cluster = &config.cluster;
    let name = reader_name(&cluster.results_pvc, suffix);
    let facts = ReaderFacts {
        name: &name,
        namespace: &cluster.namespace,
        image: &cluster.image,
        image_pull_secrets: &cluster.image_pull_secrets,
        run_as: cluster.run_as,
        priority_class: cluster.priority_class.as_deref(),
        results_pvc: &cluster.results_pvc,
    };
    press_one(&format!("reader/{name}.yaml"), Template::Reader, &facts)
}
