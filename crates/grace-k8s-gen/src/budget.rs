//! What replications will take: GPU-hours, wall time, storage.

use grace_core::ModelKey;
use grace_core::cluster::Workload;
use serde::Serialize;

/// Megabytes (10⁶ bytes) of a replication's results where a model does not say: the lab's estimate.
pub const MEGABYTES: (f64, f64) = (50.0, 100.0);

/// What a model's replications will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelBudget {
    /// The model.
    pub model: String,
    /// Replications.
    pub replications: u32,
    /// Replications at the same time.
    pub parallelism: u32,
    /// GPUs of a replication.
    pub gpus: u32,
    /// Minutes of a replication.
    pub minutes: f64,
    /// Where the minutes come from.
    pub source: MinutesSource,
    /// GPU-hours of all replications.
    pub gpu_hours: f64,
    /// Hours from the first pod's start to the last one's end, if GPUs are free: `ceil(replications / parallelism)`
    /// rounds.
    pub wall_hours: f64,
    /// GPUs in use at the same time.
    pub gpus_at_once: u64,
    /// Megabytes of results, least and most.
    pub megabytes: (f64, f64),
}

/// Where minutes of a replication come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MinutesSource {
    /// Given by the user.
    Given,
    /// Measured on finished replications.
    Measured,
    /// The estimate in models.yaml.
    Estimate,
}

/// All models together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Total {
    /// Replications of all models.
    pub replications: u64,
    /// GPU-hours.
    pub gpu_hours: f64,
    /// Hours if one model runs after the other.
    pub wall_hours_in_turn: f64,
    /// Hours if all models run at the same time.
    pub wall_hours_at_once: f64,
    /// GPUs in use if all models run at the same time.
    pub gpus_at_once: u64,
    /// The most GPUs in use if one model runs after the other.
    pub gpus_in_turn: u64,
    /// Megabytes of results, least and most.
    pub megabytes: (f64, f64),
}

/// What `replications` of `workload` take, at `minutes` each.
///
/// ```
/// use grace_core::cluster::{ClusterConfig, LAB};
/// use grace_k8s_gen::budget::{MinutesSource, budget};
///
/// let lab = ClusterConfig::parse("models.yaml", LAB)?;
/// let gemma = budget(&lab.workloads[0], 5, 2, (30.0, MinutesSource::Given));
/// // Three at the same time by the model's own setting: two rounds.
/// assert_eq!((gemma.parallelism, gemma.gpu_hours, gemma.wall_hours), (3, 2.5, 1.0));
/// # Ok::<(), grace_core::Problems>(())
/// ```
pub fn budget(
    workload: &Workload,
    replications: u32,
    parallelism: u32,
    (minutes, source): (f64, MinutesSource),
) -> ModelBudget {
    let parallelism = workload.parallelism.unwrap_or(parallelism).max(1);
    let gpus = workload.gpu.count;
    let rounds = replications.div_ceil(parallelism);
    let (least, most) = workload.estimate.megabytes.unwrap_or(MEGABYTES);
    let count = f64::from(replications);
    ModelBudget {
        model: workload.model.key.to_string(),
        replications,
        parallelism,
        gpus,
        minutes,
        source,
        gpu_hours: count * f64::from(gpus) * minutes / 60.0,
        wall_hours: f64::from(rounds) * minutes / 60.0,
        gpus_at_once: u64::from(parallelism.min(replications)) * u64::from(gpus),
        megabytes: (least * count, most * count),
    }
}

/// The sum over models.
pub fn total(models: &[ModelBudget]) -> Total {
    let sum = |part: fn(&ModelBudget) -> f64| models.iter().map(part).sum();
    Total {
        replications: models
            .iter()
            .map(|model| u64::from(model.replications))
            .sum(),
        gpu_hours: sum(|model| model.gpu_hours),
        wall_hours_in_turn: sum(|model| model.wall_hours),
        wall_hours_at_once: models
            .iter()
            .map(|model| model.wall_hours)
            .fold(0.0, f64::max),
        gpus_at_once: models.iter().map(|model| model.gpus_at_once).sum(),
        gpus_in_turn: models
            .iter()
            .map(|model| model.gpus_at_once)
            .max()
            .unwrap_or_default(),
        megabytes: (
            sum(|model| model.megabytes.0),
            sum(|model| model.megabytes.1),
        ),
    }
}

/// The models of which no minutes are known: neither given, nor measured, nor estimated.
pub fn without_minutes<'a>(
    workloads: impl Iterator<Item = &'a Workload>,
    known: impl Fn(&ModelKey) -> bool,
) -> Vec<&'a ModelKey> {
    let unknown = workloads.filter(|workload| workload.estimate.minutes.is_none());
    unknown
        .map(|workload| &workload.model.key)
        .filter(|key| !known(key))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use grace_core::cluster::{ClusterConfig, LAB};

    #[test]
    fn rounds_are_whole_and_totals_add_up() {
        let lab = ClusterConfig::parse("models.yaml", LAB).unwrap();
        let of = |workload: &Workload, n| {
            budget(
                workload,
                n,
                1,
                (workload.estimate.minutes.unwrap(), MinutesSource::Estimate),
            )
        };
        let rounds = |n| format!("{:.1}", of(&lab.workloads[0], n).wall_hours);
        assert_eq!(
            [1, 3, 4, 6, 7].map(rounds),
            ["0.5", "0.5", "1.0", "1.0", "1.5"]
        );
        let models: Vec<ModelBudget> = lab
            .workloads
            .iter()
            .map(|workload| of(workload, 5))
            .collect();
        let total = total(&models);
        // 5 × (0.5 + 35/60 + 1 + 1) + 5 × 4 × 100/60 + 2 × 5 × 8 × 2.5
        assert!(
            (total.gpu_hours - (5.0 * (2.5 + 35.0 / 60.0) + 20.0 * 100.0 / 60.0 + 200.0)).abs()
                < 1e-9
        );
        assert_eq!(total.gpus_at_once, 12 + 4 + 16);
        assert_eq!(total.gpus_in_turn, 8);
        let sizes = format!("{:.0} {:.0}", total.megabytes.0, total.megabytes.1);
        assert_eq!(sizes, "1750 3500");
        assert!((total.wall_hours_at_once - 12.5).abs() < 1e-9);
    }
}
