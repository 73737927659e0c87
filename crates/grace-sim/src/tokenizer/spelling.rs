//! Tokens spelled one after the other, as servers show them.

use super::Tokenizer;

/// Gives each token of a sequence the text that it completes: nothing while a character is cut, the
/// character with the token that ends it.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    pending: Vec<u8>,
}

impl Spelling {
    /// The text that `id` adds.
    pub(crate) fn push(&mut self, id: u32) -> String {
        self.pending
            .extend_from_slice(Tokenizer::bytes(id).unwrap_or_default());
        match std::str::from_utf8(&self.pending) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() == 0 => String::new(),
            _ => {
                let text = String::from_utf8_lossy(&self.pending).into_owned();
                self.pending.clear();
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in the recorded sample `invalid_utf8_token`.
    #[test]
    fn a_cut_character_belongs_to_the_token_that_ends_it() {
        let mut spelling = Spelling::default();
        let ids = Tokenizer::new().encode("\u{e9} x");
        let texts: Vec<String> = ids.into_iter().map(|id| spelling.push(id)).collect();
        assert_eq!(texts, ["", "\u{e9}", " ", "x"]);
    }

    #[test]
    fn what_never_becomes_a_character_is_replaced() {
        let mut spelling = Spelling::default();
        let ids = Tokenizer::new().encode("\u{e9}");
        assert_eq!(spelling.push(ids[0]), "");
        assert_eq!(spelling.push(ids[0]), "\u{fffd}\u{fffd}");
    }
}
