//! The pod that reads the results volume, for `collect` and `doctor`.

use std::time::Duration;

use grace_core::cluster::ClusterConfig;
use grace_k8s_gen::{
    Object, READER_CONTAINER, READER_MARK, READER_PROGRAM, READER_RESULTS, reader,
};
use grace_launch::collect::ReaderPod;

use crate::exit::{Failure, INTERNAL};
use crate::runtime;

/// A pod with a name of its own, that may take `start_limit` to run.
pub(crate) fn reader_pod(
    config: &ClusterConfig,
    start_limit: Duration,
) -> Result<ReaderPod, Failure> {
    let suffix = format!("{:08x}", runtime::random()? & u64::from(u32::MAX));
    let made = reader(config, &suffix)?;
    let Object::Pod(pod) = made.object else {
        return Err(Failure::new(
            INTERNAL,
            anyhow::Error::msg("the reader is no pod"),
        ));
    };
    Ok(ReaderPod {
        pod: *pod,
        container: READER_CONTAINER.to_owned(),
        program: READER_PROGRAM.to_owned(),
        results: READER_RESULTS.to_owned(),
        mark: READER_MARK.to_owned(),
        claim: config.cluster.results_pvc.clone(),
        start_limit,
    })
}
