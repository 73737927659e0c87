//! What the reader pod does: a list and a stream, of nothing but results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;

use grace_core::Digest;
use grace_core::export::{Line, State};
use grace_runner::export::{ExportError, Sent, UseMark, list, send};
use tempfile::TempDir;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A sealed replication of `tiny`.
fn seal(root: &Path, index: u32) {
    let folder = format!("tiny/replication-{index}");
    let mut lines = String::new();
    for (name, text) in [("exp.json", "[1]"), ("metadata.json", "{}")] {
        write(root, &format!("{folder}/{name}"), text);
        writeln!(lines, "{}  {name}", Digest::of(text.as_bytes())).unwrap();
    }
    write(root, &format!("{folder}/attempts/a/exp.jsonl"), "{}\n{}\n");
    write(root, &format!("{folder}/attempts/.lock"), "");
    write(
        root,
        &format!("{folder}/attempts/a/sealed/exp.json"),
        "other",
    );
    write(root, &format!("{folder}/MANIFEST.sha256"), &lines);
}

fn listed(root: &Path) -> Vec<Line> {
    let mut out = Vec::new();
    list(root, &[], &UseMark::at(None), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn states(root: &Path) -> Vec<(u32, State)> {
    let replications = listed(root).into_iter().filter_map(|line| match line {
        Line::Replication(it) => Some((it.index, it.state)),
        _ => None,
    });
    replications.collect()
}

/// The entries of a stream.
fn sent(root: &Path, wanted: &str) -> (Result<Sent, ExportError>, BTreeMap<String, String>) {
    let mut out = Vec::new();
    let sent = send(root, &mut wanted.as_bytes(), &UseMark::at(None), &mut out);
    let mut archive = tar::Archive::new(out.as_slice());
    let entries = archive
        .entries()
        .unwrap()
        .map_while(Result::ok)
        .map(|mut entry| {
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (path, text)
        });
    (sent, entries.collect())
}

#[test]
fn lists_sealed_files_with_their_digests_and_journals_without() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 10);
    seal(root.path(), 9);
    let lines = listed(root.path());
    let Line::Volume(volume) = &lines[0] else {
        panic!("{lines:?}")
    };
    assert!(volume.free_bytes.unwrap() <= volume.total_bytes.unwrap());
    assert_eq!(lines[3], Line::End { replications: 2 });
    let states = states(root.path());
    assert_eq!([states[0].0, states[1].0], [9, 10]);
    let State::Sealed {
        manifest,
        files,
        attempts,
    } = &states[0].1
    else {
        panic!()
    };
    let text = fs::read(root.path().join("tiny/replication-9/MANIFEST.sha256")).unwrap();
    assert_eq!(
        (manifest.sha256, manifest.bytes),
        (Digest::of(&text), text.len() as u64)
    );
    let names: Vec<&str> = files.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["exp.json", "metadata.json"]);
    assert_eq!((files[0].bytes, files[0].sha256), (3, Digest::of(b"[1]")));
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].name.as_str(), attempts[0].bytes),
        ("exp.jsonl", 6)
    );
}

#[test]
fn says_why_a_replication_is_not_listed_as_sealed() {
    let root = TempDir::new().unwrap();
    for index in 0..4 {
        seal(root.path(), index);
    }
    let folder = |index: u32| root.path().join(format!("tiny/replication-{index}"));
    fs::remove_file(folder(0).join("MANIFEST.sha256")).unwrap();
    fs::remove_file(folder(1).join("exp.json")).unwrap();
    fs::write(folder(2).join("MANIFEST.sha256"), "no digest  exp.json\n").unwrap();
    let outside = format!("{}  ../../secret\n", Digest::of(b""));
    fs::write(folder(3).join("MANIFEST.sha256"), outside).unwrap();
    fs::create_dir_all(root.path().join("tiny/replication-4/attempts")).unwrap();
    let said: Vec<String> = states(root.path())
        .into_iter()
        .map(|(_, state)| match state {
            State::Unsealed { why } => format!("unsealed: {why}"),
            State::Broken { why } => format!("broken: {why}"),
            state => panic!("{state:?}"),
        })
        .collect();
    let wanted = [
        "unsealed: its metadata.json cannot be read",
        "broken: exp.json is in MANIFEST.sha256 and cannot be read",
        "broken: MANIFEST.sha256:1 is not a digest and a file name",
        "broken: MANIFEST.sha256:1 is not a digest and a file name",
        "unsealed: it has no metadata.json: it never began",
    ];
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.starts_with(wanted), "{said}");
    }
    assert_eq!(said.len(), wanted.len());
}

#[test]
fn streams_each_file_with_the_digest_of_what_was_sent() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 0);
    let wanted = "tiny/replication-0/attempts/a/exp.jsonl\ntiny/replication-0/exp.json\n\n";
    let (sent, entries) = sent(root.path(), wanted);
    assert_eq!(sent.unwrap().files, 2);
    assert_eq!(entries["content/tiny/replication-0/exp.json"], "[1]");
    assert_eq!(
        entries["sha256/tiny/replication-0/attempts/a/exp.jsonl"],
        Digest::of(b"{}\n{}\n").to_string()
    );
    assert_eq!(entries["end"], "2 0\n");
}

#[test]
fn a_file_that_vanished_is_said_and_the_others_are_sent() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 0);
    let wanted =
        "tiny/replication-0/gone.json\ntiny/replication-7/x\ntiny/replication-0/exp.json\n\n";
    let (sent, entries) = sent(root.path(), wanted);
    let sent = sent.unwrap();
    assert_eq!((sent.files, sent.failed), (1, 2));
    assert!(entries["failed/tiny/replication-0/gone.json"].contains("No such file"));
    assert_eq!(entries["content/tiny/replication-0/exp.json"], "[1]");
}

#[test]
fn no_link_leads_out_of_the_results() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 0);
    let secret = TempDir::new().unwrap();
    write(secret.path(), "replication-0/exp.json", "secret");
    write(secret.path(), "exp.json", "secret");
    let link =
        |from: &str| std::os::unix::fs::symlink(secret.path(), root.path().join(from)).unwrap();
    link("model");
    link("tiny/replication-1");
    link("tiny/replication-0/attempts/b");
    let folder = root.path().join("tiny/replication-0");
    std::os::unix::fs::symlink(secret.path().join("exp.json"), folder.join("link.json")).unwrap();
    let wanted = "model/replication-0/exp.json\ntiny/replication-1/exp.json\n\
                  tiny/replication-0/attempts/b/exp.json\ntiny/replication-0/link.json\n\n";
    let (result, entries) = sent(root.path(), wanted);
    assert_eq!(result.unwrap().failed, 4);
    assert!(
        !entries.values().any(|text| text.contains("secret")),
        "{entries:?}"
    );
    let states = states(root.path());
    assert_eq!(states.len(), 2, "{states:?}");
    assert!(matches!(states[1].1, State::Broken { .. }), "{states:?}");
    assert!(matches!(&states[0].1, State::Sealed { attempts, .. } if attempts.len() == 1));
}

#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 0);
    let pipe = root.path().join("tiny/replication-0/pipe.json");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let (result, entries) = sent(root.path(), "tiny/replication-0/pipe.json\n\n");
    assert_eq!(result.unwrap().failed, 1);
    assert_eq!(
        entries["failed/tiny/replication-0/pipe.json"],
        "is no regular file"
    );
}

#[test]
fn names_of_other_files_and_lists_that_were_cut_off_are_refused() {
    let root = TempDir::new().unwrap();
    seal(root.path(), 0);
    for (wanted, message) in [
        ("../../etc/passwd\n\n", "line 1 of the wanted files"),
        ("tiny/replication-0/exp.json\n", "cut off after 1 lines"),
        ("tiny/replication-0/exp.json", "cut off after 0 lines"),
        ("", "cut off after 0 lines"),
    ] {
        let (result, entries) = sent(root.path(), wanted);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(entries.is_empty(), "{entries:?}");
    }
}
