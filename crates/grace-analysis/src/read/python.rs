//! What Python's `json.dump` writes and JSON does not know.

/// The words that Python writes for numbers that are none.
const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// Puts `null` in the place of `NaN`, `Infinity` and `-Infinity`, where they stand as values: Python's own reader takes
/// them, and a missing cell of a table becomes one of them on its way through pandas.
pub(crate) fn without_nan(bytes: &mut Vec<u8>) {
    let (mut in_text, mut escaped) = (false, false);
    let mut cleaned = Vec::new();
    let mut kept = 0;
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte == b'"' {
            in_text = true;
        } else if matches!(byte, b'N' | b'I' | b'-')
            && let Some(word) = WORDS.iter().find(|word| bytes[place..].starts_with(word))
        {
            cleaned.extend_from_slice(&bytes[kept..place]);
            cleaned.extend_from_slice(b"null");
            place += word.len();
            kept = place;
            continue;
        }
        place += 1;
    }
    if kept > 0 {
        cleaned.extend_from_slice(&bytes[kept..]);
        *bytes = cleaned;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str) {
        let mut bytes = before.as_bytes().to_vec();
        without_nan(&mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), after);
    }

    #[test]
    fn only_values_are_replaced() {
        check(
            r#"[{"a": NaN, "NaN": -1, "b": "NaN \" NaN \\", "c": [-Infinity,Infinity]}]"#,
            r#"[{"a": null, "NaN": -1, "b": "NaN \" NaN \\", "c": [null,null]}]"#,
        );
        check("[1]", "[1]");
    }
}
