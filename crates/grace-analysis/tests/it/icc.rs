//! Intraclass correlations of results.

use grace_analysis::icc::{Cell, Factor, IccRow, Scale, Selection, Value, analyse, totals};
use grace_stats::one_way::Margin;
use proptest::prelude::*;
use serde_json::json;

use crate::sealed::{Folder, ONE, record};

fn rows(folder: &Folder, selection: &Selection) -> Vec<IccRow> {
    let cells = folder.survey(ONE).cells(selection, ONE).unwrap();
    analyse(&cells, Margin::TENTH, ONE)
}

/// What tells rows apart, in a line each.
fn names(rows: &[IccRow]) -> Vec<String> {
    let name = |row: &IccRow| {
        let levels: Vec<&str> = row.by.iter().map(|factor| factor.level.as_str()).collect();
        format!("{} {}", levels.join(" "), row.measure)
    };
    rows.iter().map(name).collect()
}

/// Polite replies of two replications.
fn polite() -> Folder {
    let folder = Folder::new();
    for index in 0..2 {
        let reply = |place: u32| {
            let polarity = if place % 2 == index % 2 {
                "was"
            } else {
                "wasn't"
            };
            let quality = ["bad", "good", "amazing"][(place % 3) as usize];
            let own = json!({"Goal": "g", "State": "1", "response": "r", "polarity": polarity, "quality": quality});
            record("study2_exp1", index, place, place, own)
        };
        folder.seal("m", index, &[("study2_exp1", (0..12).map(reply).collect())]);
    }
    folder
}

#[test]
fn words_are_a_measure_each() {
    let mut selection = Selection::default();
    selection.by = vec![String::from("State")];
    assert_eq!(
        names(&rows(&polite(), &selection)),
        [
            "study2_exp1 m 1 polarity=was",
            "study2_exp1 m 1 quality=amazing",
            "study2_exp1 m 1 quality=bad",
            "study2_exp1 m 1 quality=good"
        ]
    );
}

#[test]
fn conditions_are_the_cells_by_default() {
    let mut selection = Selection::default();
    selection.measures = vec![String::from("polarity")];
    let rows = rows(&polite(), &selection);
    assert_eq!(
        names(&rows),
        [
            "study2_exp1 m 0 polarity=was",
            "study2_exp1 m 1 polarity=was"
        ]
    );
    assert_eq!(
        (rows[0].replications, rows[0].trials, rows[0].status),
        (2, 12, "perfect_no_within_variance")
    );
}

#[test]
fn a_column_that_is_nowhere_is_named() {
    let mut selection = Selection::default();
    selection.by = vec![String::from("goals")];
    let error = polite().survey(ONE).cells(&selection, ONE).unwrap_err();
    assert!(error.to_string().contains("column `goals`"), "{error}");
}

#[test]
fn scores_are_told_apart_with_their_noise() {
    let folder = Folder::new();
    for index in 0..3 {
        let scored = |place: u32| {
            let noise = f64::from(index) * 1e-7;
            let probability = f64::from(place) / 10.0 + noise;
            record(
                "mine",
                index,
                place,
                place,
                json!({"story": "s", "p": probability, "scores": {"q": {"mass": 1.0}}}),
            )
        };
        folder.seal("m", index, &[("mine", (0..4).map(scored).collect())]);
    }
    let rows = rows(&folder, &Selection::default());
    assert_eq!(names(&rows), ["mine m 0 p", "mine m 1 p"]);
    assert!(
        rows.iter()
            .all(|row| row.status == "deterministic" && row.number("icc").is_none())
    );
    let noise = rows[0].noise.unwrap();
    assert_eq!(noise.trials, 2);
    assert!(
        (noise.largest - 2e-7).abs() < 1e-12 && (noise.sd - 1e-7).abs() < 1e-12,
        "{noise:?}"
    );
    let all = totals(&rows, "model", Margin::TENTH).pop().unwrap();
    assert_eq!((all.conditions, all.deterministic), (0, 2));
}

#[test]
fn missing_answers_are_left_out_and_counted() {
    let folder = Folder::new();
    for index in 0..2 {
        let answer = |place: u32| {
            let answer = if place == 0 {
                json!(null)
            } else {
                json!(place % 3)
            };
            record(
                "mine",
                index,
                place,
                place,
                json!({"story": "s", "answer": answer}),
            )
        };
        folder.seal("m", index, &[("mine", (0..6).map(answer).collect())]);
    }
    let mut selection = Selection::default();
    selection.by = vec![String::from("story")];
    let rows = rows(&folder, &selection);
    assert_eq!((rows[0].trials, rows[0].missing), (10, 2));
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(
        mut values in prop::collection::vec((0_u32..4, prop::option::of(-5_i32..5)), 0..60),
        shift in 0_usize..60,
    ) {
        let cell = |values: &[(u32, Option<i32>)]| {
            let value = |(replication, value): &(u32, Option<i32>)| {
                Value::new(*replication, None, value.map(f64::from))
            };
            Cell::new(vec![Factor::new("c", "1")], "x", values.iter().map(value).collect())
        };
        let before = analyse(&[cell(&values)], Margin::TENTH, ONE);
        let middle = shift.min(values.len());
        values.rotate_left(middle);
        let after = analyse(&[cell(&values)], Margin::TENTH, ONE);
        prop_assert_eq!(before[0].status, after[0].status);
        prop_assert_eq!(before[0].verdict, after[0].verdict);
        let numbers = before[0].numbers().into_iter().zip(after[0].numbers());
        for ((name, before), (_, after)) in numbers {
            let close = match (before, after) {
                (Some(before), Some(after)) => (before - after).abs() <= 1e-9 * before.abs().max(1.0) || before.is_infinite(),
                (before, after) => before == after,
            };
            prop_assert!(close, "{}: {:?} and {:?}", name, before, after);
        }
    }
}

#[test]
fn numbers_that_nobody_describes_are_no_measures_unless_asked_for() {
    let folder = Folder::new();
    for index in 0..2 {
        let records = (0..4)
            .map(|row| json!({"age": 20 + row, "group": row % 2, "rating": (row * 3 + index) % 5}));
        let name = format!("old/replication-{index}/mine.json");
        folder.write(&name, &crate::sealed::array(&records.collect::<Vec<_>>()));
    }
    assert_eq!(names(&rows(&folder, &Selection::default())), [""; 0]);
    let notes = folder.completeness().notes;
    assert!(
        notes[0].contains("mine: earlier scripts wrote these records, and no experiment file"),
        "{notes:?}"
    );
    let mut selection = Selection::default();
    selection.by = vec![String::from("group")];
    selection.measures = vec![String::from("rating")];
    assert_eq!(
        names(&rows(&folder, &selection)),
        ["mine old 0 rating", "mine old 1 rating"]
    );
}

#[test]
fn a_record_lacking_a_measure_is_told() {
    let folder = Folder::new();
    folder.write(
        "old/replication-0/study1_exp1.json",
        r#"[{"access": 3, "quantity": 2}]"#,
    );
    let notes = folder.completeness().notes;
    assert!(
        notes[0].contains("they lack `knowledge` of its experiment file"),
        "{notes:?}"
    );
}

#[test]
fn answers_that_are_0_and_1_by_chance_are_no_yes_and_no() {
    let cell = |level: &str, values: [f64; 4]| {
        let values = (0..)
            .zip(values)
            .map(|(place, value)| Value::new(place / 2, None, Some(value)));
        Cell::new(
            vec![Factor::new("access", level)],
            "quantity",
            values.collect(),
        )
    };
    let cells = [
        cell("1", [0.0, 1.0, 1.0, 0.0]),
        cell("3", [0.0, 3.0, 1.0, 2.0]),
    ];
    let rows = analyse(&cells, Margin::TENTH, ONE);
    let scales: Vec<Scale> = rows.iter().map(|row| row.scale).collect();
    assert_eq!(scales, [Scale::Numeric; 2]);
}

#[test]
fn names_of_the_results_cannot_tell_conditions_apart() {
    let folder = Folder::with_replications(2);
    for name in ["status", "model"] {
        let mut selection = Selection::default();
        selection.by = vec![name.to_owned()];
        let error = folder.survey(ONE).cells(&selection, ONE).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("`{name}` cannot tell conditions apart")),
            "{error}"
        );
    }
}
