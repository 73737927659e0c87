//! Each kind of file × each kind of damage: the replication is left out as a whole and told of, the others are whole.

use std::fs;
use std::path::Path;

use crate::sealed::{Folder, ONE, records};

/// Three replications of two experiments.
fn results() -> Folder {
    let folder = Folder::new();
    for index in 0..3 {
        folder.seal(
            "m",
            index,
            &[
                ("one", records("one", index, 4)),
                ("two", records("two", index, 4)),
            ],
        );
    }
    folder
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 5] = [
    ("deleted", |path| fs::remove_file(path).unwrap()),
    ("emptied", |path| fs::write(path, "").unwrap()),
    ("cut in half", |path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("one byte changed", |path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }),
    ("replaced by a folder", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
];

#[test]
fn a_damaged_replication_is_left_out_as_a_whole_and_told_of() {
    for file in ["metadata.json", "one.json", "two.json", "MANIFEST.sha256"] {
        for (name, damage) in DAMAGES {
            let folder = results();
            damage(&folder.replication("m", 1).join(file));
            let findings = folder.findings();
            assert!(!findings.is_empty(), "{file} {name}");
            assert!(
                findings
                    .iter()
                    .all(|finding| finding.contains("m/replication-1")),
                "{file} {name}: {findings:?}"
            );
            for experiment in ["one", "two"] {
                let replications = folder.columns(experiment, &["replication_id"]).join(" ");
                assert_eq!(
                    replications, "0 0 0 0 2 2 2 2",
                    "{file} {name}: {experiment}"
                );
            }
        }
    }
}

#[test]
fn records_cut_at_any_byte_are_never_half_read() {
    let folder = results();
    let path = folder.replication("m", 1).join("one.json");
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(101) {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(
            folder.columns("one", &["replication_id"]).join(" "),
            "0 0 0 0 2 2 2 2",
            "cut at byte {cut}"
        );
    }
}

#[test]
fn an_unsealed_replication_says_how_far_it_is() {
    let folder = results();
    fs::remove_file(folder.replication("m", 1).join("MANIFEST.sha256")).unwrap();
    assert_eq!(
        folder.findings(),
        ["unsealed: m/replication-1: is not sealed: its status is `complete`"]
    );
}

#[test]
fn another_format_is_refused() {
    let folder = results();
    let path = folder.replication("m", 1).join("metadata.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("grace.replication/v1", "grace.replication/v9"),
    )
    .unwrap();
    assert_eq!(
        folder.findings(),
        [
            "refused: m/replication-1/metadata.json: has the format `grace.replication/v9`, expected `grace.replication/v1`"
        ]
    );
}

#[test]
fn records_with_a_trial_twice_are_left_out() {
    let folder = Folder::with_replications(2);
    let mut records = records("tiny", 2, 3);
    records[0]["trial_id"] = 0.into();
    folder.seal("m", 2, &[("tiny", records)]);
    assert_eq!(
        folder.findings(),
        ["duplicated: m/replication-2/tiny.json: holds 1 trials more than once"]
    );
    let rows = folder.completeness().rows;
    assert_eq!((rows[2].duplicate_trials, rows[2].rows), (1, 0));
}

#[test]
fn a_file_that_was_not_sealed_is_told_of_and_not_read() {
    let folder = results();
    folder.write("m/replication-1/three.json", "[]");
    assert_eq!(
        folder.findings(),
        [
            "refused: m/replication-1/three.json: is not in MANIFEST.sha256: it was not part of what was sealed"
        ]
    );
    assert_eq!(folder.columns("one", &["replication_id"]).len(), 12);
    assert!(!folder.tables(ONE).contains_key("three.csv"));
}

#[test]
fn a_begun_folder_without_anything_is_told_of() {
    let folder = results();
    fs::create_dir_all(folder.replication("m", 3).join("attempts")).unwrap();
    fs::create_dir_all(folder.replication("m", 4)).unwrap();
    assert_eq!(
        folder.findings(),
        [
            "missing: m/replication-3/metadata.json: is not there, though a replication was begun",
            "missing: m/replication-4: holds no records: it never began"
        ]
    );
}

#[test]
fn a_replication_with_other_inputs_is_no_replication_of_these() {
    let folder = Folder::with_replications(4);
    for index in 0..4 {
        folder.change_metadata("m", index, |metadata| {
            metadata["inputs"]["tiny.seed"] = index.to_string().into();
            metadata["inputs"]["tiny.prompts_sha256"] = "a".into();
        });
    }
    assert_eq!(folder.findings(), [""; 0], "planned seeds differ");
    folder.change_metadata("m", 0, |metadata| {
        metadata["inputs"]["tiny.prompts_sha256"] = "b".into();
    });
    let [finding] = folder.findings().try_into().unwrap();
    let finding: String = finding;
    assert!(
        finding.starts_with("refused: m/replication-0: has other inputs than "),
        "{finding}"
    );
    assert!(
        finding.ends_with("replication-1, as most of this model have: tiny.prompts_sha256"),
        "{finding}"
    );
    let rows = folder.completeness().rows;
    assert_eq!([rows[0].rows, rows[1].rows], [0, 3]);
}
