//! `gen-manifests`, `plan` and `install-self`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use expect_test::expect_file;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;

use crate::command::{Grace, grace};
use crate::server::Server;

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// `gen-manifests` of the embedded configuration into `out`.
fn generate(out: &Path) -> Grace {
    grace([
        "gen-manifests",
        "--replications",
        "5",
        "--parallelism",
        "2",
        "--out",
    ])
    .args([out])
}

/// Every file under `folder`, by path in it.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    crate::folder::contents(folder)
        .into_iter()
        .map(|(path, bytes)| {
            let path = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            (path, String::from_utf8(bytes).unwrap())
        })
        .collect()
}

/// Compares a golden folder with what is made, file by file; no file is left over.
#[track_caller]
fn check_golden(name: &str, args: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    grace(["gen-manifests"])
        .args(args)
        .args([Path::new("--out"), out.path()])
        .run()
        .exits(0);
    let golden = testdata("golden/k8s").join(name);
    let made = contents(out.path());
    for (path, text) in &made {
        // `expect_file` makes files, not folders.
        fs::create_dir_all(golden.join(path).parent().unwrap()).unwrap();
        expect_file![golden.join(path)].assert_eq(text);
    }
    let golden_files = contents(&golden);
    let left: Vec<&String> = golden_files
        .keys()
        .filter(|path| !made.contains_key(*path))
        .collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for path in left {
            fs::remove_file(golden.join(path)).unwrap();
        }
    } else {
        assert_eq!(
            left,
            Vec::<&String>::new(),
            "left over in {}",
            golden.display()
        );
    }
}

/// Every folder `NxP` holds the lab's manifests for N replications, P at the same time.
#[test]
fn golden_manifests_of_the_lab() {
    let mut found = 0;
    for entry in fs::read_dir(testdata("golden/k8s")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some((replications, parallelism)) = name.split_once('x') else {
            continue;
        };
        check_golden(
            &name,
            &["--replications", replications, "--parallelism", parallelism],
        );
        found += 1;
    }
    assert!(found > 0);
}

#[test]
fn golden_manifests_with_all_options() {
    let folder = testdata("k8s/options");
    check_golden(
        "options",
        &["--config", folder.to_str().unwrap(), "-n", "3", "-p", "2"],
    );
}

#[test]
fn golden_folders_are_those_that_tests_compare() {
    for entry in fs::read_dir(testdata("golden/k8s")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let pair = name
            .split_once('x')
            .is_some_and(|(n, p)| n.parse::<u32>().is_ok() && p.parse::<u32>().is_ok());
        assert!(
            pair || ["options", "README.md"].contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn the_arguments_of_pods_are_arguments_of_this_program() {
    let mut parsed = 0;
    for path in contents(&testdata("golden/k8s"))
        .into_iter()
        .filter(|(path, _)| path.contains("jobs/grace-"))
    {
        let job: Job = grace_k8s_gen::parse(&path.1).unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        for container in pod
            .init_containers
            .into_iter()
            .flatten()
            .chain(pod.containers)
        {
            let program = container.command.unwrap();
            assert!(
                program[0].ends_with("/grace-cli") && program.len() == 1,
                "{program:?}"
            );
            let args = program.into_iter().chain(container.args.unwrap());
            grace_cli::Args::try_parse_from(args)
                .unwrap_or_else(|error| panic!("{}: {error}", path.0));
            parsed += 1;
        }
    }
    assert!(parsed >= 18, "{parsed}");
}

/// The pod's own arguments, on the folder that its volume makes of the `ConfigMap`, against a simulated server.
#[test]
fn a_pod_can_run_what_its_config_map_holds() {
    let golden = contents(&testdata("golden/k8s/options"));
    let (_, map) = golden
        .iter()
        .find(|(path, _)| path.starts_with("base/study-"))
        .unwrap();
    let map: ConfigMap = grace_k8s_gen::parse(map).unwrap();
    let job: Job = grace_k8s_gen::parse(&golden["jobs/grace-tiny-v1-a-replicated.yaml"]).unwrap();
    let pod = job.spec.unwrap().template.spec.unwrap();
    let volume = pod
        .volumes
        .unwrap()
        .into_iter()
        .find(|volume| volume.name == "config")
        .unwrap();
    let source = volume
        .projected
        .unwrap()
        .sources
        .unwrap()
        .remove(0)
        .config_map
        .unwrap();
    assert_eq!(Some(source.name), map.metadata.name);

    let folder = tempfile::tempdir().unwrap();
    for item in source.items.unwrap() {
        let path = folder.path().join("config").join(item.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &map.data.as_ref().unwrap()[&item.key]).unwrap();
    }
    let args = pod.containers.into_iter().next().unwrap().args.unwrap();
    let inside = |arg: String| match arg.strip_prefix('/') {
        Some(path) => folder.path().join(path).to_str().unwrap().to_owned(),
        None => arg,
    };
    let server = Server::plain();
    grace(args.into_iter().map(inside))
        .args(["--base-url", &server.url()])
        .env("JOB_COMPLETION_INDEX", "2")
        .run()
        .exits(0);
    let replication = folder.path().join("results/tiny.v1_a/replication-2");
    let seeds = crate::folder::metadata(&replication)["seeds"].clone();
    let annotations = job.metadata.annotations.unwrap();
    assert_eq!(
        annotations["grace/experiment-seeds"],
        "study1_exp1=5000-5002 mine=505000-505002"
    );
    assert_eq!(
        (
            seeds["study1_exp1_seed"].as_u64(),
            seeds["mine_seed"].as_u64()
        ),
        (Some(5002), Some(505_002))
    );
}

#[test]
fn a_check_shows_what_differs_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("manifests");
    generate(&out)
        .args(["--check"])
        .run()
        .exits(100)
        .says(&["23 missing", "+kind: Job"]);
    assert!(!out.exists());
    generate(&out)
        .run()
        .exits(0)
        .says(&["23 manifests, 23 new, 0 changed, 0 as they were; 0 removed"]);
    generate(&out)
        .args(["--check"])
        .run()
        .exits(0)
        .says(&["23 manifests, as they should be"]);
    let job = out.join("jobs/grace-llama-8b-rtx3090-replicated.yaml");
    let made = fs::read_to_string(&job).unwrap();
    let changed = made.replace("parallelism: 3", "parallelism: 30");
    fs::write(&job, &changed).unwrap();
    generate(&out).args(["--check"]).run().exits(100).says(&[
        "--- a/jobs/grace-llama-8b-rtx3090-replicated.yaml",
        "+++ b/jobs/grace-llama-8b-rtx3090-replicated.yaml",
        "-  parallelism: 30\n+  parallelism: 3\n",
        "1 changed, 0 missing, 0 left over, 22 as they should be",
    ]);
    assert_eq!(fs::read_to_string(&job).unwrap(), changed);
    generate(&out).run().exits(0).says(&["1 changed"]);
    assert_eq!(fs::read_to_string(&job).unwrap(), made);
}

#[test]
fn what_is_not_made_any_more_is_removed_and_what_others_made_is_not() {
    let out = tempfile::tempdir().unwrap();
    generate(out.path()).run().exits(0);
    fs::write(out.path().join("notes.txt"), "mine").unwrap();
    let only = ["--model", "gemma-2b-rtx3090"];
    generate(out.path())
        .args(only)
        .args(["--check"])
        .run()
        .exits(100)
        .says(&["12 left over", "-kind: Job"]);
    generate(out.path())
        .args(only)
        .run()
        .exits(0)
        .says(&["11 manifests, 0 new, 2 changed, 9 as they were; 12 removed"]);
    let left: Vec<String> = contents(out.path())
        .into_keys()
        .filter(|path| path.starts_with("jobs/"))
        .collect();
    assert_eq!(
        left,
        [
            "jobs/grace-gemma-2b-rtx3090-replicated.yaml",
            "jobs/kustomization.yaml"
        ]
    );
    fs::write(out.path().join("jobs/own.yaml"), "kind: Pod\n").unwrap();
    let before = contents(out.path());
    generate(out.path()).run().exits(42).says(&[
        "holds `jobs/own.yaml`, which gen-manifests did not make",
        "hint: ",
    ]);
    generate(out.path())
        .args(["--check"])
        .run()
        .exits(100)
        .says(&["1 left over"]);
    assert_eq!(contents(out.path()), before);
}

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

#[test]
fn without_a_folder_all_objects_are_one_stream() {
    let run = grace([
        "gen-manifests",
        "-m",
        "gemma-2b-rtx3090",
        "llama-3b-rtx3090",
    ])
    .run()
    .exits(0);
    assert_eq!(run.stdout.matches("\nkind: Job\n").count(), 4);
    assert_eq!(run.stdout.matches("---\n").count(), 8);
    assert!(
        !run.stdout.contains("Kustomization")
            && run
                .stderr
                .contains("warning: the stimuli `study1.csv`, `study2.csv` are not")
    );
    let own = testdata("k8s/options");
    let run = grace(["gen-manifests", "-n", "3", "--config"])
        .args([own])
        .run()
        .exits(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn programs_read_what_was_made_and_what_was_found() {
    let out = tempfile::tempdir().unwrap();
    let made = generate(out.path())
        .args(["--output", "json"])
        .run()
        .exits(0)
        .json();
    assert_eq!(made["manifests"].as_array().unwrap().len(), 23);
    let job = made["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["model"] == "gemma-2b-rtx3090")
        .unwrap();
    assert_eq!(
        (job["kind"].as_str(), job["found"].as_str()),
        (Some("Job"), Some("missing"))
    );
    let config = out.path().join("models.yaml.txt");
    let lab = grace(["gen-manifests", "--show-config"]).run().stdout;
    fs::write(&config, lab.replace("19Gi", "20Gi")).unwrap();
    let refused = grace(["gen-manifests", "--output", "json", "--config"])
        .args([&config])
        .run()
        .exits(42)
        .json();
    let breach = &refused["breaches"][0];
    assert_eq!(
        (breach["rule"].as_str(), breach["line"].as_u64()),
        (Some("limits_to_requests"), Some(13))
    );
    assert_eq!(refused["breaches"].as_array().unwrap().len(), 2);
}

#[test]
fn a_policy_of_ones_own_takes_the_place_of_the_configured_ones() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("nrp.yaml");
    let shown = grace(["gen-manifests", "--show-policy", "nrp"])
        .run()
        .exits(0)
        .stdout;
    fs::write(
        &policy,
        shown.replace("most_percent: 120", "most_percent: 110"),
    )
    .unwrap();
    let run = grace(["gen-manifests", "--policy"])
        .args([&policy])
        .run()
        .exits(42);
    assert_eq!(
        run.stderr
            .matches("breaks the rule `limits_to_requests`")
            .count(),
        21
    );
    let config = folder.path().join("models.yaml");
    let lab = grace(["gen-manifests", "--show-config"]).run().stdout;
    fs::write(
        &config,
        lab.replace("policy: [nrp, restricted]", "policy: nrp.yaml"),
    )
    .unwrap();
    grace(["gen-manifests", "--config"])
        .args([&config])
        .run()
        .exits(42)
        .says(&["breaks the rule `limits_to_requests`", "limit 110 %"]);
    grace(["gen-manifests", "--policy", "nope"])
        .run()
        .exits(42)
        .says(&["neither a file nor one of the built-in `nrp`, `restricted`"]);
    grace(["gen-manifests", "--show-policy", "nope"])
        .run()
        .exits(42)
        .says(&["expected one of `nrp`, `restricted`"]);
}

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

#[test]
fn the_program_installs_itself_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("bin/grace-cli");
    grace(["install-self"])
        .args([folder.path().join("bin")])
        .run()
        .exits(0)
        .says(&["bin/grace-cli"]);
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(
        fs::read(&target).unwrap(),
        fs::read(env!("CARGO_BIN_EXE_grace-cli")).unwrap()
    );
    let names: Vec<_> = fs::read_dir(folder.path().join("bin"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["grace-cli"]);
    grace(["install-self", "/proc/nowhere"])
        .run()
        .exits(75)
        .says(&["/proc/nowhere/grace-cli cannot be made"]);
}
