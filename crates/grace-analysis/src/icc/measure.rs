//! From the columns of records to measures, which are numbers.

use std::collections::BTreeSet;

use crate::read::Values;

/// A category with more levels than this is no measure but text.
const MOST_LEVELS: usize = 16;

/// What a word means as a number, where it has a plain meaning: `yes` is 1, `no` is 0.
pub(super) fn yes_or_no(word: &str) -> Option<f64> {
    match word {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" => Some(1.0),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" => Some(0.0),
        _ => None,
    }
}

/// The measures that a column of words stands for: its own name if all words are yes or no, else `column=level` for
/// each level, but for the last of two, whose measure would be the other's mirror image. With each comes the level that
/// counts as 1; `None` stands for yes. Too many levels make no measure.
pub(super) fn of_levels(column: &str, levels: &BTreeSet<String>) -> Vec<(String, Option<String>)> {
    if levels.iter().all(|level| yes_or_no(level).is_some()) {
        return vec![(column.to_owned(), None)];
    }
    let counted = match levels.len() {
        0 => 0,
        1 | 2 => 1,
        count if count <= MOST_LEVELS => count,
        _ => 0,
    };
    let levels = levels.iter().take(counted);
    levels
        .map(|level| (format!("{column}={level}"), Some(level.clone())))
        .collect()
}

/// A value of a numeric column as a number.
pub(super) fn number(values: &Values, row: usize) -> Option<f64> {
    match values {
        Values::Integer(values) => values[row].map(|value| value as f64),
        Values::Unsigned(values) => values[row].map(|value| value as f64),
        Values::Number(values) => values[row],
        Values::Bool(values) => values[row].map(f64::from),
        Values::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(levels: &[&str]) -> Vec<String> {
        let levels = levels.iter().map(|&level| level.to_owned()).collect();
        of_levels("x", &levels)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn yes_and_no_are_one_measure() {
        assert_eq!(names(&["no", "yes"]), ["x"]);
        assert_eq!(names(&["yes"]), ["x"]);
    }

    #[test]
    fn other_words_are_a_measure_each_without_mirror_images() {
        assert_eq!(names(&["was", "wasn't"]), ["x=was"]);
        assert_eq!(
            names(&["bad", "good", "terrible"]),
            ["x=bad", "x=good", "x=terrible"]
        );
    }
}
