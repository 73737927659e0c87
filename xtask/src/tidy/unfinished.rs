//! No code is left unfinished: no notes to oneself, no test that does not run.

use super::Finding;
use super::files::File;

/// What must not stand in code. Put together here, so that this file is not a finding itself.
const BANNED: [(&str, &str); 5] = [
    (concat!("TO", "DO"), "do it, or open an issue"),
    (concat!("FIX", "ME"), "fix it, or open an issue"),
    (concat!("XX", "X"), "say what is meant"),
    (
        concat!("#[ig", "nore"),
        "a test that does not run tests nothing",
    ),
    (concat!("db", "g!"), "left over from debugging"),
];

/// Files that are code; prose may speak of these words.
const CODE: [&str; 6] = [".rs", ".toml", ".py", ".sh", ".yaml", ".yml"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_code(file)) {
        for (number, line) in file.text.lines().enumerate() {
            for (word, advice) in BANNED.iter().filter(|(word, _)| holds(line, word)) {
                let place = format!("{}:{}", file.path, number + 1);
                findings.push(Finding::new(place, format!("`{word}`: {advice}")));
            }
        }
    }
    findings
}

fn is_code(file: &File) -> bool {
    file.folder() == ".ci" || CODE.iter().any(|end| file.path.ends_with(end))
}

/// Whether `line` holds `word` as a word of its own.
fn holds(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + word.len()..)
            .and_then(|text| text.chars().next());
        let ends_in_word = word.ends_with(part_of_word) && after.is_some_and(part_of_word);
        !before.is_some_and(part_of_word) && !ends_in_word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_to_oneself_are_found_with_their_line() {
        let text = format!(
            "fn a() {{}}\n// {}: b\n    {}(1);\n",
            BANNED[0].0, BANNED[4].0
        );
        let findings = check(&[File::of("crates/a/src/lib.rs", &text)]);
        let places: Vec<&str> = findings.iter().map(|f| f.place.as_str()).collect();
        assert_eq!(places, ["crates/a/src/lib.rs:2", "crates/a/src/lib.rs:3"]);
    }

    #[test]
    fn a_test_that_does_not_run_is_found_with_and_without_a_reason() {
        for end in ["]", " = \"slow\"]"] {
            let text = format!("{}{end}\nfn a() {{}}\n", BANNED[3].0);
            assert_eq!(check(&[File::of("tests/a.rs", &text)]).len(), 1);
        }
    }

    #[test]
    fn prose_and_longer_words_are_not_findings() {
        let word = BANNED[2].0;
        assert!(check(&[File::of("STYLE.md", word)]).is_empty());
        assert!(check(&[File::of("a.rs", &format!("let size = \"{word}L\";"))]).is_empty());
    }
}
