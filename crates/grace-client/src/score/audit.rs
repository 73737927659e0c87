use super::method::BorderRule;

/// Options as token ids, checked to be distinct events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenisedOptions {
    pub(super) names: Vec<String>,
    pub(super) prompt: Vec<u32>,
    pub(super) options: Vec<Vec<u32>>,
    pub(super) border: BorderRule,
}

/// Why options do not make a distribution in the tokens of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionProblem {
    /// There is nothing to score, or not one list of tokens for each option.
    #[error("there is no option, or not one list of tokens for each")]
    None,
    /// The first token of an option needs one before it.
    #[error("the prompt has no token")]
    EmptyPrompt,
    /// An option has no token of its own.
    #[error("option {option:?} adds no token to the prompt")]
    #[non_exhaustive]
    NoTokens {
        /// The option.
        option: String,
    },
    /// Two options are the same event.
    #[error("options {first:?} and {second:?} are the same tokens")]
    #[non_exhaustive]
    Same {
        /// One option.
        first: String,
        /// The other.
        second: String,
    },
    /// One option happens whenever the other does, so that their probabilities
    /// do not exclude each other.
    #[error(
        "the tokens of option {option:?} begin those of option {longer:?}, so its probability holds that of the other"
    )]
    #[non_exhaustive]
    Prefix {
        /// The shorter option.
        option: String,
        /// The longer one.
        longer: String,
    },
    /// The server did not list the option's first token.
    #[error(
        "option {option:?} begins with none of the {listed} tokens that the server listed as the likeliest"
    )]
    #[non_exhaustive]
    NotListed {
        /// The option.
        option: String,
        /// How many were listed.
        listed: usize,
    },
    /// No request asked for all tokens of the option: the requests of an earlier score are not all there.
    #[error("the log-probability of a token of option {option:?} was not asked for")]
    #[non_exhaustive]
    NotAsked {
        /// The option.
        option: String,
    },
    /// Told apart by their first token, two options are one.
    #[error(
        "options {first:?} and {second:?} have the same first token, which is all that `first_token` looks at"
    )]
    #[non_exhaustive]
    SameFirstToken {
        /// One option.
        first: String,
        /// The other.
        second: String,
    },
}

impl TokenisedOptions {
    /// Options by the token ids that stand behind those of the prompt.
    ///
    /// # Errors
    ///
    /// An [`OptionProblem`] if prompt or options have no token, or if one
    /// option's tokens begin another's.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_client::{BorderRule, OptionProblem, TokenisedOptions};
    ///
    /// let names = [" 10", " 100"].map(str::to_owned);
    /// let ids = vec![vec![5, 7], vec![5, 7, 7]];
    /// let error = TokenisedOptions::new(vec![0, 3], &names, ids, BorderRule::Joint).unwrap_err();
    /// assert!(matches!(error, OptionProblem::Prefix { .. }));
    /// ```
    pub fn new(
        prompt: Vec<u32>,
        names: &[String],
        options: Vec<Vec<u32>>,
        border: BorderRule,
    ) -> Result<Self, OptionProblem> {
        if prompt.is_empty() {
            return Err(OptionProblem::EmptyPrompt);
        }
        check(names, &options)?;
        Ok(Self {
            names: names.to_vec(),
            prompt,
            options,
            border,
        })
    }

    /// The tokens of the prompt.
    pub fn prompt(&self) -> &[u32] {
        &self.prompt
    }

    /// The tokens of each option.
    pub fn options(&self) -> &[Vec<u32>] {
        &self.options
    }

    /// Where the options' tokens come from.
    pub fn border(&self) -> BorderRule {
        self.border
    }
}

fn check(names: &[String], options: &[Vec<u32>]) -> Result<(), OptionProblem> {
    let named = || names.iter().zip(options);
    if names.is_empty() || names.len() != options.len() {
        return Err(OptionProblem::None);
    }
    if let Some((name, _)) = named().find(|(_, ids)| ids.is_empty()) {
        let option = name.clone();
        return Err(OptionProblem::NoTokens { option });
    }
    for (at, (name, ids)) in named().enumerate() {
        for (other, other_ids) in named().skip(at + 1) {
            let (short, long) = if ids.len() <= other_ids.len() {
                ((name, ids), (other, other_ids))
            } else {
                ((other, other_ids), (name, ids))
            };
            if short.1 == long.1 {
                return Err(OptionProblem::Same {
                    first: name.clone(),
                    second: other.clone(),
                });
            }
            if long.1.starts_with(short.1) {
                return Err(OptionProblem::Prefix {
                    option: short.0.clone(),
                    longer: long.0.clone(),
                });
            }
        }
    }
    Ok(())
}

/// What each text has behind the prompt, if every one begins with the prompt's ids.
pub(super) fn behind(prompt: &[u32], joint: &[Vec<u32>]) -> Option<Vec<Vec<u32>>> {
    let rest = joint.iter().map(|ids| ids.strip_prefix(prompt));
    rest.map(|rest| rest.map(<[u32]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(options: &[(&str, &[u32])]) -> String {
        let names: Vec<String> = options.iter().map(|(name, _)| (*name).to_owned()).collect();
        let ids = options.iter().map(|(_, ids)| ids.to_vec()).collect();
        let error = TokenisedOptions::new(vec![1], &names, ids, BorderRule::Joint).unwrap_err();
        error.to_string()
    }

    #[test]
    fn options_that_are_no_distinct_events_are_refused() {
        assert!(refused(&[]).starts_with("there is no option"));
        assert_eq!(
            refused(&[(" a", &[3]), ("", &[])]),
            r#"option "" adds no token to the prompt"#
        );
        assert_eq!(
            refused(&[("a", &[3]), ("b", &[4]), ("A", &[3])]),
            r#"options "a" and "A" are the same tokens"#
        );
        assert!(
            refused(&[("100", &[1, 0, 0]), ("10", &[1, 0])])
                .starts_with(r#"the tokens of option "10" begin those of option "100""#)
        );
    }

    #[test]
    fn a_merge_at_the_border_is_seen() {
        let clean = behind(&[1, 2], &[vec![1, 2, 3], vec![1, 2, 4, 5]]);
        assert_eq!(clean, Some(vec![vec![3], vec![4, 5]]));
        assert_eq!(behind(&[1, 2], &[vec![1, 2, 3], vec![1, 9]]), None);
        assert_eq!(behind(&[1, 2], &[vec![1]]), None);
    }
}
