//! Text as a row of lower-case words, which all readers work on.

/// The words of `text` in lower case: letters, digits and what joins them (`wasn't`, `2.5`, `-1`).
///
/// Typographic apostrophes and minus signs become plain ones. A full stop or comma joins only
/// digits, so "2." is `2` and "2.5" stays whole; a hyphen before a digit is a minus sign only where
/// no letter or digit stands before it.
pub(super) fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().map(plain).collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (position, &character) in characters.iter().enumerate() {
        let before = position.checked_sub(1).map(|position| characters[position]);
        let after = characters.get(position + 1).copied();
        if belongs(before, character, after) {
            word.extend(character.to_lowercase());
        } else {
            take(&mut word, &mut words);
            // These turn "2/3" and "60%" into something else than a bare number.
            if matches!(character, '/' | '%') {
                words.push(character.to_string());
            }
        }
    }
    take(&mut word, &mut words);
    words
}

fn take(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

fn plain(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{ff07}' | '`' | '\u{b4}' => '\'',
        '\u{2212}' => '-',
        other => other,
    }
}

fn belongs(before: Option<char>, character: char, after: Option<char>) -> bool {
    let is = |neighbour: Option<char>, test: fn(char) -> bool| neighbour.is_some_and(test);
    match character {
        '\'' => is(before, char::is_alphabetic) && is(after, char::is_alphabetic),
        '.' | ',' => is(before, |c| c.is_ascii_digit()) && is(after, |c| c.is_ascii_digit()),
        '-' => !is(before, char::is_alphanumeric) && is(after, |c| c.is_ascii_digit()),
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
            ["it", "wasn't", "2.5", "-1", "or", "2"]
        );
        assert_eq!(
            words("**Yes**—of 2/3, 60%"),
            ["yes", "of", "2", "/", "3", "60", "%"]
        );
        assert_eq!(words("0-3 'quoted'"), ["0", "3", "quoted"]);
    }
}
