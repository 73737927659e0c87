use grace_core::experiment::Experiment;
use grace_core::stimuli::{MAX_FIELD_BYTES, StimuliIndex, Stimulus, scan};
use proptest::prelude::*;

fn experiment() -> Experiment {
    let text = "
id: e
title: t
seed_offset: 0
stimuli: {file: s.csv, columns: [story, goal]}
conditions:
  - {name: goal, column: goal, rules: [{contains: g, label: G}]}
queries:
  - {id: q, kind: generate, prompt: '{{story}}', read: {kind: yes_no, column: v}, columns: {response: r}}
";
    Experiment::parse("e.yaml", text).unwrap()
}

fn rows(csv: &[u8]) -> (StimuliIndex, Vec<Stimulus>) {
    let index = scan("s.csv", csv, &experiment()).unwrap();
    let row = |trial_id| {
        let (start, end) = index.span(trial_id).unwrap();
        let (start, end) = (
            usize::try_from(start).unwrap(),
            usize::try_from(end).unwrap(),
        );
        index.parse_row(&csv[start..end]).unwrap()
    };
    let rows = (0..index.len()).map(row).collect();
    (index, rows)
}

#[track_caller]
fn refused(csv: &[u8], expected: &[&str]) {
    let found = scan("s.csv", csv, &experiment()).unwrap_err().to_string();
    for part in expected {
        assert!(found.contains(part), "expected: {part}\nfound: {found}");
    }
}

#[test]
fn quotes_line_breaks_crlf_bom_and_unicode_are_read() {
    let csv = "\u{feff}story,goal,extra\r\n\"a, \"\"b\"\"\r\nc\",g,1\r\n\r\nübung 💗,gg,\"\"\r\n";
    let (index, rows) = rows(csv.as_bytes());
    assert_eq!(index.columns(), ["story", "goal", "extra"]);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].value("story"), Some("a, \"b\"\r\nc"));
    assert_eq!(rows[1].value("story"), Some("übung 💗"));
    assert_eq!(rows[1].value("extra"), Some(""));
}

#[test]
fn the_last_row_needs_no_line_break() {
    let (_, rows) = rows(b"story,goal\na,g\nb,g");
    assert_eq!(rows[1].value("story"), Some("b"));
}

#[test]
fn a_limit_keeps_the_first_rows() {
    let csv = b"story,goal\na,g\nb,g\nc,g\n";
    let (index, _) = rows(csv);
    let cut = index.limited(2);
    assert_eq!(cut.len(), 2);
    assert_eq!(cut.span(1), Some((15, 19)));
    assert_eq!(cut.span(2), None);
}

#[test]
fn header_problems_are_all_reported() {
    refused(
        b"story,story,status,r\n",
        &[
            "s.csv:1: names the column `story` twice",
            "s.csv:1: has a column `status`, which grace itself writes",
            "s.csv:1: has a column `r`, which grace itself writes",
            "s.csv:1: has no column `goal`, which `e` needs; found `story",
        ],
    );
}

#[test]
fn row_problems_name_line_and_column() {
    refused(
        b"story,goal\nok,g\nx\n\"a\nb\",g,3\nbad\xff,g\nfine,none\n",
        &[
            "s.csv:3: has 1 fields, expected 2",
            "s.csv:4: has 3 fields, expected 2",
            "s.csv:6: `story` is not UTF-8 from its byte 4 on",
            "s.csv:7: `goal` is `none`, to which no rule of the condition `goal` applies",
        ],
    );
}

#[test]
fn empty_files_are_refused() {
    refused(b"", &["s.csv: is empty, expected a header line"]);
    refused(b"story,goal\n", &["has a header but no rows"]);
}

#[test]
fn a_huge_field_is_an_unclosed_quote() {
    let mut csv = b"story,goal\na,g\n\"".to_vec();
    csv.resize(MAX_FIELD_BYTES * 3, b'x');
    refused(
        &csv,
        &["s.csv:3: `story` opens a quote that is never closed"],
    );
    csv.extend(b"\",g\n");
    refused(&csv, &["s.csv:3: `story` holds", "is a quote not closed?"]);
}

#[test]
fn a_quote_that_is_never_closed_is_refused_with_its_line() {
    let never = |csv: &str, place: &str| {
        refused(
            csv.as_bytes(),
            &[&format!("s.csv{place} opens a quote that is never closed")],
        );
    };
    let rest = "b,g\n".repeat(30);
    never(&format!("story,goal\na,g\nb,\"g\n{rest}"), ":3: `goal`");
    never(&format!("story,goal\na,g\nb,\"g\r\n{rest}x"), ":3: `goal`");
    never(
        &format!("story,goal\na,g\n\n\n\"b,g\n{rest}"),
        ":5: `story`",
    );
    never("story,goal\n\"a\n\nb\",\"g \"\"x\"\"", ":4: `goal`");
    never("story,goal\na,\"g\"\"", ":2: `goal`");
    never("story,goal\na,\"g\"\"\n", ":2: `goal`");
    never("story,goal\na,\"", ":2: `goal`");
    never("story,goal\na,g,\"x\nb,g\n", ":2:");
    never("story,\"goal\na,g\nb,g\n", ":1:");
    never("\"", ":1:");
}

#[test]
fn quotes_of_valid_files_are_no_open_quotes() {
    for (csv, story, goal) in [
        ("a,\"g\"", "a", "g"),
        ("a,\"g\"\n", "a", "g"),
        ("a,\"g\"\r\n", "a", "g"),
        ("a,\"g\"\r", "a", "g"),
        ("a,\"g\"\n\n\r\n\n", "a", "g"),
        ("a,\"g\"\"\"", "a", "g\""),
        ("a,\"g\n\"", "a", "g\n"),
        ("a,\"g\nx\n\"", "a", "g\nx\n"),
        ("a\"b,g\"\n", "a\"b", "g\""),
        ("a\"b,g\"", "a\"b", "g\""),
        ("\"a\"b\",g", "ab\"", "g"),
        ("\"\",g", "", "g"),
    ] {
        let text = format!("story,goal\n{csv}");
        let (index, rows) = rows(text.as_bytes());
        assert_eq!(rows.len(), 1, "{csv:?}");
        assert_eq!(rows[0].value("story"), Some(story), "{csv:?}");
        assert_eq!(rows[0].value("goal"), Some(goal), "{csv:?}");
        assert_eq!(index.span(0).map(|span| span.1), Some(text.len() as u64));
        assert_eq!(index.digest(), grace_core::Digest::of(text.as_bytes()));
    }
    refused(
        b"story,goal\na,g\n.",
        &["s.csv:3: has 1 fields, expected 2"],
    );
    refused(
        b"story,goal\na,g\n.\n",
        &["s.csv:3: has 1 fields, expected 2"],
    );
}

#[test]
fn problems_beyond_twenty_are_counted() {
    let mut csv = b"story,goal\n".to_vec();
    (0..50).for_each(|_| csv.extend(b"x\n"));
    refused(&csv, &["and 30 more like these"]);
}

proptest! {
    #[test]
    fn any_values_survive_the_file(values in prop::collection::vec(("\\PC*|[\",\r\n é]*", "g\\PC*"), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["story", "goal"]).unwrap();
        for (story, goal) in &values {
            writer.write_record([story, goal]).unwrap();
        }
        let (_, rows) = rows(&writer.into_inner().unwrap());
        let read: Vec<_> = rows.iter()
            .map(|row| (row.value("story").unwrap().to_owned(), row.value("goal").unwrap().to_owned()))
            .collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn a_quote_is_open_at_the_end_if_a_field_that_began_with_one_was_not_closed(text in "[\"x,\r\n]{0,24}") {
        #[derive(Clone, Copy, PartialEq)]
        enum At { Start, Plain, Quoted, Quote }
        let mut at = At::Start;
        for letter in text.chars() {
            at = match (at, letter) {
                (At::Quoted, '"') => At::Quote,
                (At::Start | At::Quote, '"') | (At::Quoted, _) => At::Quoted,
                (_, ',' | '\r' | '\n') => At::Start,
                _ => At::Plain,
            };
        }
        let found = scan("s.csv", format!("story,goal\n{text}").as_bytes(), &experiment());
        let told = found.err().is_some_and(|problems| problems.to_string().contains("never closed"));
        prop_assert_eq!(told, at == At::Quoted);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut csv = b"story,goal\n".to_vec();
        csv.extend(bytes);
        let _ = scan("s.csv", &csv[..], &experiment());
    }
}
