//! The page about replications.

use std::fs;
use std::num::NonZeroUsize;

use grace_analysis::report::ReportOptions;
use serde_json::json;

use crate::listeners::{EXPERIMENT, scatter, seal};
use crate::sealed::{Folder, array, record, records};

fn page(folder: &Folder) -> String {
    page_with(folder, &ReportOptions::new("0.0.0"))
}

fn page_with(folder: &Folder, options: &ReportOptions) -> String {
    let results = folder.survey(options.threads);
    let completeness = results.completeness(None);
    results.report(&completeness, options).unwrap()
}

fn study() -> Folder {
    let folder = Folder::new();
    seal(&folder, "alike", |at| scatter(&[at.replication, at.place]));
    seal(&folder, "apart", |at| {
        scatter(&[at.replication, at.place]).min(1) + at.replication
    });
    folder
}

#[track_caller]
fn says(page: &str, what: &[&str]) {
    for what in what {
        assert!(page.contains(what), "`{what}` is not on the page");
    }
}

#[test]
fn the_page_has_a_part_for_each_question() {
    let page = page(&study());
    for part in [
        "summary",
        "completeness",
        "icc",
        "answers",
        "drift",
        "shared",
        "seeds",
        "deployment",
        "exclusions",
        "cite",
    ] {
        says(
            &page,
            &[&format!(
                "<section id=\"{part}\" aria-labelledby=\"{part}-title\">"
            )],
        );
    }
    says(
        &page,
        &[
            "<li>2 models, 1 experiment, 6 replications in the tables; nothing is missing or wrong.</li>",
            "<li>576 of 576 queries have an answer that could be read (100.0 %).</li>",
            "<figcaption>ICC of quantity <span class=\"rows\">by access · observe</span></figcaption>",
            "<figcaption>Share of “yes”",
            "<figcaption>access 1, observe 1",
            "the node is not on record for all replications",
        ],
    );
}

#[test]
fn what_nodes_and_gpu_types_may_have_done_is_said() {
    let folder = study();
    for index in 0..3 {
        folder.change_metadata("alike", index, |metadata| {
            let gpu_type = if index < 2 {
                "NVIDIA L40"
            } else {
                "NVIDIA A10"
            };
            metadata["deployment_info"] =
                json!({"node_name": format!("node-{index}"), "gpu_type": gpu_type});
        });
    }
    says(
        &page(&folder),
        &[
            "alike: each replication had a node of its own. What the node does and what the replication does cannot be \
             told apart.",
            "alike: 3 replications on 2 GPU types. The table has the variance between them",
            "apart: the GPU type is not on record for all replications",
        ],
    );
}

#[test]
fn equal_results_make_equal_pages_on_any_number_of_threads() {
    let folder = study();
    let mut options = ReportOptions::new("0.0.0");
    let once = page_with(&folder, &options);
    options.threads = NonZeroUsize::new(4).unwrap();
    assert_eq!(once, page_with(&folder, &options));
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page(&study());
    says(
        &page,
        &["content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""],
    );
    for loads in [
        "<script",
        "<img",
        "<link rel=\"stylesheet\"",
        "@import",
        "url(http",
        "src=",
        "xlink:",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn each_picture_says_what_it_shows_and_has_its_numbers() {
    let page = page(&study());
    let count = |what: &str| page.matches(what).count();
    let pictures = count("<svg ");
    assert!(pictures > 5);
    assert_eq!(
        (
            count("role=\"img\""),
            count("<desc id="),
            count("</figure>"),
            count("<details><summary>Numbers")
        ),
        (pictures, pictures, pictures, pictures)
    );
}

#[test]
fn names_are_text_and_no_markup() {
    let folder = Folder::new();
    let hostile = "<script src=x> & \"y\"";
    for index in 0..2 {
        let trial = |place: u32| {
            let own = json!({"story": hostile, "answer": (place + index) % 3});
            let mut record = record("tiny", index, place, place, own);
            record["conditions"] = json!({"group": hostile});
            record
        };
        folder.seal(hostile, index, &[("tiny", (0..6).map(trial).collect())]);
    }
    let mut options = ReportOptions::new("0.0.0");
    options.title = String::from("a < b & {{c}}");
    let page = page_with(&folder, &options);
    assert!(!page.contains("<script"), "markup of a name is on the page");
    says(
        &page,
        &[
            "&lt;script src&#x3D;x&gt; &amp; &quot;y&quot;",
            "<h1>a &lt; b &amp; {{c}}</h1>",
        ],
    );
}

#[test]
fn what_is_left_out_is_told_with_its_reason() {
    let folder = study();
    let broken = folder
        .replication("apart", 1)
        .join(format!("{EXPERIMENT}.json"));
    fs::write(broken, "[").unwrap();
    fs::remove_dir_all(folder.replication("alike", 0)).unwrap();
    let page = page(&folder);
    says(
        &page,
        &[
            "4 replications in the tables, 1 left out, 1 missing; ",
            "replication 0 of alike is not there",
            "replication-1/study1_exp1.json",
        ],
    );
}

#[test]
fn copies_are_called_copies() {
    let folder = Folder::new();
    seal(&folder, "m", |at| scatter(&[at.replication, at.prompt]));
    says(
        &page(&folder),
        &[
            "quantity of study1_exp1 by m: equal prompts always got equal answers inside a replication.",
        ],
    );
}

#[test]
fn results_of_unknown_experiments_have_a_page_too() {
    let folder = Folder::new();
    for index in 0..2 {
        folder.seal("m", index, &[("tiny", records("tiny", index, 6))]);
    }
    let page = page(&folder);
    says(
        &page,
        &["<figcaption>ICC of answer", "<section id=\"completeness\""],
    );
    assert!(!page.contains("id=\"answers\""));
}

#[test]
fn scores_have_their_mean_distribution() {
    let folder = Folder::new();
    let labels = [
        "was_terrible",
        "was_bad",
        "was_good",
        "was_amazing",
        "wasnt_terrible",
        "wasnt_bad",
        "wasnt_good",
        "wasnt_amazing",
    ];
    let marginals = ["was", "wasnt", "terrible", "bad", "good", "amazing"];
    for index in 0..2 {
        let trial = |place: u32| {
            let mut own = json!({"Goal": "g", "State": "1", "entropy_response": 3.0});
            for label in labels.iter().chain(&marginals) {
                own[format!("prob_{label}")] = json!(0.125);
            }
            record("study2_exp2", index, place, place, own)
        };
        folder.seal("m", index, &[("study2_exp2", (0..4).map(trial).collect())]);
    }
    says(
        &page(&folder),
        &[
            "<section id=\"scores\"",
            ">wasnt_amazing</text>",
            "<td class=\"number\">0.1250</td>",
            "numerical noise floor",
        ],
    );
}

#[test]
fn results_of_earlier_scripts_are_told_as_what_they_are() {
    let folder = Folder::new();
    for index in 0..2 {
        let answered = |row: u32| {
            let quantity = (row + index) % 4;
            json!({"access": 3, "observe": 2, "response_quantity": quantity.to_string(), "quantity": quantity,
                "response_knowledge": if row == 0 { "ERROR: timeout" } else { "yes" }, "knowledge": "yes"})
        };
        let records: Vec<_> = (0..8).map(answered).collect();
        folder.write(
            &format!("old/replication-{index}/study1_exp1.json"),
            &array(&records),
        );
        let scored = |row: u32| {
            let mut record = json!({"access": "3", "observe": "2", "prob_knowledge_yes": 0.25 + f64::from(row) / 16.0,
                "prob_knowledge_no": 0.5, "entropy_knowledge": 1});
            for state in 0..4 {
                for option in 0..11 {
                    record[format!("state{state}_prob_{}", option * 10)] = json!(0.125);
                }
                for measure in ["mean", "std", "entropy"] {
                    record[format!("state{state}_{measure}")] = json!(0.5);
                }
            }
            record
        };
        let records: Vec<_> = (0..8).map(scored).collect();
        folder.write(
            &format!("old/replication-{index}/study1_exp2.json"),
            &array(&records),
        );
    }
    folder.write("notes.json", "{}");
    let page = page(&folder);
    says(
        &page,
        &[
            "nothing is missing or wrong, as far as results of earlier scripts tell",
            "Of 32 records of earlier scripts, 2 have an error in the place of an answer.",
            "old: neither the time of a trial nor its place in the order is on record",
            "the node is not on record for all replications",
            "Scored answers by condition",
            "0.4688",
            "Earlier scripts did not write how each query ended",
            "notes.json lies beside replications",
            "they have no fingerprint",
        ],
    );
    for wrong in [
        "100.0 %",
        "one replication, so there is nothing",
        "of the 0 sealed",
    ] {
        assert!(!page.contains(wrong), "`{wrong}` is on the page");
    }
}
