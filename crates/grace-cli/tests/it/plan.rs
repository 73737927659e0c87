//! `plan`: GPU-hours, wall time and storage.

use std::fs;

use crate::command::grace;
use crate::manifests::testdata;

#[test]
fn a_plan_adds_up() {
    grace(["plan", "-n", "5"]).run().exits(0).says(&[
        "gemma-2b-rtx3090                    5        3     1   30.0 estimated        2.5   1 h 00 min    250–500 MB",
        "in all                             35                                      248.8  39 h 30 min  1750–3500 MB",
        "All models at once: 12 h 30 min with 32 GPUs.",
    ]);
    let plan = grace([
        "plan",
        "-n",
        "4",
        "-m",
        "llama-70b-rtx3090",
        "--minutes",
        "90,gemma-2b-rtx3090=7",
        "--output",
        "json",
    ])
    .run()
    .exits(0)
    .json();
    assert_eq!(plan["models"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            plan["total"]["gpu_hours"].as_f64(),
            plan["models"][0]["source"].as_str()
        ),
        (Some(48.0), Some("given"))
    );
    let own = testdata("k8s/options");
    grace(["plan", "--config"])
        .args([&own])
        .run()
        .exits(42)
        .says(&["nothing says how many minutes a replication of `tiny.v1_a`, `local` takes"]);
    grace(["plan", "-n", "1", "-p", "2"]).run().exits(2);
    grace(["plan", "--minutes", "x=y"])
        .run()
        .exits(2)
        .says(&["expected minutes"]);
}

#[test]
fn a_plan_takes_measured_minutes_where_there_are_any() {
    let results = tempfile::tempdir().unwrap();
    let write = |index: u32, status: &str, end: &str| {
        let folder = results
            .path()
            .join(format!("llama-70b-rtx3090/replication-{index}"));
        fs::create_dir_all(&folder).unwrap();
        let mut metadata: serde_json::Value = serde_json::from_slice(
            &fs::read(testdata("golden/replication/metadata.json")).unwrap(),
        )
        .unwrap();
        metadata["status"] = status.into();
        let attempt = metadata["attempts"][0].clone();
        metadata["attempts"] = serde_json::json!([attempt]);
        metadata["attempts"][0]["start"] = "2026-11-25T00:00:00.000Z".into();
        metadata["attempts"][0]["end"] = end.into();
        fs::write(folder.join("metadata.json"), metadata.to_string()).unwrap();
    };
    write(0, "complete", "2026-11-25T02:00:00.000Z");
    write(1, "complete", "2026-11-25T04:00:00.000Z");
    write(2, "running", "2026-11-25T23:00:00.000Z");
    grace(["plan", "--measured"])
        .args([results.path()])
        .run()
        .exits(0)
        .says(&["180.0 measured", "30.0 estimated"]);
    grace(["plan", "--measured", "/nowhere"])
        .run()
        .exits(42)
        .says(&["results /nowhere are no folder"]);
}
