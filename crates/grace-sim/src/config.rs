//! What a simulated server is like.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::batch;
use crate::faults::Faults;
use crate::flaws::ScoringFault;
use crate::participant::{Listener, Participant, Speaker};
use crate::tokenizer::Tokenizer;

/// What a server does with the seed of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeedPolicy {
    /// Equal seeds give equal texts for equal prompts; without a seed, texts are random.
    #[default]
    Honours,
    /// Texts are random whatever the seed.
    Ignores,
    /// A prompt always gets the same text at a given temperature.
    Constant,
}

/// Whose paths, fields and errors a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// vLLM 0.32.
    #[default]
    Vllm,
    /// llama.cpp b11549: no log-probabilities of prompts, but grammars of token ids. Fields that only vLLM
    /// knows are ignored; streams are refused.
    LlamaCpp,
}

/// Where a reasoning model puts its thoughts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasoning {
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) opening_swallowed: bool,
    pub(crate) as_field: bool,
}

impl Reasoning {
    /// Thoughts between these markers, in the text, before the answer.
    pub fn new(start: impl Into<String>, end: impl Into<String>) -> Self {
        let (start, end) = (start.into(), end.into());
        Self {
            start,
            end,
            opening_swallowed: false,
            as_field: false,
        }
    }

    /// Leaves the opening marker out, as chat templates do that end in it.
    #[must_use]
    pub fn with_opening_swallowed(mut self) -> Self {
        self.opening_swallowed = true;
        self
    }

    /// Moves thoughts of chat answers to `message.reasoning`, as vLLM's reasoning parsers do.
    /// Completions keep them in the text.
    #[must_use]
    pub fn with_field(mut self) -> Self {
        self.as_field = true;
        self
    }
}

/// The first moments of a server, before it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Startup {
    /// Ready at once.
    #[default]
    Ready,
    /// Every path answers 503 "Loading model" for so long, as llama.cpp does.
    Loading(Duration),
    /// Connections are refused for so long, as with vLLM.
    Refusing(Duration),
}

/// A simulated server: model, participants, speed, faults.
///
/// The defaults are a vLLM 0.32 that answers at once, honours seeds, plants no batch effect and
/// has no faults.
#[derive(Clone, Debug)]
pub struct SimConfig {
    pub(crate) model: String,
    pub(crate) dialect: Dialect,
    pub(crate) version: String,
    pub(crate) system_fingerprint: String,
    pub(crate) max_model_len: usize,
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) seed_policy: SeedPolicy,
    pub(crate) listener: Listener,
    pub(crate) speaker: Speaker,
    pub(crate) batch_effect_sd: f64,
    pub(crate) instance: u64,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) babble_share: f64,
    pub(crate) full_precision: bool,
    pub(crate) scoring_fault: Option<ScoringFault>,
    pub(crate) reasoning: Option<Reasoning>,
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) slots: Option<usize>,
    pub(crate) canned: Option<String>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) faults: Faults,
    pub(crate) die_after: Option<u64>,
    pub(crate) startup: Startup,
    pub(crate) log_capacity: usize,
    pub(crate) clock: fn() -> SystemTime,
}

impl SimConfig {
    /// A server that serves `model_name`.
    pub fn new(model_name: impl Into<String>) -> Self {
        Self {
            model: model_name.into(),
            dialect: Dialect::Vllm,
            version: "0.32.0".to_owned(),
            system_fingerprint: "vllm-0.32.0-5109ace0".to_owned(),
            max_model_len: 8192,
            api_key: None,
            seed_policy: SeedPolicy::Honours,
            listener: Listener::new(),
            speaker: Speaker::new(),
            batch_effect_sd: 0.0,
            instance: 0,
            tokenizer: Tokenizer::new(),
            babble_share: 0.05,
            full_precision: false,
            scoring_fault: None,
            reasoning: None,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            slots: None,
            canned: None,
            idle_timeout: None,
            faults: Faults::none(),
            die_after: None,
            startup: Startup::Ready,
            log_capacity: 0,
            clock: wall_clock,
        }
    }

    /// Sets what `/version` says; the system fingerprint follows. "0.32.0" unless set.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self.system_fingerprint = format!("vllm-{}-5109ace0", self.version);
        self
    }

    /// Sets whose server this is like. vLLM's unless set.
    #[must_use]
    pub fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the context length, at least 1: in words, and in tokens where a request is scored. 8192 unless
    /// set.
    #[must_use]
    pub fn with_max_model_len(mut self, tokens: usize) -> Self {
        self.max_model_len = tokens.max(1);
        self
    }

    /// Asks for `Authorization: Bearer <key>` on `/v1/*`.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(ApiKey(key.into()));
        self
    }

    /// Sets what is done with seeds. They are honoured unless set.
    #[must_use]
    pub fn with_seed_policy(mut self, policy: SeedPolicy) -> Self {
        self.seed_policy = policy;
        self
    }

    /// Sets who answers study 1.
    #[must_use]
    pub fn with_listener(mut self, listener: Listener) -> Self {
        self.listener = listener;
        self
    }

    /// Sets who answers study 2.
    #[must_use]
    pub fn with_speaker(mut self, speaker: Speaker) -> Self {
        self.speaker = speaker;
        self
    }

    /// Plants a batch effect: each server instance draws one shift from N(0, `sd`²), in log-odds,
    /// and tilts all its answers by it. 0 unless set.
    ///
    /// The shift is added to the log-odds of "yes" over "no"; of *k* + 1 over *k* objects; and, for
    /// utterances, once for each heart by which one sounds better than another. It acts on the
    /// distribution at temperature 1, lapses included; temperature comes after it.
    #[must_use]
    pub fn with_batch_effect_sd(mut self, sd: f64) -> Self {
        self.batch_effect_sd = sd.max(0.0);
        self
    }

    /// Sets the number of this server instance, which with the model name seeds its shift. 0
    /// unless set.
    #[must_use]
    pub fn with_instance(mut self, instance: u64) -> Self {
        self.instance = instance;
        self
    }

    /// Sets how the model that scores cuts texts into tokens.
    #[must_use]
    pub fn with_tokenizer(mut self, tokenizer: Tokenizer) -> Self {
        self.tokenizer = tokenizer;
        self
    }

    /// Sets the weight of babble in scores, in [0, 1]: see [`ToyModel`](crate::ToyModel). 0.05 unless set.
    ///
    /// At 0 whatever no participant says has probability 0 after a question.
    #[must_use]
    pub fn with_babble_share(mut self, share: f64) -> Self {
        self.babble_share = share.clamp(0.0, 1.0);
        self
    }

    /// Sends log-probabilities as they are computed. Unless set they are rounded to single precision, as
    /// servers compute them: to about 1e-6 nat.
    #[must_use]
    pub fn with_full_precision(mut self) -> Self {
        self.full_precision = true;
        self
    }

    /// Sets what is wrong with all log-probabilities. Nothing unless set.
    #[must_use]
    pub fn with_scoring_fault(mut self, fault: ScoringFault) -> Self {
        self.scoring_fault = Some(fault);
        self
    }

    /// Lets the model think before it answers.
    #[must_use]
    pub fn with_reasoning(mut self, reasoning: Reasoning) -> Self {
        self.reasoning = Some(reasoning);
        self
    }

    /// Sets the time an answer takes. None unless set.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets how much longer than the latency an answer may take, evenly spread. None unless set.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets how many requests are served at a time, at least 1; others queue. No limit unless set.
    #[must_use]
    pub fn with_slots(mut self, slots: usize) -> Self {
        self.slots = Some(slots.max(1));
        self
    }

    /// Closes connections that send no request for so long, silently. Never, unless set; vLLM does
    /// it after about 5 s.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Answers every completion and chat request with this text, from a body made beforehand (in vLLM's
    /// shape) and without reading the request: for benchmarks of clients.
    #[must_use]
    pub fn with_canned(mut self, text: impl Into<String>) -> Self {
        self.canned = Some(text.into());
        self
    }

    /// Sets what goes wrong. Nothing unless set.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Lets the server die when completion or chat request `requests` + 1 arrives: the port closes, all
    /// connections are cut, and [`serve`](crate::serve) fails. Never, unless set.
    #[must_use]
    pub fn with_die_after(mut self, requests: u64) -> Self {
        self.die_after = Some(requests);
        self
    }

    /// Sets how the server comes up. Ready at once unless set.
    #[must_use]
    pub fn with_startup(mut self, startup: Startup) -> Self {
        self.startup = startup;
        self
    }

    /// Keeps the first `capacity` requests with their bodies. None unless set.
    #[must_use]
    pub fn with_request_log(mut self, capacity: usize) -> Self {
        self.log_capacity = capacity;
        self
    }

    /// Sets the clock, for `created` and for dates in `Retry-After`. The system's unless set.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// Who answers on this server.
    pub(crate) fn participant(&self) -> Participant {
        Participant {
            model: self.model.clone(),
            listener: self.listener,
            speaker: self.speaker.clone(),
            shift: self.batch_shift(),
        }
    }

    /// The shift that this instance's draw gives, in log-odds.
    pub fn batch_shift(&self) -> f64 {
        batch::shift(self.batch_effect_sd, self.instance, &self.model)
    }

    /// The true intraclass correlation, on the latent logistic scale, of yes/no answers over many
    /// instances of this server, sampled at `temperature` (over 0).
    ///
    /// With the batch effect's SD σ and temperature T it is (σ/T)² / ((σ/T)² + π²/3): a shift adds
    /// to the log-odds, whatever they are, and temperature divides both. The other measures have
    /// no such closed form.
    pub fn latent_icc(&self, temperature: f64) -> f64 {
        batch::latent_icc(self.batch_effect_sd, temperature)
    }
}

/// A key, which `Debug` does not show.
#[derive(Clone)]
pub(crate) struct ApiKey(pub(crate) String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the default of `with_clock`; HTTP dates are wall-clock"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_key() {
        let config = SimConfig::new("sim").with_api_key("secret");
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn an_instance_draws_its_shift_once() {
        let instance = |number| {
            SimConfig::new("sim")
                .with_batch_effect_sd(0.5)
                .with_instance(number)
        };
        let shifts: Vec<u64> = (0..3)
            .map(|i| instance(i).batch_shift().to_bits())
            .collect();
        assert_eq!(shifts[0], instance(0).batch_shift().to_bits());
        assert!(shifts[0] != shifts[1] && shifts[1] != shifts[2]);
        assert!(SimConfig::new("sim").with_instance(1).batch_shift().abs() < f64::MIN_POSITIVE);
    }
}
