//! What goes wrong, and when.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::draws::{Draws, fingerprint};

/// One way in which a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This status, with an error in vLLM's shape.
    Status(u16),
    /// 429, with or without word when to come back.
    TooManyRequests(RetryAfter),
    /// 500 "`EngineCore` encountered an issue", as after a crash of vLLM's engine.
    EngineDead,
    /// 503 "Loading model", as llama.cpp says.
    Loading,
    /// 503 "The engine is currently busy", as vLLM says when its queue is full.
    Busy,
    /// The connection is reset (RST) without a byte.
    Reset,
    /// The connection is closed (FIN) without a byte.
    Close,
    /// The right answer's head and half of its body, then the connection is cut.
    Truncated,
    /// 200 with a page of HTML.
    NotJson,
    /// 200 with an answer that has no choices.
    EmptyChoices,
    /// Not a byte until the client goes.
    Hang,
    /// The right answer, byte by byte, with so long a pause before each.
    Drip(Duration),
}

impl Fault {
    /// This fault, so many times in a row.
    pub fn times(self, times: usize) -> Faults {
        Faults::from(self).times(times)
    }
}

/// What a 429 says about when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Nothing.
    Absent,
    /// `Retry-After: 3`.
    Seconds(u64),
    /// `Retry-After: Mon, 23 Nov 2026 …`, so long from now (whole seconds, rounded down).
    Date(Duration),
}

/// When requests fail.
///
/// Three sources are asked in this order: bodies marked to fail, a script, rates. Only completion
/// and chat requests fail, unless [`Faults::on_all_paths`] is set.
///
/// # Examples
///
/// ```
/// use grace_sim::{Fault, Faults};
///
/// // The first two requests get a 503, the third is cut, all others are served.
/// let script = Faults::status(503).times(2).then(Fault::Reset);
/// // One request in ten fails, and none more than twice.
/// let rates = Faults::none().with_rate(Fault::Status(500), 0.1).with_at_most_per_body(2);
/// # let _ = (script, rates);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// One entry for each request; `None` is served.
    script: Vec<Option<Fault>>,
    marked: Vec<(String, Fault)>,
    rates: Vec<(Fault, f64)>,
    seed: u64,
    at_most_per_body: Option<u32>,
    all_paths: bool,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The first request gets an error of this status.
    pub fn status(status: u16) -> Self {
        Self::from(Fault::Status(status))
    }

    /// The first requests get these faults, one each, in order of arrival.
    pub fn script(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            script: faults.into_iter().map(Some).collect(),
            ..Self::default()
        }
    }

    /// Repeats the script's last entry, so that it stands there `times` times in all.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        if let Some(last) = self.script.pop() {
            self.script.extend(std::iter::repeat_n(last, times));
        }
        self
    }

    /// Adds a fault to the script.
    #[must_use]
    pub fn then(mut self, fault: Fault) -> Self {
        self.script.push(Some(fault));
        self
    }

    /// Adds a request that is served to the script.
    #[must_use]
    pub fn then_serve(mut self) -> Self {
        self.script.push(None);
        self
    }

    /// Fails every request whose body contains `text`, each time it is tried.
    #[must_use]
    pub fn with_marked(mut self, text: impl Into<String>, fault: Fault) -> Self {
        self.marked.push((text.into(), fault));
        self
    }

    /// Fails a share of requests, `rate` in [0, 1]. Rates of several faults add up.
    ///
    /// Whether a request fails is decided by seed, body and how often that body has come before,
    /// never by the order of arrival among others; so a repeated run meets the same faults, and a
    /// retry is a new draw.
    #[must_use]
    pub fn with_rate(mut self, fault: Fault, rate: f64) -> Self {
        self.rates.push((fault, rate));
        self
    }

    /// Sets the seed of the rates. 0 unless set.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Lets rates fail one body at most so many times, so that enough retries always succeed. No
    /// limit unless set.
    #[must_use]
    pub fn with_at_most_per_body(mut self, times: u32) -> Self {
        self.at_most_per_body = Some(times);
        self
    }

    /// Lets requests for health, models and all else fail too.
    #[must_use]
    pub fn on_all_paths(mut self) -> Self {
        self.all_paths = true;
        self
    }

    /// The fault that the rates give to the `attempt`-th arrival (from 0) of a body.
    fn drawn(&self, body: u64, attempt: u32) -> Option<&Fault> {
        let parts: [&[u8]; 3] = [
            &self.seed.to_be_bytes(),
            &body.to_be_bytes(),
            &attempt.to_be_bytes(),
        ];
        let mut left = Draws::named("grace-sim.fault/v1", &parts).uniform();
        self.rates.iter().find_map(|(fault, rate)| {
            left -= rate;
            (left < 0.0).then_some(fault)
        })
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self::script([fault])
    }
}

/// Faults at work: which have happened.
#[derive(Debug)]
pub(crate) struct FaultPlan(Mutex<State>);

#[derive(Debug)]
struct State {
    faults: Faults,
    scripted: usize,
    /// By hash of the body: arrivals, and faults by rate.
    bodies: BTreeMap<u64, (u32, u32)>,
}

impl FaultPlan {
    pub(crate) fn new(faults: Faults) -> Self {
        Self(Mutex::new(State {
            faults,
            scripted: 0,
            bodies: BTreeMap::new(),
        }))
    }

    /// Starts over with other faults.
    pub(crate) fn replace(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State {
            faults,
            scripted: 0,
            bodies: BTreeMap::new(),
        };
    }

    /// What happens to a request that has just arrived.
    pub(crate) fn next(&self, generates: bool, body: &[u8]) -> Option<Fault> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.next(generates, body)
    }
}

impl State {
    fn next(&mut self, generates: bool, body: &[u8]) -> Option<Fault> {
        if !(generates || self.faults.all_paths) {
            return None;
        }
        if let Some((_, fault)) = self
            .faults
            .marked
            .iter()
            .find(|(text, _)| contains(body, text))
        {
            return Some(fault.clone());
        }
        if let Some(entry) = self.faults.script.get(self.scripted) {
            self.scripted += 1;
            return entry.clone();
        }
        if self.faults.rates.is_empty() {
            return None;
        }
        let body = fingerprint("grace-sim.body/v1", &[body]);
        let (arrivals, failed) = self.bodies.entry(body).or_default();
        let attempt = *arrivals;
        *arrivals += 1;
        if self
            .faults
            .at_most_per_body
            .is_some_and(|most| *failed >= most)
        {
            return None;
        }
        let fault = self.faults.drawn(body, attempt)?.clone();
        *failed += 1;
        Some(fault)
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    !text.is_empty()
        && body
            .windows(text.len())
            .any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_up_in_order() {
        let script = Faults::status(503).times(2).then_serve().then(Fault::Reset);
        let plan = FaultPlan::new(script);
        let met: Vec<_> = (0..5).map(|_| plan.next(true, b"x")).collect();
        let expected = [
            Some(Fault::Status(503)),
            Some(Fault::Status(503)),
            None,
            Some(Fault::Reset),
            None,
        ];
        assert_eq!(met, expected);
    }

    #[test]
    fn health_is_spared_unless_asked() {
        assert_eq!(FaultPlan::new(Faults::status(500)).next(false, b""), None);
        let plan = FaultPlan::new(Faults::status(500).on_all_paths());
        assert_eq!(plan.next(false, b""), Some(Fault::Status(500)));
    }

    #[test]
    fn rates_do_not_depend_on_the_order_of_arrival() {
        let faults = Faults::none()
            .with_rate(Fault::Hang, 0.3)
            .with_rate(Fault::Reset, 0.2);
        let bodies: Vec<String> = (0..500).map(|i| format!("body {i}")).collect();
        let (forward, backward) = (FaultPlan::new(faults.clone()), FaultPlan::new(faults));
        let one: Vec<_> = bodies
            .iter()
            .map(|b| forward.next(true, b.as_bytes()))
            .collect();
        let mut two: Vec<_> = bodies
            .iter()
            .rev()
            .map(|b| backward.next(true, b.as_bytes()))
            .collect();
        two.reverse();
        assert_eq!(one, two);
        let failed = one.iter().flatten().count();
        assert!((200..300).contains(&failed), "{failed} of 500 failed");
    }

    #[test]
    fn a_limit_per_body_lets_retries_through() {
        let faults = Faults::none()
            .with_rate(Fault::Hang, 1.0)
            .with_at_most_per_body(2);
        let plan = FaultPlan::new(faults);
        let met: Vec<_> = (0..4).map(|_| plan.next(true, b"x").is_some()).collect();
        assert_eq!(met, [true, true, false, false]);
    }

    #[test]
    fn a_marked_body_always_fails() {
        let plan = FaultPlan::new(Faults::none().with_marked("Laura", Fault::Status(400)));
        assert_eq!(plan.next(true, b"dear Laura"), Some(Fault::Status(400)));
        assert_eq!(plan.next(true, b"dear Laura"), Some(Fault::Status(400)));
        assert_eq!(plan.next(true, b"dear Paula"), None);
    }
}
