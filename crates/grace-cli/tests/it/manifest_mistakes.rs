//! `gen-manifests` on what cannot be: all mistakes are told, nothing is written.

use std::fs;
use std::path::Path;

use crate::command::grace;
use crate::manifests::generate;

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    generate(&file)
        .run()
        .exits(42)
        .says(&["the folder of `--out` cannot be used: ", "file: "]);
    generate(&file.join("below")).run().exits(42);
    grace(["gen-manifests", "--config", "/nowhere"])
        .run()
        .exits(42)
        .says(&["configuration /nowhere is no folder"]);
}

#[test]
fn nothing_is_written_unless_all_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (folder.path().join("models.yaml"), folder.path().join("out"));
    let shown = grace(["gen-manifests", "--show-config"])
        .run()
        .exits(0)
        .stdout;
    for (from, to, expected) in [
        (
            "memory_limit: 19Gi",
            "memory_limit: 1Gi",
            ":13: `models.gemma-2b-rtx3090.resources.memory_limit` is 1Gi, under the request of 16Gi",
        ),
        (
            "memory_limit: 19Gi",
            "memory_limit: 20Gi",
            ":13: `models.gemma-2b-rtx3090.resources.memory_limit` breaks the rule `limits_to_requests` of the policy `nrp`",
        ),
        ("gemma-2b-rtx3090:", "Gemma-2b:", "`gemma-2b` would do"),
        (
            "gpus_per_pod: 8",
            "gpus_per_pod: 4",
            "breaks the rule `gpus_per_pod`",
        ),
    ] {
        fs::write(&config, shown.replacen(from, to, 1)).unwrap();
        let run = grace(["gen-manifests", "-n", "5", "--config"])
            .args([&config])
            .args([Path::new("--out"), &out]);
        run.run().exits(42).says(&[expected]);
        assert!(!out.exists(), "{to}");
    }
    grace(["gen-manifests", "-n", "5", "--policy", "none", "--config"])
        .args([&config])
        .args([Path::new("--out"), &out])
        .run()
        .exits(0);
}

#[test]
fn all_mistakes_of_all_files_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("plan.yaml", "first_seed: 3\n");
    write(
        "models.yaml",
        "models:\n  a:\n    huggingface_name: x/y\n    gpu: {count: none}\n",
    );
    grace(["gen-manifests", "--config"])
        .args([folder.path()])
        .run()
        .exits(42)
        .says(&[
            "plan.yaml:1: `first_seed` is not a known key",
            "models.yaml:2: `models.a` has no `resources`",
            "models.yaml:4: `models.a.gpu.count` is `none`, expected a whole number",
            "models.yaml:4: `models.a.gpu` has no `type`",
            "has no `cluster`, which is required",
            "hint: `grace-cli gen-manifests --show-config`",
        ]);
}

#[test]
fn counts_that_cannot_be_are_wrong_arguments() {
    grace(["gen-manifests", "--replications", "0"])
        .run()
        .exits(2)
        .says(&["--replications"]);
    grace(["gen-manifests", "-n", "2", "-p", "3"])
        .run()
        .exits(2)
        .says(&["`--parallelism` is 3, over the 2 of `--replications`"]);
    grace(["gen-manifests", "-n", "2"]).run().exits(42).says(&[
        "models.yaml (built in):17: `models.gemma-2b-rtx3090.replication_parallelism` is 3, over the 2 replications",
    ]);
    grace(["gen-manifests", "-n", "2000"])
        .run()
        .exits(42)
        .says(&["too close for 2000 replications"]);
    grace(["gen-manifests", "--model", "nope"])
        .run()
        .exits(42)
        .says(&["has no model `nope`"]);
    grace(["gen-manifests", "--check"])
        .run()
        .exits(2)
        .says(&["--out"]);
}
