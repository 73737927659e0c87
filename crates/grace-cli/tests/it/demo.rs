//! `demo` and `serve-sim`: nothing but the binary.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::command::grace;
use crate::folder::{contents, sealed};
use crate::study::{Study, replication_in};

#[test]
fn the_demo_runs_twice_and_changes_nothing_the_second_time() {
    let study = Study::new(1);
    let out = study.folder().join("demo");
    let demo = || {
        grace(["demo", "--limit", "20", "--out"])
            .args([&out])
            .run()
            .exits(0)
    };
    demo().says(&[
        "sim-exchangeable",
        "sim-batch-effect",
        "10 of 10",
        out.join("results").to_str().unwrap(),
    ]);
    let results = out.join("results");
    let before = contents(&results);
    demo();
    assert_eq!(contents(&results), before);
    grace(["verify".as_ref(), results.as_path()]).run().exits(0);
}

#[test]
fn the_demo_finds_what_was_planted() {
    let study = Study::new(1);
    let out = study.folder().join("demo");
    // All trials of Study 1, of which the planted measure is.
    let ended = grace(["demo", "--limit", "300", "--out"])
        .args([&out])
        .run()
        .exits(0);
    ended.says(&[
        "planted",
        "found",
        out.join("report.html").to_str().unwrap(),
    ]);
    assert!(out.join("dataset/study2_exp1.parquet").is_file());
    let rows = grace(["icc".as_ref(), out.join("results").as_os_str()])
        .args(["--measure", "quantity", "--pooled", "--output", "json"])
        .run()
        .exits(0)
        .json();
    let (shifted, alike) = (&rows[0], &rows[1]);
    assert_eq!(
        (&shifted["model"], &alike["model"]),
        (&"sim-batch-effect".into(), &"sim-exchangeable".into())
    );
    // 5 replications: the estimate of a planted 0.2 varies, but it is the same in each run.
    let icc = shifted["icc"].as_f64().unwrap();
    assert!((0.15..0.25).contains(&icc), "{icc}");
    assert!(shifted["p"].as_f64().unwrap() < 1e-6, "{shifted}");
    assert!(alike["icc"].as_f64().unwrap() < 0.01, "{alike}");
    assert!(alike["p"].as_f64().unwrap() > 0.05, "{alike}");
}

#[test]
fn the_demo_goes_to_its_own_folder_by_default() {
    let study = Study::new(1);
    grace(["demo", "--limit", "2"])
        .current_dir(study.folder())
        .run()
        .exits(0);
    assert!(study.folder().join("grace-demo/results").is_dir());
}

#[test]
fn a_served_simulation_answers_a_replication_and_ends_by_signal() {
    let study = Study::new(3);
    let mut server = grace(["serve-sim", "--port", "0", "--model", "lab/tiny"]).start();
    let url = server.first_line();
    let url = url.rsplit(' ').next().unwrap();
    let results = study.results();
    study.replicate_into(&results, url).run().exits(0);
    assert_eq!(sealed(&replication_in(&results, 0)), study.undisturbed());
    server.signal("TERM");
    server.wait(Duration::from_secs(5)).exits(0);
}

/// All that comes back for one completion request; nothing if the connection is cut.
fn completion(address: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset is what one of the tests waits for.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_served_simulation_scores_with_the_faults_asked_for_and_dies_when_told() {
    let mut server = grace(["serve-sim", "--port", "0", "--dialect", "llama-cpp"])
        .args([
            "--scoring-fault",
            "null",
            "--merging",
            "apart",
            "--die-after",
            "1",
        ])
        .start();
    let url = server.first_line();
    let address = url
        .rsplit_once("http://")
        .and_then(|(_, rest)| rest.strip_suffix("/v1"))
        .unwrap();
    let body = r#"{"prompt": "x", "max_tokens": 1, "logprobs": 1}"#;
    let answer = completion(address, body);
    assert!(answer.contains(r#""logprob":null"#), "{answer}");
    assert_eq!(completion(address, body), "");
    server
        .wait(Duration::from_secs(5))
        .exits(1)
        .says(&["has died, as it was told to"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    grace(["serve-sim", "--port", &port])
        .run()
        .exits(75)
        .says(&[&format!("port {port}"), "--port 0"]);
}
