//! Whether requests share their seeds.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::RequestSeed;

/// How many groups a class of collisions shows, and how many requests a group.
const MAX_EXAMPLES: usize = 10;

/// Finds equal seeds among the requests of a plan.
///
/// Some equal seeds among many are chance: *n* requests with seeds of *b* bits
/// have about *n*² / 2^(*b* + 1) equal pairs, so a million at 31 bits have 233.
/// They do no harm unless model and prompt are equal as well: then the answers
/// are equal too, and one of them is no draw of its own. That happens by chance
/// too, in about *k*² / 2^32 pairs for each prompt that one model is asked *k*
/// times at 31 bits; another first base seed then does.
///
/// `L` tells where a request is, say experiment, replication, trial and query;
/// a tuple of numbers is smaller than a `String`.
///
/// # Memory
///
/// 56 bytes a request plus a label, sorted where they lie; a model's name is
/// kept once. A million requests take less than a second.
///
/// # Examples
///
/// ```
/// use grace_seed::{RequestSeed, SeedAudit};
///
/// let mut audit = SeedAudit::new();
/// audit.add("gemma", [7; 32], RequestSeed(5), "study1_exp1, trial 0");
/// audit.add("gemma", [7; 32], RequestSeed(5 + (1 << 32)), "study1_exp1, trial 9");
/// audit.add("llama", [7; 32], RequestSeed(5), "study1_exp1, trial 0");
///
/// let report = audit.finish();
/// assert_eq!(report.equal.requests, 2); // gemma's trial 0 and llama's
/// assert_eq!(report.equal_mod_2_32.requests, 3);
/// assert_eq!(report.shared.requests, 2); // both of gemma's
/// assert!(!report.passed());
/// ```
#[derive(Clone, Debug)]
pub struct SeedAudit<L> {
    models: BTreeSet<Arc<str>>,
    requests: Vec<AuditedRequest<L>>,
}

impl<L: Clone + Ord> SeedAudit<L> {
    /// An audit that has seen no requests.
    pub const fn new() -> Self {
        Self {
            models: BTreeSet::new(),
            requests: Vec::new(),
        }
    }

    /// Adds one request of the plan; each is to be added once.
    ///
    /// `prompt` is a digest of the prompt's text: equal for equal prompts.
    pub fn add(&mut self, model: &str, prompt: [u8; 32], seed: RequestSeed, label: L) {
        let model = if let Some(known) = self.models.get(model) {
            Arc::clone(known)
        } else {
            let new = Arc::<str>::from(model);
            self.models.insert(Arc::clone(&new));
            new
        };
        self.requests.push(AuditedRequest {
            seed,
            model,
            prompt,
            label,
        });
    }

    /// Compares the seeds of all requests added.
    ///
    /// The report does not depend on the order in which they were added.
    pub fn finish(mut self) -> AuditReport<L> {
        let requests = self.requests.len();
        let mut equal = CollisionClass::default();
        let mut equal_mod_2_32 = CollisionClass::default();
        let mut shared = CollisionClass::default();
        self.requests.sort_unstable_by(|a, b| {
            (a.seed_mod_2_32().cmp(&b.seed_mod_2_32())).then_with(|| a.cmp(b))
        });
        let same_seed_mod_2_32 =
            |a: &AuditedRequest<L>, b: &AuditedRequest<L>| a.seed_mod_2_32() == b.seed_mod_2_32();
        for group in self.requests.chunk_by_mut(same_seed_mod_2_32) {
            equal_mod_2_32.count(group);
            for group in group.chunk_by(|a, b| a.seed == b.seed) {
                equal.count(group);
            }
            group.sort_unstable_by(|a, b| {
                (a.model_and_prompt().cmp(&b.model_and_prompt())).then_with(|| a.cmp(b))
            });
            for group in group.chunk_by(|a, b| a.model_and_prompt() == b.model_and_prompt()) {
                shared.count(group);
            }
        }
        AuditReport {
            requests,
            equal,
            equal_mod_2_32,
            shared,
        }
    }
}

impl<L: Clone + Ord> Default for SeedAudit<L> {
    fn default() -> Self {
        Self::new()
    }
}

/// One request as the audit saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct AuditedRequest<L> {
    /// The seed sent with it.
    pub seed: RequestSeed,
    /// The model it is for.
    pub model: Arc<str>,
    /// The digest of its prompt.
    pub prompt: [u8; 32],
    /// Where it is in the plan.
    pub label: L,
}

impl<L> AuditedRequest<L> {
    const fn seed_mod_2_32(&self) -> u32 {
        (self.seed.0 & 0xffff_ffff) as u32
    }

    fn model_and_prompt(&self) -> (&str, &[u8; 32]) {
        (&self.model, &self.prompt)
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport<L> {
    /// How many requests were compared.
    pub requests: usize,
    /// Seeds that are equal as sent, in any two requests.
    pub equal: CollisionClass<L>,
    /// Seeds that are equal modulo 2^32, to which some servers cut them; those
    /// that are equal as sent included.
    pub equal_mod_2_32: CollisionClass<L>,
    /// Seeds that are equal modulo 2^32, or as sent, in requests of one model
    /// with the same prompt.
    pub shared: CollisionClass<L>,
}

impl<L> AuditReport<L> {
    /// Whether no two requests of one model with the same prompt share a seed.
    pub const fn passed(&self) -> bool {
        self.shared.groups == 0
    }
}

/// All collisions of one kind: how many, and the first few.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollisionClass<L> {
    /// How many groups of two or more requests have a seed in common.
    pub groups: usize,
    /// How many requests are in these groups together.
    pub requests: usize,
    /// The groups with the lowest seeds modulo 2^32, at most 10.
    pub examples: Vec<Collision<L>>,
}

impl<L> Default for CollisionClass<L> {
    fn default() -> Self {
        Self {
            groups: 0,
            requests: 0,
            examples: Vec::new(),
        }
    }
}

impl<L: Clone> CollisionClass<L> {
    fn count(&mut self, group: &[AuditedRequest<L>]) {
        if group.len() < 2 {
            return;
        }
        self.groups += 1;
        self.requests += group.len();
        if self.examples.len() < MAX_EXAMPLES {
            let examples = group.iter().take(MAX_EXAMPLES).cloned().collect();
            self.examples.push(Collision {
                requests: group.len(),
                examples,
            });
        }
    }
}

/// Requests that have a seed in common.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collision<L> {
    /// How many requests there are.
    pub requests: usize,
    /// The first of them by seed, model, prompt and label, at most 10.
    pub examples: Vec<AuditedRequest<L>>,
}
