//! A study in a temporary folder: configuration, stimuli, results.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::command::{Grace, grace};
use crate::folder::{Sealed, sealed};
use crate::server::{MODEL, Server};

/// Of the generate experiments: study 1 asks two queries a row, study 2 one.
pub(crate) const QUERIES_A_ROW: usize = 3;

/// The plan of most tests: the experiments that sample text, with every other setting at its default.
pub(crate) const GENERATE: &str = "experiments: [study1_exp1, study2_exp1]\n";

/// A configuration with the model `tiny`, and rows of the project's own stimuli.
pub(crate) struct Study {
    folder: TempDir,
}

impl Study {
    /// The built-in generate experiments on the first `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        let study = Self::whole(rows);
        study.write("plan.yaml", GENERATE);
        study
    }

    /// All four built-in experiments on the first `rows` rows, by default settings.
    pub(crate) fn whole(rows: usize) -> Self {
        let study = Self {
            folder: TempDir::new().unwrap(),
        };
        fs::create_dir_all(study.config().join("stimuli")).unwrap();
        study.write(
            "models.yaml",
            &format!("models:\n  tiny:\n    huggingface_name: {MODEL}\n"),
        );
        for name in ["study1.csv", "study2.csv"] {
            study.write(&format!("stimuli/{name}"), &demo_rows(name, rows));
        }
        study
    }

    /// Its own temporary folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("config")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.folder().join("results")
    }

    /// The folder of replication `index`.
    pub(crate) fn replication(&self, index: u32) -> PathBuf {
        replication_in(&self.results(), index)
    }

    /// Writes a file of the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.config().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Changes a file of the configuration.
    #[track_caller]
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.config().join(name)).unwrap();
        assert!(text.contains(from), "{name} does not hold `{from}`");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// Puts built-in experiments into the configuration as files.
    pub(crate) fn with_own_experiments(self, ids: &[&str]) -> Self {
        for id in ids {
            let shown = grace(["experiments", "show", id]).run().exits(0).stdout;
            self.write(&format!("experiments/{id}.yaml"), &shown);
        }
        self
    }

    /// `replicate` of replication 0 into the study's results.
    pub(crate) fn replicate(&self, server: &Server) -> Grace {
        self.replicate_into(&self.results(), &server.url())
    }

    /// `replicate` of replication 0.
    pub(crate) fn replicate_into(&self, results: &Path, url: &str) -> Grace {
        self.command(results)
            .args(["--replication", "0", "--base-url", url])
    }

    /// `replicate` without replication and server.
    pub(crate) fn command(&self, results: &Path) -> Grace {
        grace(["replicate", "--model", "tiny", "--config"])
            .args([&self.config()])
            .args(["--results".as_ref(), results.as_os_str()])
    }

    /// What an undisturbed replication 0 seals.
    pub(crate) fn undisturbed(&self) -> Sealed {
        self.undisturbed_with(&[])
    }

    /// What an undisturbed replication 0 with further arguments seals.
    pub(crate) fn undisturbed_with(&self, args: &[&str]) -> Sealed {
        let server = Server::plain();
        let results = TempDir::new().unwrap();
        self.replicate_into(results.path(), &server.url())
            .args(args)
            .run()
            .exits(0);
        sealed(&replication_in(results.path(), 0))
    }
}

/// The folder of replication `index` of `tiny` under `results`.
pub(crate) fn replication_in(results: &Path, index: u32) -> PathBuf {
    results.join("tiny").join(format!("replication-{index}"))
}

/// A file of the project's own stimuli.
pub(crate) fn demo_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("demo")
        .join(name)
}

/// Header and first `rows` rows of a file of the project's own stimuli, which hold no line breaks.
pub(crate) fn demo_rows(name: &str, rows: usize) -> String {
    let text = fs::read_to_string(demo_file(name)).unwrap();
    text.split_inclusive('\n').take(rows + 1).collect()
}
