//! Answers token by token, with log-probabilities: what a request gets that asks for any.

mod position;

use crate::draws::Draws;
use crate::flaws::Lens;
use crate::model::{Next, Reader};
use crate::tokenizer::{Spelling, Tokenizer};

pub(crate) use position::{Candidate, Position};

/// What is wanted of one prompt.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) prompt: &'a [u32],
    /// Positions of the prompt's own tokens, with so many of the likeliest beside each.
    pub(crate) prompt_top: Option<usize>,
    /// Positions of the tokens of the answer, with so many of the likeliest beside each.
    pub(crate) top: Option<usize>,
    /// In place of the likeliest: these.
    pub(crate) asked: &'a [u32],
    /// The answer, if it must be this and then end.
    pub(crate) forced: Option<&'a [u32]>,
    /// Whether the end of the text is never drawn.
    pub(crate) endless: bool,
    /// Tokens of the answer at most.
    pub(crate) limit: usize,
    pub(crate) temperature: f64,
    pub(crate) stop: &'a [String],
    pub(crate) lens: Lens,
}

/// An answer, and the log-probabilities that were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// From the prompt's second token on, if asked for: the first comes after nothing.
    pub(crate) prompt_positions: Option<Vec<Position>>,
    /// The end-of-text token included.
    pub(crate) tokens: Vec<u32>,
    /// One for each token of the answer, if asked for.
    pub(crate) positions: Option<Vec<Position>>,
    /// Without special tokens.
    pub(crate) text: String,
    pub(crate) ended: bool,
    pub(crate) stopped_by: Option<String>,
}

/// A prompt that has been read, and can be answered more than once.
#[derive(Debug)]
pub(crate) struct Prompted<'a> {
    task: &'a Task<'a>,
    reader: Reader<'a>,
    before: Option<Next>,
    positions: Option<Vec<Position>>,
}

impl<'a> Prompted<'a> {
    /// Reads the prompt of a task, and scores its tokens if that is asked.
    pub(crate) fn read(task: &'a Task<'a>, mut reader: Reader<'a>) -> Self {
        let mut positions = task.prompt_top.map(|_| Vec::new());
        let mut before = None;
        let mut spelling = Spelling::default();
        for (place, &id) in task.prompt.iter().enumerate() {
            let text = spelling.push(id);
            let is_last = place + 1 == task.prompt.len();
            if positions.is_some() || (is_last && task.lens.looks_back()) {
                let next = task.lens.view(reader.next(), &mut before, task.temperature);
                if let Some(positions) = positions.as_mut().filter(|_| place > 0) {
                    let top = next.top(task.prompt_top.unwrap_or_default());
                    positions.push(Position::new(&next, id, text, &top));
                }
            }
            reader.push(id);
        }
        Self {
            task,
            reader,
            before,
            positions,
        }
    }

    /// Answers, by chance where the task leaves any.
    pub(crate) fn answer(&self, draws: &mut Draws) -> Told {
        let Task { forced, top, .. } = *self.task;
        let mut reader = self.reader.clone();
        let mut before = self.before.clone();
        let mut spelling = Spelling::default();
        let mut told = Told {
            prompt_positions: self.positions.clone(),
            positions: top.map(|_| Vec::new()),
            ..Told::default()
        };
        while told.tokens.len() < self.task.limit && !told.ended {
            let next = reader.next();
            let id = match forced {
                Some(ids) => ids
                    .get(told.tokens.len())
                    .copied()
                    .unwrap_or(Tokenizer::EOS),
                None if self.task.endless => next
                    .without(Tokenizer::EOS)
                    .sample(self.task.temperature, draws),
                None => next.sample(self.task.temperature, draws),
            };
            let text = spelling.push(id);
            if let Some(positions) = &mut told.positions {
                let next = self
                    .task
                    .lens
                    .view(next, &mut before, self.task.temperature);
                let beside = match self.task.asked {
                    [] => next.top(top.unwrap_or_default()),
                    asked => asked.to_vec(),
                };
                positions.push(Position::new(&next, id, text.clone(), &beside));
            }
            reader.push(id);
            told.take(id, &text, self.task.stop);
        }
        told
    }
}

impl Told {
    /// Adds a token, which may end the answer.
    fn take(&mut self, id: u32, text: &str, stop: &[String]) {
        self.tokens.push(id);
        if id == Tokenizer::EOS {
            self.ended = true;
        } else if !Tokenizer::is_special(id) {
            self.text.push_str(text);
        }
        let stops = stop
            .iter()
            .filter_map(|stop| Some((self.text.find(stop)?, stop)));
        if let Some((at, stop)) = stops.min() {
            self.ended = true;
            self.stopped_by = Some(stop.clone());
            self.text.truncate(at);
        }
    }

    /// Every log-probability, in a fixed order.
    pub(crate) fn logprobs_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let lists = [&mut self.prompt_positions, &mut self.positions];
        let positions = lists.into_iter().flatten().flatten();
        positions.flat_map(Position::logprobs_mut)
    }

    /// Rounds log-probabilities to single precision, in which servers compute them.
    #[expect(clippy::cast_possible_truncation, reason = "that is what rounding is")]
    pub(crate) fn round(&mut self) {
        for logprob in self.logprobs_mut() {
            *logprob = f64::from(*logprob as f32);
        }
    }

    /// "stop" or "length", as all servers call it.
    pub(crate) fn finish_reason(&self) -> &'static str {
        if self.ended { "stop" } else { "length" }
    }
}
