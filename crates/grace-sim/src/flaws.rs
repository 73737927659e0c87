//! Log-probabilities that are wrong, in ways that real servers and old versions are wrong.

use std::sync::{Mutex, PoisonError};

use crate::draws::Draws;
use crate::exact::Told;
use crate::model::Next;

/// What is wrong with the log-probabilities of a server.
///
/// It is so with all its answers, until [`Sim::set_scoring_fault`](crate::Sim::set_scoring_fault). Failures
/// of single requests (429, resets, …) are [`Faults`](crate::Faults), and can be had at the same time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScoringFault {
    /// Fields that ask for log-probabilities are ignored: null, as with a server that never heard of them.
    Absent,
    /// One log-probability fewer than there are tokens: the last is not there.
    TooFew,
    /// The last place lacks its token, or the last that was asked for by id.
    MissingToken,
    /// The last place's numbers are −∞ as vLLM writes it: −9999.0.
    MinusInfinity,
    /// The last place's numbers are −∞ as llama.cpp's JSON writer writes it: null.
    Null,
    /// The numbers of the request before, under the tokens of this one. The first request is right.
    Stale,
    /// Each log-probability is that after one token fewer: P(token | context without its last token).
    Shifted,
    /// Each number is off by an amount drawn anew and evenly, so that equal requests differ by up to so many
    /// nats. None gets above 0.
    Noise(f64),
    /// Each number is too large by so many nats, but none above 0: numbers that were not normalised, and do not show it one by
    /// one.
    Raised(f64),
    /// `logprob_token_ids` is ignored, as by vLLM before it knew the field.
    NoTokenIds,
    /// Log-probabilities after temperature, as with vLLM's `--logprobs-mode processed_logprobs`.
    Sampled,
}

/// vLLM's number for −∞, which JSON cannot hold.
const CLAMPED: f64 = -9999.0;

/// How a server looks at its distributions when it reports them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens(Option<ScoringFault>);

impl Lens {
    /// Whether a place needs the distribution of the place before.
    pub(crate) fn looks_back(self) -> bool {
        self.0 == Some(ScoringFault::Shifted)
    }

    /// Whether `logprob_token_ids` is understood.
    pub(crate) fn knows_token_ids(self) -> bool {
        self.0 != Some(ScoringFault::NoTokenIds)
    }

    /// The distribution that is reported where `next` is the true one; `before` is kept from place to place.
    pub(crate) fn view(self, next: Next, before: &mut Option<Next>, temperature: f64) -> Next {
        match self.0 {
            Some(ScoringFault::Sampled) => next.at_temperature(temperature),
            Some(ScoringFault::Shifted) => before.replace(next.clone()).unwrap_or(next),
            _ => next,
        }
    }
}

/// A server's scoring fault at work.
#[derive(Debug)]
pub(crate) struct Flaws(Mutex<State>);

#[derive(Debug)]
struct State {
    fault: Option<ScoringFault>,
    /// All numbers of the request before.
    previous: Vec<f64>,
}

impl Flaws {
    pub(crate) fn new(fault: Option<ScoringFault>) -> Self {
        Self(Mutex::new(State {
            fault,
            previous: Vec::new(),
        }))
    }

    pub(crate) fn replace(&self, fault: Option<ScoringFault>) {
        self.state().fault = fault;
    }

    pub(crate) fn lens(&self) -> Lens {
        Lens(self.state().fault)
    }

    /// Does to right answers what the fault does; `asked` says that tokens were asked for by id.
    pub(crate) fn spoil(&self, told: &mut [Told], asked: bool, draws: &mut Draws) {
        let mut state = self.state();
        match state.fault {
            None => {}
            Some(ScoringFault::Stale) => {
                state.previous = exchanged(told, &state.previous);
                return;
            }
            Some(fault) => told
                .iter_mut()
                .for_each(|one| spoil_one(one, fault, asked, draws)),
        }
        // Where a fault begins later, the request before it is known.
        state.previous = numbers(told).map(|number| *number).collect();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts other numbers in place, as often as they must be repeated, and returns those that were there.
fn exchanged(told: &mut [Told], previous: &[f64]) -> Vec<f64> {
    let mut stale = previous.iter().cycle();
    let exchange = |number: &mut f64| {
        let right = *number;
        *number = stale.next().copied().unwrap_or(right);
        right
    };
    numbers(told).map(exchange).collect()
}

fn numbers(told: &mut [Told]) -> impl Iterator<Item = &mut f64> {
    told.iter_mut().flat_map(Told::logprobs_mut)
}

fn spoil_one(told: &mut Told, fault: ScoringFault, asked: bool, draws: &mut Draws) {
    if fault == ScoringFault::Absent {
        (told.prompt_positions, told.positions) = (None, None);
        return;
    }
    for number in told.logprobs_mut() {
        let off = match fault {
            ScoringFault::Noise(width) => width * (draws.uniform() - 0.5),
            ScoringFault::Raised(by) => by,
            _ => break,
        };
        *number = (*number + off).min(0.0);
    }
    let of_prompt = told
        .prompt_positions
        .as_mut()
        .map(|positions| (positions, false));
    let of_answer = told.positions.as_mut().map(|positions| (positions, asked));
    for (positions, asked) in of_prompt.into_iter().chain(of_answer) {
        if fault == ScoringFault::TooFew {
            positions.pop();
        }
        let Some(last) = positions.last_mut() else {
            continue;
        };
        match fault {
            ScoringFault::MissingToken if asked => {
                last.missing = last.beside.last().map(|one| one.id);
            }
            ScoringFault::MissingToken => last.missing = Some(last.token.id),
            ScoringFault::MinusInfinity => last.logprobs_mut().for_each(|x| *x = CLAMPED),
            ScoringFault::Null => last.logprobs_mut().for_each(|x| *x = f64::NAN),
            _ => {}
        }
    }
}
