//! What a server puts before a prompt.

/// The ids around the bare text, or what is wrong with them.
pub(super) fn prefix(with: &[u32], bare: &[u32]) -> Result<Vec<u32>, String> {
    let Some(prefix) = with.strip_suffix(bare) else {
        return Err(format!(
            "a prompt of {} tokens becomes {} with special tokens, and does not end in its own: \
             expected special tokens before it alone",
            bare.len(),
            with.len()
        ));
    };
    match doubled(with, prefix) {
        Some(id) => Err(twice(id)),
        None => Ok(prefix.to_vec()),
    }
}

/// The token that stands twice at the beginning, though a server puts it there itself.
pub(super) fn doubled(ids: &[u32], prefix: &[u32]) -> Option<u32> {
    let first = prefix.first()?;
    let pair = ids.get(..2)?;
    pair.iter().all(|id| id == first).then_some(*first)
}

pub(super) fn twice(id: u32) -> String {
    format!("a prompt begins with token {id} twice, expected one beginning-of-sequence token")
}

/// A prompt that begins otherwise than the model wants.
pub(super) fn unexpected(wanted: bool, prefix: &[u32]) -> String {
    if wanted {
        String::from("no beginning-of-sequence token is put before prompts, expected one")
    } else {
        format!("tokens {prefix:?} are put before prompts, expected none")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_special_token_or_none_is_right() {
        assert_eq!(prefix(&[2, 5, 6], &[5, 6]), Ok(vec![2]));
        assert_eq!(
            prefix(&[5, 5], &[5, 5]),
            Ok(vec![]),
            "a text that repeats itself"
        );
    }

    #[test]
    fn doubled_and_trailing_special_tokens_are_wrong() {
        assert!(
            prefix(&[2, 2, 5], &[5])
                .unwrap_err()
                .contains("token 2 twice")
        );
        assert!(
            prefix(&[2, 2, 5], &[2, 5])
                .unwrap_err()
                .contains("token 2 twice")
        );
        assert!(
            prefix(&[2, 5, 1], &[5])
                .unwrap_err()
                .contains("does not end in its own")
        );
    }
}
