//! What is said about one place of a sequence: its token, and tokens beside it.

use crate::model::Next;
use crate::tokenizer::Tokenizer;

/// A token that is, or could be, at a place.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: u32,
    pub(crate) text: String,
    /// In nats, after everything before the place. NaN is sent as null.
    pub(crate) logprob: f64,
    /// From 1.
    pub(crate) rank: usize,
}

/// A place: the token that is there, and those asked for beside it.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) token: Candidate,
    /// The likeliest or the asked ones; `token` may be among them.
    pub(crate) beside: Vec<Candidate>,
    /// A token that a fault leaves out.
    pub(crate) missing: Option<u32>,
}

impl Position {
    /// The place where `next` was the distribution and `id`, which adds `text`, came.
    pub(crate) fn new(next: &Next, id: u32, text: String, beside: &[u32]) -> Self {
        let candidate = |id, text| Candidate {
            id,
            text,
            logprob: next.logprob(id),
            rank: next.rank(id),
        };
        Self {
            token: candidate(id, text),
            beside: beside
                .iter()
                .map(|&id| candidate(id, Tokenizer::decode(&[id])))
                .collect(),
            missing: None,
        }
    }

    /// The token itself, then those beside it that differ, without the missing one: what vLLM lists.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Candidate> {
        let own = self.token.id;
        let others = self.beside.iter().filter(move |other| other.id != own);
        std::iter::once(&self.token)
            .chain(others)
            .filter(|one| self.missing != Some(one.id))
    }

    /// Every number, in a fixed order.
    pub(crate) fn logprobs_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let beside = self.beside.iter_mut().map(|one| &mut one.logprob);
        std::iter::once(&mut self.token.logprob).chain(beside)
    }
}
