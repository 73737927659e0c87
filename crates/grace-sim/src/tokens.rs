//! The toy tokenizer: one word, one token.

/// The number of tokens of `text`: its words, as white space separates them.
pub(crate) fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// The part of `text` that its first `limit` tokens cover, with the white space before each.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    let mut words = 0;
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            in_word = false;
            if words == limit {
                return text.get(..at).unwrap_or(text);
            }
        } else if !in_word {
            in_word = true;
            words += 1;
            if words > limit {
                return text.get(..at).unwrap_or(text);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_white_space_before_its_words() {
        assert_eq!(head(" It was  good.", 2), " It was");
        assert_eq!(head(" It was  good.", 9), " It was  good.");
        assert_eq!(head("It was", 0), "");
    }
}
