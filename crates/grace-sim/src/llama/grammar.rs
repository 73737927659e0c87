//! Grammars that force one sequence of tokens: `root ::= <[3]> <[5]> <[4]>`.

use crate::tokenizer::Tokenizer;

/// Why a grammar is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrammarError {
    /// No sequence of token ids; the real server understands more.
    Syntax,
    /// An id that is no token.
    Vocabulary,
    /// The end of the text, which no grammar generates.
    EndOfText,
}

/// The sequence that a grammar allows.
pub(crate) fn sequence(grammar: &str) -> Result<Vec<u32>, GrammarError> {
    let (name, rule) = grammar.split_once("::=").ok_or(GrammarError::Syntax)?;
    if name.trim() != "root" {
        return Err(GrammarError::Syntax);
    }
    let mut ids = Vec::new();
    let mut rest = rule.trim();
    while !rest.is_empty() {
        let inner = rest.strip_prefix("<[").ok_or(GrammarError::Syntax)?;
        let (number, after) = inner.split_once("]>").ok_or(GrammarError::Syntax)?;
        ids.push(number.parse().map_err(|_| GrammarError::Syntax)?);
        rest = after.trim_start();
    }
    if ids.is_empty() {
        return Err(GrammarError::Syntax);
    }
    if ids.contains(&Tokenizer::EOS) {
        return Err(GrammarError::EndOfText);
    }
    if ids.iter().any(|&id| Tokenizer::bytes(id).is_none()) {
        return Err(GrammarError::Vocabulary);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_of_ids_is_read() {
        assert_eq!(sequence("root ::= <[3]> <[5]><[4]>\n"), Ok(vec![3, 5, 4]));
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            "",
            "root = x",
            "root ::=",
            "root ::= \"yes\"",
            "other ::= <[1]>",
            "root ::= <[1]> |",
        ];
        for grammar in cases {
            assert_eq!(sequence(grammar), Err(GrammarError::Syntax), "{grammar}");
        }
        assert_eq!(
            sequence("root ::= <[999999]>"),
            Err(GrammarError::Vocabulary)
        );
    }
}
