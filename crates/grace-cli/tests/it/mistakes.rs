//! Mistakes of users and servers that cannot do the work: each an error that says what and where, before any trial.

use std::fs;
use std::io::Write;
use std::time::Duration;

use grace_sim::{SeedPolicy, SimConfig};

use crate::command::{Ended, Grace, grace};
use crate::folder::{metadata, sealed};
use crate::server::{Server, tiny};
use crate::study::{Study, demo_file};

/// A small study after a change must be refused before any request, with `parts` said.
#[track_caller]
fn check(code: i32, change: impl FnOnce(&Study), args: &[&str], parts: &[&str]) -> Ended {
    let study = Study::new(3);
    change(&study);
    let server = Server::plain();
    let ended = study.replicate(&server).args(args).run();
    assert_eq!(server.counts().requests, 0, "{}", ended.output());
    assert!(!study.results().exists(), "{}", ended.output());
    ended.exits(code).says(parts)
}

/// Stimuli of study 1 with this content.
#[track_caller]
fn check_stimuli(content: impl AsRef<[u8]>, parts: &[&str]) {
    let change = |study: &Study| {
        let path = study.config().join("stimuli/study1.csv");
        fs::write(path, content).unwrap();
    };
    check(42, change, &[], parts).says(&["stimuli/study1.csv"]);
}

const HEADER: &str =
    "participant_id,story_shortname,story_setup,priorQ,speach,speachQ,knowledgeQ,access,observe\n";

#[test]
fn stimuli_that_are_no_utf8_are_refused_with_the_line() {
    check_stimuli(
        [HEADER.as_bytes(), b"1,a,caf\xe9,c,d,e,f,3,2\n"].concat(),
        &["study1.csv:2", "`story_setup`", "UTF-8"],
    );
}

#[test]
fn stimuli_with_a_column_twice_are_refused() {
    let twice = HEADER.replace("story_shortname", "access");
    check_stimuli(
        twice + "1,3,b,c,d,e,f,3,2\n",
        &["names the column `access` twice"],
    );
}

#[test]
fn stimuli_without_a_column_are_refused() {
    let without = HEADER.replace("knowledgeQ", "knowledge_q");
    check_stimuli(
        without + "1,a,b,c,d,e,f,3,2\n",
        &["has no column `knowledgeQ`", "study1_exp1"],
    );
}

#[test]
fn empty_stimuli_are_refused() {
    check_stimuli("", &["is empty"]);
    check_stimuli(HEADER, &["no row"]);
}

#[test]
fn stimuli_with_too_few_fields_are_refused_with_the_line() {
    let rows = "1,a,b,c,d,e,f,3,2\n1,a,b,c\n";
    check_stimuli(HEADER.to_owned() + rows, &["study1.csv:3", "4", "9"]);
}

#[test]
fn missing_stimuli_are_named() {
    let remove = |study: &Study| {
        fs::remove_file(study.config().join("stimuli/study2.csv")).unwrap();
    };
    check(42, remove, &[], &["stimuli/study2.csv", "No such file"]);
}

#[test]
fn a_field_of_100_megabytes_is_refused_in_little_time() {
    let fill = |study: &Study| {
        let path = study.config().join("stimuli/study1.csv");
        let mut file = fs::File::create(path).unwrap();
        file.write_all(HEADER.as_bytes()).unwrap();
        file.write_all(b"1,a,\"").unwrap();
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            file.write_all(&megabyte).unwrap();
        }
        file.write_all(b"\",c,d,e,f,3,2\n").unwrap();
    };
    let ended = check(42, fill, &[], &["study1.csv:2", "`story_setup`", "bytes"]);
    assert!(ended.took < Duration::from_secs(30), "{:?}", ended.took);
}

#[test]
fn mistakes_of_all_files_are_reported_at_once_with_their_lines() {
    let spoil = |study: &Study| {
        study.change("models.yaml", "huggingface_name", "hugging_face_name");
        study.write("plan.yaml", "replicatons: 3\nseed_bits: 64\n");
        study.write(
            "experiments/mine.yaml",
            "id: mine\ntitle: Mine\nsead_offset: 0\n",
        );
    };
    check(
        42,
        spoil,
        &[],
        &[
            "models.yaml:3: `models.tiny.hugging_face_name` is not a known key",
            "plan.yaml:1: `replicatons` is not a known key",
            "plan.yaml:2: `seed_bits` is `64`",
            "experiments/mine.yaml:3: `sead_offset` is not a known key",
        ],
    );
}

#[test]
fn mistakes_of_all_stimuli_are_reported_at_once() {
    let spoil = |study: &Study| {
        study.change("stimuli/study1.csv", "priorQ", "prior_q");
        study.change("stimuli/study2.csv", "Scenario", "Scene");
    };
    check(42, spoil, &[], &["`priorQ`", "`Scenario`"]);
}

#[test]
fn an_unknown_template_variable_is_named_with_its_line() {
    let spoil = |study: &Study| {
        let shown = grace(["experiments", "show", "study1_exp1"]).run().stdout;
        let wrong = shown.replace("{{trim speachQ}}", "{{trim speechQ}}");
        study.write("experiments/study1_exp1.yaml", &wrong);
    };
    let parts = [
        "experiments/study1_exp1.yaml:",
        "`{{speechQ}}`",
        "`{{speachQ}}`",
    ];
    check(42, spoil, &[], &parts);
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let limit = ["invalid value '0' for '--limit"];
    check(2, |_| (), &["--limit", "0"], &limit);
    let share = ["invalid value '2' for '--fail-on-error", "from 0 to 1"];
    check(2, |_| (), &["--fail-on-error", "2"], &share);
    let connections = ["invalid value '0' for '--max-connections"];
    check(2, |_| (), &["--max-connections", "0"], &connections);
    let timeout = ["invalid value '0' for '--timeout", "over 0"];
    check(2, |_| (), &["--timeout", "0"], &timeout);
}

/// `replicate` without `--replication`.
fn without_index(server: &Server, study: &Study) -> Grace {
    study
        .command(&study.results())
        .args(["--base-url", &server.url()])
}

#[test]
fn an_index_that_cannot_be_or_is_missing_is_named() {
    let (study, server) = (Study::new(1), Server::plain());
    without_index(&server, &study)
        .run()
        .exits(42)
        .says(&["JOB_COMPLETION_INDEX", "--replication"]);
    for index in ["-1", "one", "4294967296"] {
        without_index(&server, &study)
            .env("JOB_COMPLETION_INDEX", index)
            .run()
            .exits(42)
            .says(&[&format!("JOB_COMPLETION_INDEX is `{index}`"), "from 0"]);
    }
    without_index(&server, &study)
        .args(["--replication", "-1"])
        .run()
        .exits(2)
        .says(&["invalid value '-1' for '--replication"]);
    assert_eq!(server.counts().requests, 0);
    without_index(&server, &study)
        .env("JOB_COMPLETION_INDEX", "2")
        .run()
        .exits(0);
    assert_eq!(metadata(&study.replication(2))["replication_index"], 2);
}

#[test]
fn a_results_path_that_is_a_file_is_named() {
    let (study, server) = (Study::new(1), Server::plain());
    let file = study.folder().join("taken");
    fs::write(&file, "mine").unwrap();
    study
        .replicate_into(&file, &server.url())
        .run()
        .exits(42)
        .says(&[file.to_str().unwrap(), "must be a folder"]);
    assert_eq!(server.counts().requests, 0);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn an_unknown_model_experiment_or_configuration_is_named_with_what_there_is() {
    let model = ["`huge`", "models.yaml", "`tiny`"];
    let (study, server) = (Study::new(1), Server::plain());
    grace(["replicate", "--model", "huge", "--replication", "0"])
        .args(["--config".as_ref(), study.config().as_os_str()])
        .args(["--results".as_ref(), study.results().as_os_str()])
        .args(["--base-url", &server.url()])
        .run()
        .exits(42)
        .says(&model);
    assert_eq!(server.counts().requests, 0);
    let experiment = ["`study9`", "`study1_exp1`"];
    check(42, |_| (), &["--experiment", "study9"], &experiment);
    let unplanned = ["`study1_exp2` is not part of the plan", "`study1_exp1`"];
    check(42, |_| (), &["--experiment", "study1_exp2"], &unplanned);
    let planned = |study: &Study| study.write("plan.yaml", "experiments: [study9]\n");
    check(42, planned, &[], &["plan.yaml", "`study9`"]);
    let gone = |study: &Study| fs::remove_dir_all(study.config()).unwrap();
    check(42, gone, &[], &["config", "is no folder"]);
}

#[test]
fn a_missing_or_wrong_address_is_named() {
    let study = Study::new(1);
    let results = study.results();
    let command = || study.command(&results).args(["--replication", "0"]);
    // Without one a server would be started.
    command()
        .run()
        .exits(42)
        .says(&["`vllm`", "--base-url", "OPENAI_BASE_URL"]);
    command()
        .args(["--base-url", "127.0.0.1:8000"])
        .run()
        .exits(42)
        .says(&["127.0.0.1:8000"]);
    // A port that nothing listens at: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let ended = command().args(["--base-url", &url, "--timeout", "1"]).run();
    assert!(ended.took < Duration::from_secs(10));
    ended
        .exits(75)
        .says(&[url.trim_end_matches("/v1"), "not ready within 1 s"]);
}

#[test]
fn an_address_from_the_environment_is_used() {
    let (study, server) = (Study::new(1), Server::plain());
    study
        .command(&study.results())
        .env("OPENAI_BASE_URL", &server.url())
        .env("GRACE_REPLICATION", "0")
        .run()
        .exits(0);
}

#[test]
fn a_server_of_another_model_is_refused_with_both_names() {
    let study = Study::new(1);
    let server = Server::start(SimConfig::new("lab/other"));
    study
        .replicate(&server)
        .run()
        .exits(42)
        .says(&["does not serve `lab/tiny`", "`lab/other`"]);
    assert_eq!(server.counts().generations, 0);
}

#[track_caller]
fn check_seed_policy(policy: SeedPolicy, what: &str, behaviour: &str) {
    let study = Study::new(2);
    let server = Server::start(tiny().with_seed_policy(policy).with_request_log(100));
    study.replicate(&server).run().exits(42).says(&[
        "does not honour seeds",
        what,
        "--seeds-optional",
    ]);
    assert!(server.asked().is_empty(), "trials were asked");
    study
        .replicate(&server)
        .args(["--seeds-optional"])
        .run()
        .exits(0)
        .says(&["does not honour seeds"]);
    let metadata = metadata(&study.replication(0));
    assert_eq!(metadata["probe"]["seed"], behaviour);
    assert!(!sealed(&study.replication(0)).is_empty());
}

#[test]
fn a_server_that_ignores_seeds_is_refused_unless_seeds_are_optional() {
    let what = "the same seed gives different texts";
    check_seed_policy(SeedPolicy::Ignores, what, "ignored");
}

#[test]
fn a_server_with_one_text_for_all_seeds_is_refused_unless_seeds_are_optional() {
    let what = "every seed gives the same text";
    check_seed_policy(SeedPolicy::Constant, what, "constant");
}

#[test]
fn run_names_mistakes_before_any_request() {
    let (study, server) = (Study::new(1), Server::plain());
    let output = study.results();
    let run = |experiment: &str, input: &str| {
        let input = demo_file(input);
        grace(["run", "--experiment", experiment, "--input"])
            .args([input])
            .args(["--output".as_ref(), output.as_os_str()])
            .args(["--model-name", "lab/tiny", "--base-url", &server.url()])
    };
    run("study9", "study1.csv")
        .run()
        .exits(42)
        .says(&["`study9`", "`study1_exp1`"]);
    run("study1_exp1", "study2.csv")
        .run()
        .exits(42)
        .says(&["study2.csv", "has no column `story_setup`"]);
    run("study1_exp1", "study9.csv")
        .run()
        .exits(42)
        .says(&["study9.csv", "No such file"]);
    run("study1_exp1", "study1.csv")
        .args(["--seed", "-5"])
        .run()
        .exits(2)
        .says(&["invalid value '-5' for '--seed"]);
    assert_eq!(server.counts().requests, 0);
}
