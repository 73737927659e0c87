//! Variance between nodes and between GPU types, where replications of one model tell it.

use std::collections::{BTreeMap, BTreeSet};

use grace_core::metadata::Metadata;
use grace_stats::law::Confidence;
use grace_stats::one_way::{Groups, OneWay, analyse};
use serde::Serialize;

use super::centred::Measure;
use crate::results::Results;

/// What replications may share besides the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Machine {
    /// The node of the cluster.
    Node,
    /// The type of GPU.
    GpuType,
}

impl Machine {
    const ALL: [Self; 2] = [Self::Node, Self::GpuType];

    /// The words for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::GpuType => "gpu_type",
        }
    }

    fn of(self, metadata: &Metadata) -> Option<String> {
        let nodes = nodes(metadata);
        match self {
            // A replication that several nodes worked on is a machine of its own kind.
            Self::Node => (!nodes.is_empty()).then(|| nodes.join(" + ")),
            // On record is that of the last attempt; another node may have had another.
            Self::GpuType if nodes.len() > 1 => None,
            Self::GpuType => deployed(metadata, "gpu_type"),
        }
    }
}

/// The nodes that worked on a replication.
fn nodes(metadata: &Metadata) -> Vec<String> {
    let attempts = metadata.attempts.iter();
    let mut nodes: BTreeSet<String> = attempts
        .filter_map(|attempt| attempt.node.clone())
        .collect();
    nodes.extend(deployed(metadata, "node_name"));
    nodes.into_iter().collect()
}

fn deployed(metadata: &Metadata, key: &str) -> Option<String> {
    let value = metadata.deployment_info.value(key)?;
    value.as_str().map(str::to_owned)
}

/// Whether machines can be told apart from replications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Separation {
    /// There are two machines or more, and one of them had several replications.
    Separable,
    /// All replications had one machine: it cannot explain why they differ.
    OneMachine,
    /// Each replication had a machine of its own: what the machine does and what the replication does are one.
    OneReplicationEach,
    /// There is but one replication.
    OneReplication,
    /// It was not recorded for all replications.
    NotRecorded,
}

impl Separation {
    /// The words for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Separable => "separable",
            Self::OneMachine => "one_machine",
            Self::OneReplicationEach => "one_replication_each",
            Self::OneReplication => "one_replication",
            Self::NotRecorded => "not_recorded",
        }
    }
}

/// The means of a measure by replication, grouped by machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MachineSpread {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub model: String,
    /// The measure.
    pub measure: String,
    /// What replications are grouped by.
    pub machine: Machine,
    /// Whether there is anything to tell.
    pub separation: Separation,
    /// Whether nodes and GPU types divide the replications alike: then it cannot be told which of the two it is.
    pub coincide: bool,
    /// Machines.
    pub machines: u64,
    /// Replications.
    pub replications: u64,
    /// The share of the variance of replications' means that lies between machines; negative values are kept.
    pub icc: Option<f64>,
    /// Lower end of its 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// The F test of no difference between machines.
    pub p: Option<f64>,
}

pub(super) fn spreads(results: &Results, measures: &[Measure]) -> Vec<MachineSpread> {
    let spreads = measures.iter().flat_map(|measure| {
        let named = Machine::ALL.map(|machine| machines(results, &measure.model, machine));
        let coincide = divide_alike(&named);
        let of = |(machine, named)| {
            let spread = spread(measure, machine, named);
            let coincide = coincide && spread.separation == Separation::Separable;
            MachineSpread { coincide, ..spread }
        };
        Machine::ALL
            .into_iter()
            .zip(&named)
            .map(of)
            .collect::<Vec<_>>()
    });
    spreads.collect()
}

/// Whether any two replications that share one kind of machine share the others.
fn divide_alike(named: &[BTreeMap<u32, Option<String>>]) -> bool {
    let groups = |names: &BTreeMap<u32, Option<String>>| {
        let mut groups: BTreeMap<Option<String>, Vec<u32>> = BTreeMap::new();
        for (replication, name) in names {
            groups.entry(name.clone()).or_default().push(*replication);
        }
        groups.into_values().collect::<BTreeSet<Vec<u32>>>()
    };
    named
        .windows(2)
        .all(|pair| groups(&pair[0]) == groups(&pair[1]))
}

/// The machine of each replication of a model.
fn machines(results: &Results, model: &str, machine: Machine) -> BTreeMap<u32, Option<String>> {
    let replications = results.readable().filter(|one| one.model_key == model);
    let named = replications.filter_map(|one| {
        let metadata = one.metadata.as_ref();
        let name = metadata.and_then(|metadata| machine.of(metadata));
        Some((one.index?, name))
    });
    named.collect()
}

fn spread(
    measure: &Measure,
    machine: Machine,
    machines: &BTreeMap<u32, Option<String>>,
) -> MachineSpread {
    let mut means = Vec::new();
    for (replication, values) in &measure.replications {
        let count = values.len() as f64;
        let mean = values.iter().map(|(_, value)| value / count).sum::<f64>();
        means.push((machines.get(replication).cloned().flatten(), mean));
    }
    let names: BTreeSet<&String> = means.iter().filter_map(|(name, _)| name.as_ref()).collect();
    let separation = if means.iter().any(|(name, _)| name.is_none()) {
        Separation::NotRecorded
    } else if means.len() < 2 {
        Separation::OneReplication
    } else if names.len() < 2 {
        Separation::OneMachine
    } else if names.len() == means.len() {
        Separation::OneReplicationEach
    } else {
        Separation::Separable
    };
    let mut spread = MachineSpread {
        experiment: measure.experiment.clone(),
        model: measure.model.clone(),
        measure: measure.name.clone(),
        machine,
        separation,
        coincide: false,
        machines: names.len() as u64,
        replications: means.len() as u64,
        icc: None,
        ci_low: None,
        ci_high: None,
        p: None,
    };
    if separation == Separation::Separable {
        let rows = means.iter().map(|(name, mean)| (name, Some(*mean)));
        let analysed = Groups::from_rows(rows).map(|groups| analyse(&groups, Confidence::P95));
        if let Ok(OneWay::Estimated(estimate)) = analysed {
            spread.icc = Some(estimate.icc_raw);
            spread.ci_low = Some(estimate.interval.lower);
            spread.ci_high = Some(estimate.interval.upper);
            spread.p = Some(estimate.p);
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(means: &[f64], machines: &[&str]) -> MachineSpread {
        let replications = (0..).zip(means);
        let measure = Measure {
            experiment: String::from("e"),
            model: String::from("m"),
            name: String::from("x"),
            replications: replications
                .map(|(index, mean)| (index, vec![(None, *mean)]))
                .collect(),
        };
        let named = |name: &&str| Some((*name).to_owned()).filter(|name| !name.is_empty());
        let machines = (0..).zip(machines.iter().map(named)).collect();
        spread(&measure, Machine::Node, &machines)
    }

    #[test]
    fn machines_that_explain_everything_have_a_share_near_1() {
        let spread = of(&[0.0, 0.1, 5.0, 5.1], &["a", "a", "b", "b"]);
        assert_eq!(
            (spread.separation, spread.machines, spread.replications),
            (Separation::Separable, 2, 4)
        );
        assert!(
            spread.icc.unwrap() > 0.99 && spread.p.unwrap() < 0.01,
            "{spread:?}"
        );
    }

    #[test]
    fn what_cannot_be_told_apart_has_no_number() {
        for (machines, separation) in [
            (["a", "a"], Separation::OneMachine),
            (["a", "b"], Separation::OneReplicationEach),
            (["a", ""], Separation::NotRecorded),
        ] {
            let spread = of(&[0.0, 1.0], &machines);
            assert_eq!((spread.separation, spread.icc), (separation, None));
        }
        assert_eq!(of(&[0.0], &["a"]).separation, Separation::OneReplication);
    }
}
