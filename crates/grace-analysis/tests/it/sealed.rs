//! Results folders with known content.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use grace_analysis::Results;
use grace_analysis::aggregate::aggregate;
use grace_analysis::completeness::Completeness;
use grace_analysis::schema::Definitions;
use grace_core::Digest;
use grace_core::experiment::{BUILTIN, Experiment};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// A results folder that is deleted in the end.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// Model `m` with this many replications of `tiny`, of three trials each.
    pub(crate) fn with_replications(count: u32) -> Self {
        let folder = Self::new();
        for index in 0..count {
            folder.seal("m", index, &[("tiny", records("tiny", index, 3))]);
        }
        folder
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    pub(crate) fn replication(&self, model: &str, index: u32) -> PathBuf {
        self.results()
            .join(model)
            .join(format!("replication-{index}"))
    }

    /// Writes a sealed replication of these experiments.
    pub(crate) fn seal(&self, model: &str, index: u32, experiments: &[(&str, Vec<Value>)]) {
        let folder = self.replication(model, index);
        fs::create_dir_all(folder.join("attempts")).unwrap();
        let mut files = BTreeMap::new();
        for (experiment, records) in experiments {
            let mut records = records.clone();
            for record in &mut records {
                record["model_key"] = model.into();
            }
            files.insert(format!("{experiment}.json"), array(&records));
        }
        let metadata = metadata(model, index, experiments);
        files.insert(String::from("metadata.json"), metadata.to_string());
        let mut manifest = String::new();
        for (name, text) in &files {
            fs::write(folder.join(name), text).unwrap();
            let line = [&Digest::of(text.as_bytes()).to_string(), "  ", name, "\n"];
            manifest.extend(line);
        }
        fs::write(folder.join("MANIFEST.sha256"), manifest).unwrap();
    }

    /// Seals a replication once more with other metadata.
    pub(crate) fn change_metadata(&self, model: &str, index: u32, change: impl Fn(&mut Value)) {
        let folder = self.replication(model, index);
        let (path, manifest) = (folder.join("metadata.json"), folder.join("MANIFEST.sha256"));
        let text = fs::read_to_string(&path).unwrap();
        let mut metadata: Value = serde_json::from_str(&text).unwrap();
        change(&mut metadata);
        fs::write(&path, metadata.to_string()).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
        let sealed = fs::read_to_string(&manifest).unwrap();
        let sealed = sealed.replace(&digest(&text), &digest(&metadata.to_string()));
        fs::write(manifest, sealed).unwrap();
    }

    /// Writes a file of the results.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.results().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn survey(&self, threads: NonZeroUsize) -> Results {
        Results::survey(&self.results(), &definitions(), threads).unwrap()
    }

    pub(crate) fn completeness(&self) -> Completeness {
        self.survey(ONE).completeness(None)
    }

    /// What is wrong, with paths relative to the results.
    pub(crate) fn findings(&self) -> Vec<String> {
        let results = format!("{}/", self.results().display());
        let findings = self.completeness().findings;
        findings
            .iter()
            .map(|finding| finding.to_string().replace(&results, ""))
            .collect()
    }

    /// Every file that `aggregate` writes.
    pub(crate) fn tables(&self, threads: NonZeroUsize) -> BTreeMap<String, Vec<u8>> {
        let out = TempDir::new().unwrap();
        let results = self.survey(threads);
        let completeness = results.completeness(None);
        results
            .write_tables(out.path(), &completeness, threads)
            .unwrap();
        let tables = read_all(out.path());
        self.aggregates_to(&tables, &completeness, threads);
        tables
    }

    /// The same files come of reading everything once.
    #[track_caller]
    fn aggregates_to(
        &self,
        tables: &BTreeMap<String, Vec<u8>>,
        completeness: &Completeness,
        threads: NonZeroUsize,
    ) {
        let out = TempDir::new().unwrap();
        let aggregated = aggregate(&self.results(), &definitions(), None, out.path(), threads);
        assert_eq!(aggregated.unwrap().completeness, *completeness);
        assert!(read_all(out.path()) == *tables, "the tables differ");
    }

    /// The CSV table of an experiment.
    #[track_caller]
    pub(crate) fn csv(&self, experiment: &str) -> String {
        let mut tables = self.tables(ONE);
        let table = tables.remove(&format!("{experiment}.csv"));
        String::from_utf8(table.unwrap_or_else(|| panic!("no table of {experiment}"))).unwrap()
    }

    /// The values of some columns of the CSV table of an experiment.
    #[track_caller]
    pub(crate) fn columns(&self, experiment: &str, names: &[&str]) -> Vec<String> {
        let text = self.csv(experiment);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().unwrap().clone();
        let places: Vec<usize> = names
            .iter()
            .map(|name| {
                head.iter()
                    .position(|other| other == *name)
                    .unwrap_or_else(|| panic!("no {name} in {head:?}"))
            })
            .collect();
        let row = |record: csv::StringRecord| {
            let fields: Vec<&str> = places.iter().map(|place| &record[*place]).collect();
            fields.join("|")
        };
        reader
            .records()
            .map(|record| row(record.unwrap()))
            .collect()
    }
}

fn definitions() -> Definitions {
    let parse =
        |file: &grace_core::experiment::Builtin| Experiment::parse(file.file, file.text).unwrap();
    let experiments: Vec<Experiment> = BUILTIN.iter().map(parse).collect();
    Definitions::new(&experiments)
}

fn read_all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Records as grace writes them: one a line.
pub(crate) fn array(records: &[Value]) -> String {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Records of an experiment that no file describes.
pub(crate) fn records(experiment: &str, replication: u32, trials: u32) -> Vec<Value> {
    (0..trials)
        .map(|place| {
            let trial = trials - 1 - place;
            let answer = (trial * 7 + replication * 3) % 4;
            let own = json!({"story": format!("story {trial}, \"quoted\""), "group": (trial % 2).to_string(),
                "response": format!(" {answer}"), "answer": answer});
            record(experiment, replication, place, trial, own)
        })
        .collect()
}

/// A record with these columns of its own.
pub(crate) fn record(
    experiment: &str,
    replication: u32,
    place: u32,
    trial: u32,
    own: Value,
) -> Value {
    let mut record = own;
    let ours = json!({
        "conditions": {"group": (trial % 2).to_string()},
        "trial_id": trial,
        "trial_order_in_replication": place,
        "replication_id": replication,
        "replication_seed": 1001 + replication,
        "request_seeds": {"q": 9_007_199_254_740_993_u64},
        "trial_order_shuffled": true,
        "order_algorithm": "pcg64",
        "run_timestamp": "2026-11-23T20:19:35.919Z",
        "model_name": "lab/m",
        "model_key": "m",
        "experiment_name": experiment,
        "status": "complete",
        "outcomes": {"q": {"outcome": "answered", "reason": null}},
        "timings": {"q": {"started_at": "2026-11-23T20:19:36.000Z", "seconds": 0.25, "attempts": 1}},
        "tokens": {"q": {"prompt": 12, "completion": null, "finish_reason": "stop"}},
    });
    let fields = record.as_object_mut().unwrap();
    fields.extend(ours.as_object().unwrap().clone());
    record
}

fn metadata(model: &str, index: u32, experiments: &[(&str, Vec<Value>)]) -> Value {
    let count = |records: &Vec<Value>, outcome: &str| {
        let all = records
            .iter()
            .flat_map(|record| record["outcomes"].as_object().unwrap().values());
        all.filter(|one| one["outcome"] == outcome).count()
    };
    let counts: serde_json::Map<String, Value> = experiments
        .iter()
        .map(|(experiment, records)| {
            let counts = json!({"trials": records.len(), "queries": records.len(),
                "answered": count(records, "answered"), "unparsable": count(records, "unparsable"), "truncated": 0,
                "refused_by_server": count(records, "refused_by_server"), "over_context": 0, "failed": 0, "open": 0,
                "reused": 0, "duplicates": 0, "damaged_lines": 0, "retries": 0});
            ((*experiment).to_owned(), counts)
        })
        .collect();
    let inputs: serde_json::Map<String, Value> = experiments
        .iter()
        .map(|(experiment, records)| {
            (
                format!("{experiment}.trials"),
                records.len().to_string().into(),
            )
        })
        .collect();
    json!({"schema": "grace.replication/v1", "status": "complete", "model_key": model, "model_name": "lab/m",
        "replication_index": index, "replication_id": format!("{model}-rep{index}-20261123-201935"),
        "seeds": {"base_seed": 1001 + index}, "timestamps": {}, "deployment_info": {}, "configuration": null,
        "probe": null, "inputs": inputs, "counts": counts, "attempts": []})
}
