//! Text as a row of lower-case words and marks, which all readers work on.

/// What may stand before an answer within its sentence, any number of them in a row.
const LEADS: [&str; 46] = [
    "absolutely",
    "after the message",
    "after this message",
    "answer",
    "based on the message",
    "based on this message",
    "boxed",
    "definitely",
    "exactly",
    "final answer",
    "honestly",
    "i believe",
    "i believe that",
    "i guess",
    "i guess that",
    "i think",
    "i think that",
    "i thought",
    "i thought that",
    "i would answer",
    "i would guess",
    "i would guess that",
    "i would say",
    "i would say that",
    "i'd guess",
    "i'd say",
    "i'd say that",
    "it is",
    "it would be",
    "it's",
    "just",
    "my answer",
    "my answer is",
    "my guess",
    "my guess is",
    "no",
    "oh",
    "only",
    "probably",
    "so",
    "the answer",
    "the answer is",
    "the correct answer is",
    "the final answer is",
    "well",
    "yes",
];

/// What may follow an answer without a mark between.
const REMARKS: [&str; 9] = [
    "at all",
    "i believe",
    "i guess",
    "i think",
    "i would guess",
    "i would say",
    "i'd guess",
    "i'd say",
    "in total",
];

/// Words that take back what a text says, beside those that end in `n't`.
const NEGATIONS: [&str; 18] = [
    "not", "never", "cannot", "nor", "neither", "nobody", "hardly", "cant", "couldnt", "didnt",
    "doesnt", "dont", "isnt", "wasnt", "werent", "wont", "wouldnt", "arent",
];

/// The words of `text` in lower case, and the marks between them as words of their own.
///
/// A word is letters, digits and what joins them (`wasn't`, `2.5`, `-1`, `yes-man`). Quotation
/// marks and Markdown's emphasis are left out, brackets become round ones and dashes `—`. A line
/// break is `\n`, one or more blank lines are `¶`. Whatever else is no white space is a mark, so
/// that "~2" and "60%" are no bare numbers.
pub(super) fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(plain)
        .collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (position, &character) in characters.iter().enumerate() {
        let before = position.checked_sub(1).map(|position| characters[position]);
        let after = characters.get(position + 1).copied();
        if belongs(before, character, after) {
            word.extend(character.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match character {
            '\'' | '"' | '*' | '_' | '\\' => {}
            '-' => words.push(String::from("—")),
            '\n' if matches!(words.last().map(String::as_str), Some("\n" | "¶")) => {
                words.pop();
                words.push(String::from("¶"));
            }
            '\n' => words.push(String::from("\n")),
            other if other.is_whitespace() => {}
            mark => words.push(mark.to_string()),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The words before `position` in its sentence.
pub(super) fn sentence_before<'a, 'w>(words: &'a [&'w str], position: usize) -> &'a [&'w str] {
    let start = words[..position]
        .iter()
        .rposition(|word| matches!(*word, "." | "!" | "?" | "¶"))
        .map_or(0, |end| end + 1);
    &words[start..position]
}

/// Whether `before`, the words between the start of a sentence and an answer, are mere lead-in.
pub(super) fn is_lead_in(mut before: &[&str]) -> bool {
    loop {
        before = match before {
            [] => return true,
            ["," | ":" | "(" | "\n", rest @ ..] => rest,
            _ => match after_phrase(before, &LEADS) {
                Some(rest) => rest,
                None => return false,
            },
        };
    }
}

/// Whether an answer may end before `rest`: there, the text ends, or a mark, a remark or a reason
/// follows. An answer that is asked is none.
pub(super) fn may_end_before(rest: &[&str]) -> bool {
    let rest = after_phrase(rest, &REMARKS).unwrap_or(rest);
    let ends = matches!(
        rest,
        [] | [
            "." | "because" | "!" | "," | ";" | ":" | "—" | "(" | ")" | "\n" | "¶",
            ..
        ]
    );
    ends && !is_asked(rest)
}

/// Whether the first mark in `rest` is a question mark.
pub(super) fn is_asked(rest: &[&str]) -> bool {
    let mark = rest
        .iter()
        .find(|word| !word.contains(char::is_alphanumeric));
    mark == Some(&"?")
}

/// What follows the longest of `phrases` that `words` starts with.
pub(super) fn after_phrase<'a, 'w>(
    words: &'a [&'w str],
    phrases: &[&str],
) -> Option<&'a [&'w str]> {
    let after = phrases.iter().filter_map(|phrase| {
        let mut rest = words;
        for expected in phrase.split(' ') {
            let (first, others) = rest.split_first()?;
            if *first != expected {
                return None;
            }
            rest = others;
        }
        Some(rest)
    });
    after.min_by_key(|rest| rest.len())
}

/// Whether `word` takes back what a text says.
pub(super) fn negates(word: &str) -> bool {
    word.ends_with("n't") || NEGATIONS.contains(&word)
}

fn plain(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{2035}' | '\u{2b9}'
        | '\u{2bb}' | '\u{2bc}' | '\u{2bd}' | '\u{a78c}' | '\u{ff07}' | '\u{2039}' | '\u{203a}'
        | '`' | '\u{b4}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '«' | '»' | '\u{ff02}' => '"',
        '\u{2010}' | '\u{2011}' | '\u{2212}' => '-',
        '\u{2012}' | '\u{2013}' | '\u{2014}' | '\u{2015}' => '—',
        '…' => '.',
        '[' | '{' => '(',
        ']' | '}' => ')',
        other => other,
    }
}

/// Soft hyphens, zero-width characters and byte-order marks.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

fn belongs(before: Option<char>, character: char, after: Option<char>) -> bool {
    let is = |neighbour: Option<char>, test: fn(char) -> bool| neighbour.is_some_and(test);
    let digit = |c: char| c.is_ascii_digit();
    match character {
        '\'' => is(before, char::is_alphabetic) && is(after, char::is_alphabetic),
        // "2.5" and ".5", but neither "2." nor "so.2"
        '.' => !is(before, char::is_alphabetic) && is(after, digit),
        ',' => is(before, digit) && is(after, digit),
        // "-1", "yes-man" and "2-ish", but not "0-3"
        '-' if is(before, char::is_alphanumeric) => {
            is(after, char::is_alphanumeric) && !(is(before, digit) && is(after, digit))
        }
        '-' => is(after, digit),
        other => other.is_alphanumeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_what_joins_them() {
        assert_eq!(
            words("It WASN’T 2.5, -1 (or “2.”)"),
            ["it", "wasn't", "2.5", ",", "-1", "(", "or", "2", ".", ")"]
        );
        assert_eq!(
            words("**Yes**—of 2/3, 60% ~2"),
            ["yes", "—", "of", "2", "/", "3", ",", "60", "%", "~", "2"]
        );
        assert_eq!(
            words("0-3 'quoted' yes-man .5"),
            ["0", "—", "3", "quoted", "yes-man", ".5"]
        );
        assert_eq!(words("a\nb\r\n \n\nc\u{ad}d"), ["a", "\n", "b", "¶", "cd"]);
    }

    #[test]
    fn lead_ins_are_chains_of_known_phrases() {
        assert!(is_lead_in(&[]));
        assert!(is_lead_in(&["so", ",", "i", "think", "that", "it", "is"]));
        assert!(!is_lead_in(&["i", "do", "not", "think"]));
        assert!(!is_lead_in(&["that"]));
    }

    #[test]
    fn the_longest_phrase_is_taken() {
        let words = ["i", "think", "that", "x"];
        let rest = after_phrase(&words, &["i think", "i think that", "i"]);
        assert_eq!(rest, Some(&["x"][..]));
        assert_eq!(after_phrase(&words, &["think", "i think so"]), None);
    }
}
