//! `seeds`, `experiments` and `completions`: what needs no server.

use serde_json::json;

use crate::command::grace;
use crate::study::Study;

#[test]
fn the_table_of_seeds_is_that_of_the_design() {
    let table = grace(["seeds", "--replications", "3", "--output", "json"])
        .run()
        .exits(0)
        .json();
    let expected = json!({
        "replication": 2, "base_seed": 1003, "study1_exp1_seed": 1003, "study2_exp1_seed": 2003,
        "study1_exp2_seed": 3003, "study2_exp2_seed": 4003,
    });
    assert_eq!(table[2], expected);
    assert_eq!(table.as_array().unwrap().len(), 3);
    grace(["seeds"])
        .run()
        .exits(0)
        .says(&["base seed", "1005", "4005"]);
}

#[test]
fn seeds_that_would_meet_are_refused_with_both_experiments() {
    grace(["seeds", "--replications", "1001"])
        .run()
        .exits(42)
        .says(&["`study1_exp1`", "`study2_exp1`", "1000"]);
}

#[test]
fn the_audit_counts_every_request_and_passes() {
    let study = Study::new(10);
    let audit = |args: &[&str]| {
        grace(["seeds", "audit", "--replications", "4", "--output", "json"])
            .args(["--config".as_ref(), study.config().as_os_str()])
            .args(args)
            .run()
    };
    let report = audit(&[]).exits(0).json();
    assert_eq!(report["requests"], 4 * 30);
    assert_eq!(report["passed"], true);
    // One seed for all requests: equal prompts share it.
    study.write("plan.yaml", "request_seeds: shared\n");
    study.write("stimuli/study2.csv", &twice_the_same_row());
    let report = audit(&[]).exits(100).json();
    assert_eq!(report["passed"], false);
}

fn twice_the_same_row() -> String {
    let rows = crate::study::demo_rows("study2.csv", 1);
    let (_, row) = rows.split_once('\n').unwrap();
    format!("{rows}{row}")
}

#[test]
fn orders_are_those_of_numpy_and_pandas() {
    let order = |algorithm: &str, seed: &str, n: &str| {
        grace(["seeds", "order", "--output", "json", "--order", algorithm])
            .args(["--seed", seed, "--n", n])
            .run()
            .exits(0)
            .json()
    };
    // numpy.random.default_rng(42).permutation(10), pandas' sample(frac=1, random_state=42)
    assert_eq!(
        order("pcg64", "42", "10"),
        json!([5, 6, 0, 7, 3, 2, 4, 9, 1, 8])
    );
    assert_eq!(
        order("pandas", "42", "10"),
        json!([8, 1, 5, 0, 7, 2, 9, 4, 3, 6])
    );
    assert_eq!(order("as-given", "42", "3"), json!([0, 1, 2]));
    assert_eq!(order("pcg64", "1", "0"), json!([]));
    grace([
        "seeds",
        "order",
        "--seed",
        "4294967296",
        "--n",
        "3",
        "--order",
        "pandas",
    ])
    .run()
    .exits(42)
    .says(&["4294967296", "4294967295"]);
}

#[test]
fn experiments_are_listed_shown_and_checked() {
    let list = grace(["experiments", "list", "--output", "json"])
        .run()
        .exits(0)
        .json();
    let ids: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|experiment| experiment["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        ["study1_exp1", "study2_exp1", "study1_exp2", "study2_exp2"]
    );
    let study = Study::new(5).with_own_experiments(&["study1_exp1"]);
    let file = study.config().join("experiments/study1_exp1.yaml");
    let check = || {
        grace(["experiments", "check"]).args([&file]).args([
            "--stimuli".as_ref(),
            study.config().join("stimuli").as_os_str(),
        ])
    };
    check()
        .run()
        .exits(0)
        .says(&["ok, 2 queries on 5 rows", "distinct prompts"]);
    study.change(
        "experiments/study1_exp1.yaml",
        "kind: yes_no",
        "kind: maybe",
    );
    check()
        .run()
        .exits(42)
        .says(&["study1_exp1.yaml:", "`maybe`"]);
    grace(["experiments", "show", "study9"])
        .run()
        .exits(42)
        .says(&["`study9`", "`study1_exp1`"]);
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        grace(["completions", shell])
            .run()
            .exits(0)
            .says(&["replicate", "grace-cli"]);
    }
}
