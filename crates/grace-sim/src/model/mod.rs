//! The language model behind scores: exact log-probabilities of every token after every context.

mod babble;
mod next;
mod reader;

use crate::config::SimConfig;
use crate::draws::fingerprint;
use crate::participant::{Participant, every_answer};
use crate::tokenizer::Tokenizer;

pub(crate) use next::Next;
pub(crate) use reader::Reader;

/// A language model whose log-probabilities are known in closed form.
///
/// It is a mixture of two. With the weight 1 − ε a **participant** answers: where a context ends in a colon,
/// a question mark or the opening of the model's turn, and the text before asks what a simulated participant
/// understands, one of [`ToyModel::answers`] follows, then the end of the text. With the weight ε (and
/// always where nobody is asked) it **babbles**: see [`ToyModel::babble_logprob`]. Next-token probabilities
/// are those of the mixture, conditioned on what has been said since the question, so along the tokens *o* of
/// an answer
///
/// > P(o | prompt) = (1 − ε) · P(participant answers o) + ε · Π P(babble says oₖ).
///
/// Options that no participant says get the second term alone. Everything is a pure function of the token
/// ids, the model's name, the participants, the batch shift and ε; the batch shift tilts answers, never
/// babble.
///
/// # Stability
///
/// Log-probabilities stay the same within a 0.x release, up to rounding.
///
/// # Examples
///
/// ```
/// use grace_sim::{SimConfig, ToyModel};
///
/// let model = ToyModel::of(&SimConfig::new("sim"));
/// let prompt = "\"I have looked at 2 of the 3 exams.\" Does she know exactly how many passed? Answer yes or no:";
/// let yes = model.logprob_of(prompt, " yes").exp();
/// // (1 − ε) · 0.025, and next to nothing from babble.
/// assert!((yes - 0.95 * 0.025).abs() < 0.002);
/// ```
#[derive(Clone, Debug)]
pub struct ToyModel {
    participant: Participant,
    tokenizer: Tokenizer,
    babble_share: f64,
    seed: u64,
    /// The tokens of all that participants say, the end of the text included.
    phrases: Vec<(&'static str, Vec<u32>)>,
}

impl ToyModel {
    /// The model that a server of this configuration scores with.
    pub fn of(config: &SimConfig) -> Self {
        let tokens = |text: &str| [config.tokenizer.encode(text), vec![Tokenizer::EOS]].concat();
        Self {
            participant: config.participant(),
            tokenizer: config.tokenizer,
            babble_share: config.babble_share,
            seed: fingerprint("grace-sim.toy-model/v1", &[config.model.as_bytes()]),
            phrases: every_answer().map(|text| (text, tokens(text))).collect(),
        }
    }

    /// The tokenizer of this model.
    pub fn tokenizer(&self) -> Tokenizer {
        self.tokenizer
    }

    /// The weight ε of babble, in [0, 1].
    pub fn babble_share(&self) -> f64 {
        self.babble_share
    }

    /// What the participant would answer to `prompt`, with the probability of each answer, batch shift
    /// included; nothing where nobody is asked.
    ///
    /// Answers carry a leading space: " yes", " 10%", " It was bad.". They are said only where the prompt
    /// ends as [`ToyModel`] says.
    pub fn answers(&self, prompt: &str) -> Option<Vec<(&'static str, f64)>> {
        self.participant.answers(prompt)
    }

    /// ln P(`id` | `context`), in nats; −∞ for an id that is no token.
    pub fn next_logprob(&self, context: &[u32], id: u32) -> f64 {
        Reader::after(self, context).next().logprob(id)
    }

    /// ln P of every token after `context`, by id; the probabilities sum to 1.
    pub fn next_logprobs(&self, context: &[u32]) -> Vec<f64> {
        Reader::after(self, context).next().logprobs()
    }

    /// ln P(`ids` | `context`): the sum over the tokens, each after those before it. 0 for no tokens.
    pub fn logprob_of_ids(&self, context: &[u32], ids: &[u32]) -> f64 {
        let mut reader = Reader::after(self, context);
        let mut sum = 0.0;
        for &id in ids {
            sum += reader.next().logprob(id);
            reader.push(id);
        }
        sum
    }

    /// ln P(`option` | `prompt`): [`ToyModel::logprob_of_ids`] of [`ToyModel::border`].
    pub fn logprob_of(&self, prompt: &str, option: &str) -> f64 {
        let (context, ids) = self.border(prompt, option);
        self.logprob_of_ids(&context, &ids)
    }

    /// The tokens of a prompt that comes as text, and those of an option after it.
    ///
    /// If the prompt's tokens begin those of the joint text, the option's are the rest; otherwise the option
    /// is tokenised alone.
    pub fn border(&self, prompt: &str, option: &str) -> (Vec<u32>, Vec<u32>) {
        let context = self.tokenizer.encode_prompt(prompt);
        let joint = self.tokenizer.encode_prompt(&format!("{prompt}{option}"));
        let ids = match joint.strip_prefix(context.as_slice()) {
            Some(rest) if !rest.is_empty() => rest.to_vec(),
            _ => self.tokenizer.encode(option),
        };
        (context, ids)
    }

    /// ln Π P(babble says the k-th of `ids`), each after `context` and those before it: what the model would
    /// say if ε were 1.
    ///
    /// Each token is a piece with probability 0.95, else a letter or a special token; within either group the
    /// probabilities fall as (place + 1.5)^−1.5, and a hash of the whole context says which token has which
    /// place.
    pub fn babble_logprob(&self, context: &[u32], ids: &[u32]) -> f64 {
        reader::babbled(self.seed, context, ids)
    }
}

#[cfg(test)]
mod tests;
