//! The lab's criteria for success: what all replications together must be.

use std::collections::BTreeMap;

use super::VerifyOptions;
use super::gaps::gaps;
use super::report::{Criterion, ExperimentReport, ReplicationReport};

/// All criteria. One that finds nothing to count is not met.
pub(super) fn criteria(
    replications: &[ReplicationReport],
    options: VerifyOptions,
) -> Vec<Criterion> {
    let sealed = || replications.iter().filter(|replication| replication.sealed);
    let experiments = || replications.iter().flat_map(|found| &found.experiments);
    vec![
        share(
            "replications complete and sealed",
            replications.iter().map(|replication| replication.sealed),
        ),
        gaps(replications, options.replications),
        same_inputs(replications),
        share(
            "each trial there once",
            experiments().map(|experiment| experiment.checks.trials_complete),
        ),
        share("seeds as planned", sealed().map(seeds_as_planned)),
        share(
            "orders as planned",
            experiments().map(|experiment| experiment.checks.order_as_planned),
        ),
        distinct(
            "orders differ between replications",
            replications,
            same_order,
        ),
        distinct("seeds differ between replications", replications, |a, b| {
            a.seed == b.seed
        }),
        share(
            "sealed files unchanged",
            sealed().map(|replication| replication.hashes_hold == Some(true)),
        ),
        share(
            "journals hold every answer",
            sealed().map(|replication| replication.journals_complete == Some(true)),
        ),
        parse_rates(replications, options.min_parse_rate),
        servers(replications),
    ]
}

fn seeds_as_planned(replication: &ReplicationReport) -> bool {
    let mut experiments = replication.experiments.iter();
    replication.seeds_sent_as_planned == Some(true)
        && experiments.all(|experiment| experiment.checks.seeds_as_planned)
}

fn share(name: &'static str, checks: impl Iterator<Item = bool>) -> Criterion {
    let (mut met, mut all) = (0, 0);
    for check in checks {
        all += 1;
        met += u32::from(check);
    }
    Criterion {
        name,
        found: format!("{met} of {all}"),
        wanted: String::from("all"),
        met: met == all && all > 0,
    }
}

/// A criterion that exceptions break: met if there are none, and if there was anything to look at.
pub(super) fn without_exception(
    name: &'static str,
    good: &str,
    bad: &str,
    exceptions: &[String],
    looked: bool,
) -> Criterion {
    Criterion {
        name,
        met: exceptions.is_empty() && looked,
        found: match (exceptions, looked) {
            ([], true) => good.to_owned(),
            ([], false) => String::from("nothing to compare"),
            _ => format!("{bad}{}", listed(exceptions, "; ", 20)),
        },
        wanted: good.to_owned(),
    }
}

/// At most `most` items, and how many more there are.
fn listed(items: &[String], separator: &str, most: usize) -> String {
    let shown = items[..items.len().min(most)].join(separator);
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}{separator}and {more} more"),
    }
}

/// Replications by model, in the order they were found; those whose model is not known are left out.
pub(super) fn by_model(
    replications: &[ReplicationReport],
) -> BTreeMap<&str, Vec<&ReplicationReport>> {
    let mut models: BTreeMap<&str, Vec<&ReplicationReport>> = BTreeMap::new();
    for replication in replications {
        if let Some(model) = &replication.model_key {
            models.entry(model).or_default().push(replication);
        }
    }
    models
}

/// Orders of a handful of trials may be equal by chance.
fn same_order(a: &ExperimentReport, b: &ExperimentReport) -> bool {
    const FEWEST: usize = 10;
    a.shuffled && b.shuffled && a.order.len() >= FEWEST && a.order == b.order
}

fn distinct(
    name: &'static str,
    replications: &[ReplicationReport],
    equal: impl Fn(&ExperimentReport, &ExperimentReport) -> bool,
) -> Criterion {
    let mut pairs = Vec::new();
    for siblings in by_model(replications).values() {
        for (position, later) in siblings.iter().enumerate() {
            for earlier in &siblings[..position] {
                let twins = later.experiments.iter().filter(|experiment| {
                    let mut others = earlier.experiments.iter();
                    let twin = others.find(|other| other.experiment == experiment.experiment);
                    twin.is_some_and(|twin| equal(twin, experiment))
                });
                pairs.extend(
                    twins.map(|twin| format!("{} in {}", twin.experiment, pair(earlier, later))),
                );
            }
        }
    }
    let mut all = replications.iter();
    let looked = all.any(|replication| !replication.experiments.is_empty());
    without_exception(name, "all differ", "equal: ", &pairs, looked)
}

fn pair(earlier: &ReplicationReport, later: &ReplicationReport) -> String {
    let index = |replication: &ReplicationReport| {
        replication
            .replication
            .map_or_else(|| String::from("?"), |index| index.to_string())
    };
    format!("{} and {}", index(earlier), index(later))
}

/// Whether the replications of a model have the same inputs and experiments, seeds aside.
fn same_inputs(replications: &[ReplicationReport]) -> Criterion {
    let mut differences = Vec::new();
    for (model, siblings) in by_model(replications) {
        if let Some((first, others)) = siblings.split_first() {
            for other in others {
                let keys = differing_inputs(first, other);
                if !keys.is_empty() {
                    let keys = listed(&keys, ", ", 5);
                    differences.push(format!("{model} {}: {keys}", pair(first, other)));
                }
            }
        }
    }
    let mut all = replications.iter();
    without_exception(
        "same inputs in all replications of a model",
        "the same",
        "different: ",
        &differences,
        all.any(|replication| replication.inputs.is_some()),
    )
}

fn differing_inputs(first: &ReplicationReport, other: &ReplicationReport) -> Vec<String> {
    let (Some(recorded), Some(inputs)) = (&first.inputs, &other.inputs) else {
        return Vec::new();
    };
    let differences = inputs.differences(recorded).into_iter();
    let mut keys: Vec<String> = differences
        .map(|difference| difference.key)
        .filter(|key| key != "replication_index" && key.rsplit('.').next() != Some("seed"))
        .collect();
    if first.sealed && other.sealed && first.counted != other.counted {
        keys.insert(0, String::from("the set of experiments"));
    }
    keys
}

fn parse_rates(replications: &[ReplicationReport], wanted: f64) -> Criterion {
    let experiments = replications
        .iter()
        .flat_map(|replication| &replication.experiments);
    let lowest = experiments.min_by(|a, b| a.parse_rate().total_cmp(&b.parse_rate()));
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    Criterion {
        name: "answers that could be read",
        found: lowest.map_or_else(
            || String::from("no experiment"),
            |lowest| {
                format!(
                    "at least {} ({})",
                    percent(lowest.parse_rate()),
                    lowest.experiment
                )
            },
        ),
        wanted: format!("at least {} in each experiment", percent(wanted)),
        met: lowest.is_some_and(|lowest| lowest.parse_rate() >= wanted),
    }
}

fn servers(replications: &[ReplicationReport]) -> Criterion {
    let mut mixed = Vec::new();
    for (model, siblings) in by_model(replications) {
        let mut servers: Vec<String> = Vec::new();
        for server in siblings.iter().flat_map(|sibling| &sibling.servers) {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        if servers.len() > 1 {
            mixed.push(format!("{model}: {}", listed(&servers, ", ", 5)));
        }
    }
    let mut all = replications.iter();
    without_exception(
        "one server version for each model",
        "one each",
        "",
        &mixed,
        all.any(|replication| !replication.servers.is_empty()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::Report;
    use super::*;

    const ANY: VerifyOptions = VerifyOptions {
        min_parse_rate: 0.95,
        replications: None,
    };

    fn replication(index: u32) -> ReplicationReport {
        let inputs = json!({
            "replication_index": index.to_string(),
            "tiny.seed": (1000 + index).to_string(),
            "tiny.stimuli_sha256": "aa",
        });
        ReplicationReport {
            model_key: Some(String::from("m")),
            replication: Some(index),
            servers: vec![String::from("vllm 0.32.0")],
            inputs: Some(serde_json::from_value(inputs).unwrap()),
            ..ReplicationReport::new("m".as_ref())
        }
    }

    fn of(name: &str, replications: &[ReplicationReport], options: VerifyOptions) -> Criterion {
        criteria(replications, options)
            .into_iter()
            .find(|criterion| criterion.name == name)
            .unwrap()
    }

    #[test]
    fn other_inputs_than_those_of_the_first_replication_are_named() {
        const NAME: &str = "same inputs in all replications of a model";
        let mut replications = [replication(0), replication(1), replication(2)];
        assert!(of(NAME, &replications, ANY).met);
        let inputs = json!({"tiny.stimuli_sha256": "bb", "tiny.trials": "9", "tiny.seed": "1"});
        replications[2].inputs = Some(serde_json::from_value(inputs).unwrap());
        replications[1].counted = vec![String::from("tiny")];
        replications[0].sealed = true;
        replications[1].sealed = true;
        let criterion = of(NAME, &replications, ANY);
        assert!(!criterion.met);
        assert_eq!(
            criterion.found,
            "different: m 0 and 1: the set of experiments; m 0 and 2: tiny.stimuli_sha256, tiny.trials"
        );
        replications[1].model_key = Some(String::from("another"));
        replications[2].model_key = Some(String::from("third"));
        assert!(of(NAME, &replications, ANY).met);
    }

    #[test]
    fn servers_of_all_attempts_count() {
        const NAME: &str = "one server version for each model";
        let mut replications = [replication(0), replication(1)];
        assert!(of(NAME, &replications, ANY).met);
        replications[1].servers.push(String::from("vllm 0.33.0"));
        let criterion = of(NAME, &replications, ANY);
        assert_eq!(
            (criterion.met, criterion.found.as_str()),
            (false, "m: vllm 0.32.0, vllm 0.33.0")
        );
    }

    #[test]
    fn what_is_not_sealed_counts_for_nothing_but_its_absence() {
        let report = Report::new(vec![replication(0)], ANY);
        for criterion in &report.criteria {
            let met = [
                "no replication missing",
                "same inputs in all replications of a model",
                "one server version for each model",
            ];
            assert_eq!(
                criterion.met,
                met.contains(&criterion.name),
                "{criterion:?}"
            );
        }
        let mut sealed = replication(1);
        sealed.sealed = true;
        sealed.hashes_hold = Some(true);
        let criterion = of("sealed files unchanged", &[replication(0), sealed], ANY);
        assert_eq!(criterion.found, "1 of 1");
    }
}
