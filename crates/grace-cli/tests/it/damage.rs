//! Journals that a crash, or a bad disk, has damaged.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::command::grace;
use crate::folder::{Sealed, copy, count, journals, sealed};
use crate::server::Server;
use crate::study::{Study, replication_in};

/// Journals in one replication: each is cut at another byte, so that one process answers for many cuts.
const EXPERIMENTS: usize = 8;
const ROWS: usize = 3;

/// A study of many small experiments.
fn study_of_many() -> Study {
    let study = Study::new(1);
    study.write("plan.yaml", "replications: 5\n");
    for number in 0..EXPERIMENTS {
        let id = format!("e{number:02}");
        study.write(&format!("experiments/{id}.yaml"), &small(&id, number * 10));
    }
    study.write("stimuli/small.csv", "animal\ncat\ndog\nüñí\n");
    study
}

fn small(id: &str, seed_offset: usize) -> String {
    format!(
        "id: {id}\ntitle: Small\nseed_offset: {seed_offset}\n\
         stimuli: {{file: small.csv, columns: [animal]}}\n\
         queries:\n  - id: q\n    kind: generate\n    prompt: \"{{{{animal}}}}: yes or no?\"\n    \
         sampling: {{temperature: 1, top_p: 1, top_k: 0, min_p: 0, presence_penalty: 0, frequency_penalty: 0, \
         repetition_penalty: 1, max_tokens: 4}}\n    stop: []\n    read: {{kind: yes_no, column: answer}}\n    \
         columns: {{response: response}}\n"
    )
}

/// A replication whose queries are all answered, and which was killed before it was sealed.
struct Interrupted {
    study: Study,
    server: Server,
    undisturbed: Sealed,
    results: TempDir,
}

const ANYTHING_READ: [&str; 2] = ["--fail-on-error", "1"];

impl Interrupted {
    fn new(study: Study) -> Self {
        let undisturbed = study.undisturbed_with(&ANYTHING_READ);
        let server = Server::plain();
        let results = quick_folder();
        let mut running = study
            .replicate_into(results.path(), &server.url())
            .args(ANYTHING_READ)
            .start();
        assert!(running.says("[7/7]"));
        assert!(running.kill(), "the end came before the kill");
        Self {
            study,
            server,
            undisturbed,
            results,
        }
    }

    /// Damages a copy of the replication, runs it again and compares what is sealed.
    #[track_caller]
    fn check(&self, what: &str, damage: impl Fn(&Path)) -> TempDir {
        let results = quick_folder();
        copy(self.results.path(), results.path());
        damage(&replication_in(results.path(), 0));
        let ended = self
            .study
            .replicate_into(results.path(), &self.server.url())
            .args(ANYTHING_READ)
            .run();
        assert_eq!(ended.code(), Some(0), "{what}: {}", ended.output());
        let sealed = sealed(&replication_in(results.path(), 0));
        assert!(
            sealed == self.undisturbed,
            "{what}: other records are sealed"
        );
        results
    }
}

/// In memory where that is possible: nothing here depends on a disk, and syncing one takes time.
fn quick_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::new_in(memory).unwrap()
    } else {
        TempDir::new().unwrap()
    }
}

/// Where the last two lines of a journal begin, and where it ends.
fn last_two_lines(journal: &[u8]) -> (usize, usize) {
    let breaks = |(at, byte): (usize, &u8)| (*byte == b'\n').then_some(at + 1);
    let ends: Vec<usize> = journal.iter().enumerate().filter_map(breaks).collect();
    assert_eq!(ends.len(), ROWS);
    (ends[0], ends[2])
}

fn longest_tail(replication: &Path) -> usize {
    let tails = journals(replication).into_iter().map(|path| {
        let (start, end) = last_two_lines(&fs::read(path).unwrap());
        end - start
    });
    tails.max().unwrap()
}

#[test]
fn a_journal_cut_at_any_byte_of_its_last_two_lines_changes_no_result() {
    let interrupted = Interrupted::new(study_of_many());
    let bytes = longest_tail(&replication_in(interrupted.results.path(), 0));
    assert!(bytes > 1000, "{bytes} bytes are not two lines");
    let rounds = bytes.div_ceil(EXPERIMENTS) + 1;
    let threads = 2;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let interrupted = &interrupted;
            scope.spawn(move || {
                for round in (thread..rounds).step_by(threads) {
                    interrupted.check(&format!("round {round}"), |replication| {
                        cut_all(replication, round * EXPERIMENTS);
                    });
                }
            });
        }
    });
}

/// Cuts the first journal `first` bytes behind its first line, the next one byte later, and so on.
fn cut_all(replication: &Path, first: usize) {
    for (number, path) in journals(replication).into_iter().enumerate() {
        let journal = fs::read(&path).unwrap();
        let (start, end) = last_two_lines(&journal);
        let cut = (start + first + number).min(end);
        fs::write(path, &journal[..cut]).unwrap();
    }
}

/// What it is called, how many lines it spoils, and how.
type Damage = (&'static str, u64, fn(&[u8]) -> Vec<u8>);

/// Damage to the first journal.
fn kinds() -> [Damage; 8] {
    fn insert(journal: &[u8], bytes: &[u8]) -> Vec<u8> {
        let at = last_two_lines(journal).0;
        [&journal[..at], bytes, &journal[at..]].concat()
    }
    fn overwrite(journal: &[u8], at: &[u8], with: &[u8]) -> Vec<u8> {
        let found = journal.windows(at.len()).position(|bytes| bytes == at);
        let start = found.unwrap() + at.len();
        let end = start + with.len();
        [&journal[..start], with, &journal[end..]].concat()
    }
    [
        ("garbage between lines", 1, |journal| {
            insert(journal, b"{\"trial_id\": what?\n")
        }),
        ("bytes that are no UTF-8", 1, |journal| {
            insert(journal, b"\xff\xfe\x00\n")
        }),
        ("an empty line", 1, |journal| insert(journal, b"\n")),
        ("an answer to a question not asked", 1, |journal| {
            insert(
                journal,
                b"{\"trial_id\":99,\"query\":\"q\",\"seed\":1,\"outcome\":\"answered\"}\n",
            )
        }),
        ("NUL bytes behind the last line", 1, |journal| {
            [journal, &[0; 4096]].concat()
        }),
        ("a NUL byte in a string", 1, |journal| {
            overwrite(journal, b"\"prompt\":\"", b"\0")
        }),
        ("a broken byte in an answer", 1, |journal| {
            overwrite(journal, b"\"text\":\"", b"\xff")
        }),
        ("the whole journal empty", 0, |_| Vec::new()),
    ]
}

#[test]
fn damaged_lines_are_counted_and_asked_again() {
    let interrupted = Interrupted::new(study_of_many());
    for (what, lines, damage) in kinds() {
        let results = interrupted.check(what, |replication| {
            let path = &journals(replication)[0];
            fs::write(path, damage(&fs::read(path).unwrap())).unwrap();
        });
        let replication = replication_in(results.path(), 0);
        assert_eq!(count(&replication, "damaged_lines"), lines, "{what}");
    }
}

#[test]
fn a_description_that_cannot_be_read_is_named_and_left_alone() {
    let study = Study::new(2);
    let server = Server::plain();
    study.replicate(&server).run().exits(0);
    let replication = study.replication(0);
    fs::remove_file(replication.join("MANIFEST.sha256")).unwrap();
    let metadata = replication.join("metadata.json");
    fs::write(&metadata, "{\"schema\": ").unwrap();
    study
        .replicate(&server)
        .run()
        .exits(42)
        .says(&[metadata.to_str().unwrap(), "cannot be read"]);
    assert_eq!(fs::read_to_string(&metadata).unwrap(), "{\"schema\": ");
    grace(["verify".as_ref(), replication.as_path()])
        .run()
        .exits(100);
}
