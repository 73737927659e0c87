//! `gen-manifests`, `plan` and `install-self`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use crate::command::{Grace, grace};

pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(path)
}

/// `gen-manifests` of the embedded configuration into `out`.
pub(crate) fn generate(out: &Path) -> Grace {
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
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, String> {
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
            pair || ["options", "reader", "README.md"].contains(&name.as_str()),
            "{name}"
        );
    }
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
