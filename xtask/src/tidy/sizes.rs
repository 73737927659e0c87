//! A file is one noun: at most 400 lines above its tests (STYLE S9).

use std::path::Path;

use super::Finding;
use super::files::File;

/// The most lines above a file's tests.
const LIMIT: usize = 400;

/// Files that may be longer, and why.
const ALLOWED: [(&str, &str); 0] = [];

/// Folders whose Rust files are not measured: tests are lists of cases.
const NOT_MEASURED: [&str; 2] = ["/tests/", "benches/"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_measured(&file.path)) {
        let lines = lines_above_tests(&file.text);
        if lines > LIMIT && !ALLOWED.iter().any(|(path, _)| *path == file.path) {
            findings.push(Finding::new(
                &file.path,
                format!(
                    "{lines} lines above its tests, expected at most {LIMIT}: split it by nouns"
                ),
            ));
        }
    }
    for (path, reason) in ALLOWED {
        if !files.iter().any(|file| file.path == path) {
            let what = format!("is allowed to be long ({reason}), but is not there any more");
            findings.push(Finding::new(path, what));
        }
    }
    findings
}

fn is_measured(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
        && !path.ends_with("/tests.rs")
        && !NOT_MEASURED.iter().any(|folder| path.contains(folder))
}

/// The lines above the test module that a file ends with, or all of them.
fn lines_above_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let opens_tests = |position: &usize| {
        let mut after = lines[position + 1..]
            .iter()
            .map(|line| line.trim())
            .skip_while(|line| line.starts_with("#["));
        lines[*position] == "#[cfg(test)]"
            && after
                .next()
                .is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
    };
    (0..lines.len()).find(opens_tests).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(lines: usize) -> String {
        "let a = 1;\n".repeat(lines)
    }

    #[test]
    fn tests_do_not_make_a_file_long() {
        let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", long(400), long(900));
        assert_eq!(lines_above_tests(&text), 400);
        assert!(check(&[File::of("crates/a/src/b.rs", &text)]).is_empty());
        let text = format!(
            "{}#[cfg(test)]\n#[path = \"t.rs\"]\nmod t {{\n}}\n",
            long(2)
        );
        assert_eq!(lines_above_tests(&text), 2);
    }

    #[test]
    fn a_helper_for_tests_does_not_end_the_count() {
        let text = format!(
            "#[cfg(test)]\nuse a::b;\n#[cfg(test)]\nmod tests;\n{}",
            long(401)
        );
        let findings = check(&[File::of("crates/a/src/b.rs", &text)]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.starts_with("405 lines"), "{}", findings[0]);
    }

    #[test]
    fn only_rust_outside_of_tests_is_measured() {
        let text = long(500);
        for path in [
            "crates/a/tests/it/main.rs",
            "benches/a.rs",
            "crates/a/README.md",
            "crates/a/src/order/tests.rs",
        ] {
            assert!(check(&[File::of(path, &text)]).is_empty(), "{path}");
        }
    }
}
