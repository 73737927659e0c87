//! What moved answers besides the conditions.

use std::num::NonZeroUsize;

use grace_analysis::drift::{Against, Drift, Machine, Separation, SharedVerdict, Slope, to_csv};

use serde_json::{Value, json};

use crate::listeners::{PROMPTS, TRIALS, scatter, seal};
use crate::sealed::{Folder, ONE, records};

fn drift(folder: &Folder) -> Drift {
    folder.survey(ONE).drift(ONE).unwrap()
}

fn slopes<'d>(drift: &'d Drift, measure: &str, against: Against) -> Vec<&'d Slope> {
    let slopes = drift.slopes.iter();
    slopes
        .filter(|slope| slope.measure == measure && slope.against == against)
        .collect()
}

#[test]
fn a_measure_that_rises_over_the_run_has_a_clear_slope() {
    let folder = Folder::new();
    seal(&folder, "m", |at| at.place * 4 / TRIALS);
    let drift = drift(&folder);
    for (against, span) in [(Against::Place, 47.0), (Against::Time, 470.0 / 3600.0)] {
        let slopes = slopes(&drift, "quantity", against);
        assert_eq!(slopes.len(), 3, "one for each replication");
        for slope in slopes {
            assert!((slope.span - span).abs() < 1e-9, "{slope:?}");
            // The line through four steps of 12 trials: 144 · Σ (g − 1.5)² over Σ (x − 23.5)², times 47.
            assert!(
                (slope.change.unwrap() - 720.0 / 9212.0 * 47.0).abs() < 1e-9,
                "{slope:?}"
            );
            assert!(slope.is_clear() && slope.p.unwrap() < 1e-6, "{slope:?}");
        }
    }
}

#[test]
fn answers_without_drift_have_intervals_about_0() {
    let folder = Folder::new();
    seal(&folder, "m", |at| scatter(&[at.replication, at.place]));
    let drift = drift(&folder);
    let clear = drift.slopes.iter().filter(|slope| slope.is_clear()).count();
    assert_eq!((drift.slopes.len(), clear), (12, 0));
}

#[test]
fn one_answer_for_each_prompt_of_a_replication_is_a_copy() {
    let folder = Folder::new();
    seal(&folder, "copied", |at| {
        scatter(&[at.replication, at.prompt])
    });
    seal(&folder, "drawn", |at| scatter(&[at.replication, at.place]));
    let drift = drift(&folder);
    let of = |model: &str| {
        let mut shared = drift.shared_numbers.iter();
        shared
            .find(|one| one.model == model && one.query == "quantity")
            .unwrap()
    };
    let (copied, drawn) = (of("copied"), of("drawn"));
    assert_eq!(copied.verdict, SharedVerdict::Copied);
    assert_eq!((copied.within, copied.p), (Some(1.0), Some(0.001)));
    assert_eq!(drawn.verdict, SharedVerdict::None);
    let pairs_of_a_prompt = u64::from(TRIALS / PROMPTS * (TRIALS / PROMPTS - 1) / 2);
    assert_eq!(
        (drawn.prompts, drawn.within_pairs),
        (4, 3 * u64::from(PROMPTS) * pairs_of_a_prompt)
    );
}

#[test]
fn replications_with_the_same_random_numbers_repeat_each_other() {
    let folder = Folder::new();
    seal(&folder, "m", |at| scatter(&[at.place]));
    let drift = drift(&folder);
    let shared = drift.shared_numbers.iter();
    let shared: Vec<_> = shared.filter(|one| one.query == "quantity").collect();
    assert_eq!(
        (shared[0].verdict, shared[0].repeated),
        (SharedVerdict::Repeated, Some(1.0))
    );
    assert!(shared[0].within < Some(1.0), "{shared:?}");
}

#[test]
fn replications_that_differ_are_an_excess_and_no_copy() {
    let folder = Folder::new();
    seal(&folder, "m", |at| {
        (scatter(&[at.replication, at.place]) + 4 * at.replication) / 4
    });
    let drift = drift(&folder);
    let shared = drift.shared_numbers.iter();
    let shared: Vec<_> = shared.filter(|one| one.query == "quantity").collect();
    // Each replication always says its own number, so all pairs inside are equal.
    assert_eq!(shared[0].verdict, SharedVerdict::Copied);
    let folder = Folder::new();
    seal(&folder, "m", |at| {
        (scatter(&[at.replication, at.place]) + at.replication).min(3)
    });
    let drift = self::drift(&folder);
    assert_eq!(drift.shared_numbers[0].verdict, SharedVerdict::Excess);
}

#[test]
fn machines_that_are_not_on_record_are_told() {
    let folder = Folder::new();
    seal(&folder, "m", |at| scatter(&[at.replication, at.place]));
    let drift = drift(&folder);
    assert!(!drift.machines.is_empty());
    for spread in &drift.machines {
        assert_eq!(
            (spread.separation, spread.icc),
            (Separation::NotRecorded, None)
        );
    }
}

/// Three replications that differ by their index, with what `metadata.json` says of their machines.
fn on_machines(machines: [Value; 3]) -> Drift {
    let folder = Folder::new();
    seal(&folder, "m", |at| {
        (scatter(&[at.replication, at.place]) + at.replication) % 4
    });
    for (index, machine) in (0..).zip(machines) {
        folder.change_metadata("m", index, |metadata| {
            metadata["deployment_info"] = machine.clone();
        });
    }
    drift(&folder)
}

fn separations(drift: &Drift) -> Vec<(Machine, Separation, bool)> {
    let quantity = drift
        .machines
        .iter()
        .filter(|spread| spread.measure == "quantity");
    quantity
        .map(|spread| (spread.machine, spread.separation, spread.icc.is_some()))
        .collect()
}

#[test]
fn a_gpu_type_of_several_replications_is_told_apart_from_them_and_nodes_of_their_own_are_not() {
    let drift = on_machines([
        json!({"node_name": "node-1", "gpu_type": "NVIDIA L40"}),
        json!({"node_name": "node-2", "gpu_type": "NVIDIA L40"}),
        json!({"node_name": "node-3", "gpu_type": "NVIDIA A10"}),
    ]);
    assert_eq!(
        separations(&drift),
        [
            (Machine::Node, Separation::OneReplicationEach, false),
            (Machine::GpuType, Separation::Separable, true)
        ]
    );
    let json = serde_json::to_value(&drift).unwrap();
    let spreads = json["machines"].as_array().unwrap();
    let gpu = spreads
        .iter()
        .find(|spread| spread["machine"] == "gpu_type");
    assert_eq!(
        (&gpu.unwrap()["machines"], &gpu.unwrap()["replications"]),
        (&2.into(), &3.into())
    );
}

#[test]
fn a_node_and_its_gpu_type_cannot_be_told_apart() {
    let one = json!({"node_name": "node-1", "gpu_type": "NVIDIA L40"});
    let other = json!({"node_name": "node-2", "gpu_type": "NVIDIA A10"});
    let coincide = |machines| {
        let spreads = on_machines(machines).machines.into_iter();
        spreads.map(|spread| spread.coincide).collect::<Vec<_>>()
    };
    assert!(
        coincide([one.clone(), one.clone(), other.clone()])
            .iter()
            .all(|it| *it)
    );
    let same_type = json!({"node_name": "node-3", "gpu_type": "NVIDIA L40"});
    assert!(!coincide([one, same_type, other]).contains(&true));
}

#[test]
fn one_gpu_type_explains_nothing() {
    let machine = json!({"node_name": "node-1", "gpu_type": "NVIDIA L40"});
    let drift = on_machines([machine.clone(), machine.clone(), machine]);
    assert_eq!(
        separations(&drift),
        [
            (Machine::Node, Separation::OneMachine, false),
            (Machine::GpuType, Separation::OneMachine, false)
        ]
    );
}

#[test]
fn the_gpu_type_of_a_replication_that_moved_to_another_node_is_not_known() {
    let folder = Folder::new();
    seal(&folder, "m", |at| scatter(&[at.replication, at.place]));
    for index in 0..3 {
        let attempt = |node: &str| json!({"name": node, "start": "2026-11-23T20:19:35Z", "uid": node, "node": node, "fingerprint": ""});
        folder.change_metadata("m", index, |metadata| {
            metadata["deployment_info"] = json!({"node_name": "node-1", "gpu_type": "NVIDIA L40"});
            metadata["attempts"] = json!([attempt("node-1")]);
            if index == 2 {
                metadata["attempts"] = json!([attempt("node-2"), attempt("node-1")]);
            }
        });
    }
    assert_eq!(
        separations(&drift(&folder)),
        [
            (Machine::Node, Separation::Separable, true),
            (Machine::GpuType, Separation::NotRecorded, false)
        ]
    );
}

#[test]
fn threads_make_no_difference() {
    let folder = Folder::new();
    seal(&folder, "a", |at| scatter(&[at.replication, at.place]));
    seal(&folder, "b", |at| scatter(&[at.prompt, at.place]));
    let many = NonZeroUsize::new(4).unwrap();
    assert_eq!(drift(&folder), folder.survey(many).drift(many).unwrap());
}

#[test]
fn an_experiment_that_no_file_describes_has_no_queries_to_look_at() {
    let folder = Folder::new();
    folder.seal("m", 0, &[("tiny", records("tiny", 0, 3))]);
    let drift = drift(&folder);
    assert_eq!((drift.slopes.len(), drift.shared_numbers.len()), (0, 0));
}

#[test]
fn slopes_are_lines_of_csv() {
    let folder = Folder::new();
    seal(&folder, "m", |at| at.place * 4 / TRIALS);
    let csv = String::from_utf8(to_csv(&drift(&folder).slopes)).unwrap();
    let mut lines = csv.lines();
    let head = "experiment,model,measure,replication,against,status,points,span,change,change_low,change_high,p";
    assert_eq!(lines.next(), Some(head));
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("study1_exp1,m,knowledge,0,time,ok,48,0.1305"),
        "{csv}"
    );
}
