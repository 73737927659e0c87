//! Reading a context token by token.

use super::babble::{Babble, Trace};
use super::{Next, ToyModel};
use crate::tokenizer::{ASSISTANT, Tokenizer};

/// A context, and what the model knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    model: &'a ToyModel,
    ids: Vec<u32>,
    trace: Trace,
    turn: Option<Turn>,
}

/// The place where somebody may answer.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Number of tokens before the answer.
    begin: usize,
    /// ln P of what has been said since, had it been babble.
    babbled: f64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(model: &'a ToyModel) -> Self {
        Self {
            model,
            ids: Vec::new(),
            trace: Trace::begin(model.seed),
            turn: None,
        }
    }

    pub(crate) fn after(model: &'a ToyModel, context: &[u32]) -> Self {
        let mut reader = Self::new(model);
        for &id in context {
            reader.push(id);
        }
        reader
    }

    pub(crate) fn push(&mut self, id: u32) {
        if let Some(turn) = &mut self.turn {
            turn.babbled += Babble::after(self.trace).logprob(id);
        }
        self.ids.push(id);
        self.trace.push(id);
        if opens_a_turn(id) {
            self.turn = Some(Turn {
                begin: self.ids.len(),
                babbled: 0.0,
            });
        }
    }

    /// The distribution of the token that comes next.
    pub(crate) fn next(&self) -> Next {
        let babble = Babble::after(self.trace);
        let Some((turn, spoken)) = self.spoken() else {
            return Next::Babble(babble);
        };
        let share = self.model.babble_share;
        let matched: f64 = spoken.iter().map(|(_, p)| p).sum();
        let babbled = share * turn.babbled.exp();
        let total = ((1.0 - share) * matched + babbled).ln();
        let mut weights: Vec<f64> = (0_u32..)
            .take(Tokenizer::VOCABULARY)
            .map(|id| babbled * babble.logprob(id).exp())
            .collect();
        for (id, p) in spoken {
            if let Some(weight) = weights.get_mut(id as usize) {
                *weight += (1.0 - share) * p;
            }
        }
        Next::Full(
            weights
                .into_iter()
                .map(|weight| weight.ln() - total)
                .collect(),
        )
    }

    /// What a participant who has answered so far would say next: tokens with their joint probabilities, in
    /// no order and with repeats. Nothing if nobody is asked or somebody else has spoken.
    fn spoken(&self) -> Option<(Turn, Vec<(u32, f64)>)> {
        let turn = self.turn?;
        let (asked, said) = self.ids.split_at_checked(turn.begin)?;
        let phrases = self.model.phrases.iter();
        let mut fitting = phrases.filter(|(_, ids)| ids.starts_with(said)).peekable();
        fitting.peek()?;
        let answers = self.model.answers(&Tokenizer::decode(asked))?;
        let spoken: Vec<(u32, f64)> = fitting
            .filter_map(|(text, ids)| {
                let (_, p) = answers.iter().find(|(answer, _)| answer == text)?;
                Some((*ids.get(said.len())?, *p))
            })
            .collect();
        (!spoken.is_empty()).then_some((turn, spoken))
    }
}

/// Whether somebody may answer after this token: it ends in a colon or a question mark, or opens the model's
/// turn.
fn opens_a_turn(id: u32) -> bool {
    id == ASSISTANT || matches!(Tokenizer::bytes(id), Some([.., b':' | b'?']))
}

/// ln P of `ids` after `context`, all of it babble.
pub(super) fn babbled(seed: u64, context: &[u32], ids: &[u32]) -> f64 {
    let mut trace = Trace::begin(seed);
    for &id in context {
        trace.push(id);
    }
    let mut sum = 0.0;
    for &id in ids {
        sum += Babble::after(trace).logprob(id);
        trace.push(id);
    }
    sum
}
