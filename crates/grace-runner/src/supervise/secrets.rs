//! Values that must not be shown.

use std::fmt;

use grace_core::server::names_secret;

/// What stands where a secret was.
const HIDDEN: &str = "[hidden]";
/// Shorter values are everyday words and numbers; taking them out would take out others.
const SHORTEST: usize = 6;

/// Values that are taken out of every text that grace shows or writes of a server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// These values; what is shorter than six characters is taken for no secret.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values
            .into_iter()
            .filter(|value| value.chars().count() >= SHORTEST)
            .collect();
        // A value that contains another goes first, or its rest would stay.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self(values)
    }

    /// The values of those `variables` whose names say that they are secret.
    pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let secret = variables.into_iter().filter(|(name, _)| names_secret(name));
        Self::new(secret.map(|(_, value)| value.to_owned()))
    }

    /// These and those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::new(self.0.iter().chain(&other.0).cloned())
    }

    /// `text` without secrets.
    pub fn hide(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, value| text.replace(value, HIDDEN))
    }

    /// A command line to be shown: without secrets, and without what follows an argument whose name says that
    /// it is one.
    pub fn hide_in_command(&self, argv: &[String]) -> Vec<String> {
        let (mut shown, mut is_value) = (Vec::with_capacity(argv.len()), false);
        for argument in argv {
            let is_name = argument.starts_with('-') && names_secret(argument);
            shown.push(match argument.split_once('=') {
                _ if is_value => HIDDEN.to_owned(),
                Some((name, _)) if is_name => format!("{name}={HIDDEN}"),
                _ => self.hide(argument),
            });
            is_value = is_name && !argument.contains('=');
        }
        shown
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_variables_are_hidden_wherever_they_stand() {
        let secrets = Secrets::of_variables([
            ("HF_TOKEN", "hf_abcdef"),
            ("VLLM_API_KEY", "hf_abcdef-long"),
            ("HOME", "/home/someone"),
            ("MY_KEY", "1"),
        ]);
        let hidden = secrets.hide("token hf_abcdef-long, hf_abcdef 1 in /home/someone");
        assert_eq!(hidden, "token [hidden], [hidden] 1 in /home/someone");
        assert!(!format!("{secrets:?}").contains("hf_"));
    }

    #[test]
    fn what_follows_a_secret_argument_is_hidden() {
        let argv = [
            "vllm",
            "--api-key",
            "abc",
            "--hf-token=x",
            "--max-num-batched-tokens",
            "512",
        ];
        let shown = Secrets::default().hide_in_command(&argv.map(str::to_owned));
        let expected = "vllm --api-key [hidden] --hf-token=[hidden] --max-num-batched-tokens 512";
        assert_eq!(shown.join(" "), expected);
    }
}
