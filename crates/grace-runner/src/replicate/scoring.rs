//! Before the first trial: whether the server can tell the probabilities of options, and how well.

use std::collections::BTreeSet;

use grace_client::{
    BorderRule, Input, ScoreMethod, ScoringProbe, ScoringProbeError, ScoringProbeRequest,
    ServerKind,
};
use grace_core::scoring::ScoringMethod;

use super::{ReplicateError, Replication};
use crate::ask::input;
use crate::attempt;
use crate::job::PreparedExperiment;
use crate::metadata;
use crate::run::RunError;
use crate::score::options;

/// Scores that are under way together when the noise under load is measured, at most.
const MOST_TOGETHER: usize = 8;

/// How far two log-probabilities of one token may lie apart that should be the same, in nats.
///
/// vLLM in float32 was seen to stay within 3e-5, llama.cpp with 4-bit weights and four slots to move by up to 0.61 with
/// the load; 16-bit floats lie in between.
fn tolerance(server: Option<ServerKind>, dtype: Option<&str>) -> f64 {
    match (server, dtype) {
        (Some(ServerKind::LlamaCpp), _) => 1.0,
        (_, Some("float32" | "float")) => 0.01,
        _ => 0.25,
    }
}

impl Replication<'_> {
    /// Whether any experiment scores options.
    pub(super) fn scores(&self) -> bool {
        let mut experiments = self.prepared.experiments.iter();
        experiments.any(|experiment| experiment.plan.experiment.scores())
    }

    /// Checks that the server scores as the plan needs, and writes down how; false if somebody wants to stop.
    pub(super) async fn check_scoring(&mut self) -> Result<bool, ReplicateError> {
        let request = self.scoring_request()?;
        let checked = tokio::select! {
            checked = self.client.probe_scoring(&request, self.stop.token()) => checked,
            exit = self.server_ended() => return Err(self.ended_early(exit)),
        };
        let checked = match checked {
            Ok(checked) => checked,
            Err(ScoringProbeError::Cancelled { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        self.monitor.note(&describe(&checked));
        if checked.special_prefix.is_empty() && self.job.model.bos.is_none() {
            self.monitor.note(
                "no beginning-of-sequence token is put before prompts; if the model was trained with one, its numbers are \
                 wrong (`bos: true` in models.yaml refuses such a server)",
            );
        }
        metadata::record_scoring(&mut self.metadata, &checked);
        if checked.borders.contains(&BorderRule::Appended) {
            self.monitor.note(
                "options merge with the end of their prompt in the tokens of this model: theirs are taken alone, and put behind it \
                 (border `appended`)",
            );
        }
        self.method = Some(checked.method);
        self.scoring_is_checked = true;
        self.save()?;
        Ok(true)
    }

    /// Looks at the options before the first text is paid for, where they are scored by a server that runs later; false if
    /// somebody wants to stop.
    pub(super) async fn audit_options(&mut self) -> Result<bool, ReplicateError> {
        let request = self.scoring_request()?;
        let chosen = wanted(self.job.scoring.method).or(self.method_so_far());
        // The one way to score on this server, where nobody has chosen.
        let request = match self.deployment.server.as_ref().map(|server| server.kind) {
            Some(ServerKind::LlamaCpp) if chosen.is_none() => {
                request.with_method(ScoreMethod::ForcedTokens)
            }
            _ => request,
        };
        let audited = tokio::select! {
            audited = self.client.audit_options(&request, self.stop.token()) => audited,
            exit = self.server_ended() => return Err(self.ended_early(exit)),
        };
        match audited {
            Ok(()) => Ok(true),
            Err(ScoringProbeError::Cancelled { .. }) => Ok(false),
            Err(error @ ScoringProbeError::Options { .. }) => Err(error.into()),
            // This server need not be fit to score; the one that does is checked before it begins.
            Err(error) => {
                self.monitor.note(&format!(
                    "options are first looked at by the scoring server: {error}"
                ));
                Ok(true)
            }
        }
    }

    fn scoring_request(&self) -> Result<ScoringProbeRequest, RunError> {
        let mut samples = Vec::new();
        for experiment in &self.prepared.experiments {
            samples.extend(self.samples(experiment)?);
        }
        let server = self.deployment.server.as_ref().map(|server| server.kind);
        let together = self.job.options.max_connections.get().min(MOST_TOGETHER);
        // A command of its own knows nothing of `vllm.dtype`.
        let dtype = match self.job.model.start.command {
            Some(_) => None,
            None => self.job.model.server.dtype.as_deref(),
        };
        let request = ScoringProbeRequest::new(&self.job.model.served_name, samples)
            .with_tolerance(tolerance(server, dtype))
            .with_concurrency(together);
        let chosen = wanted(self.job.scoring.method).or(self.method);
        let request = match chosen.or(self.method_so_far()) {
            Some(method) => request.with_method(method),
            None => request,
        };
        Ok(match self.job.model.bos {
            Some(bos) => request.with_bos(bos),
            None => request,
        })
    }

    /// How the scores that are there were had: those of one replication are had in one way.
    fn method_so_far(&self) -> Option<ScoreMethod> {
        let scores = |prepared: &PreparedExperiment| {
            let experiment = &prepared.plan.experiment;
            experiment.scores() && attempt::has_journal(&self.job.layout, &experiment.id)
        };
        let begun = self.prepared.experiments.iter().any(scores);
        let method = self.earlier_method.as_deref().filter(|_| begun);
        method.and_then(|method| method.parse().ok())
    }

    /// The first prompt of each set of options.
    fn samples(
        &self,
        prepared: &PreparedExperiment,
    ) -> Result<Vec<(Input, Vec<String>)>, RunError> {
        let plan = &prepared.plan;
        let (mut seen, mut samples) = (BTreeSet::new(), Vec::new());
        for query in &plan.experiment.queries {
            let Some(options) = query.kind.score().map(options) else {
                continue;
            };
            let (Some(&first), true) = (plan.order.first(), seen.insert(options.clone())) else {
                continue;
            };
            let stimulus = prepared.stimuli.row(&plan.stimuli, first)?;
            let prompts = &plan.experiment.prompts;
            let prompt = prompts.render(&query.id, &stimulus.prompt_context())?;
            samples.push((input(self.job.model.api, prompt), options));
        }
        Ok(samples)
    }
}

/// The client's word for what the plan asks for; `None` for whatever works.
fn wanted(method: ScoringMethod) -> Option<ScoreMethod> {
    match method {
        ScoringMethod::PromptLogprobs => Some(ScoreMethod::PromptLogprobs),
        ScoringMethod::Trie => Some(ScoreMethod::Trie),
        ScoringMethod::ForcedTokens => Some(ScoreMethod::ForcedTokens),
        ScoringMethod::FirstToken => Some(ScoreMethod::FirstToken),
        _ => None,
    }
}

fn describe(checked: &ScoringProbe) -> String {
    let noise = &checked.noise_floor;
    let chain = match checked.chain_rule_nat {
        Some(difference) => format!("chain rule within {difference:.2e} nat"),
        None => String::from("first tokens only, so these are not the options' probabilities"),
    };
    format!(
        "scoring by {}: {chain}, repeated scores within {:.2e} nat alone and {:.2e} under load",
        checked.method, noise.alone_nat, noise.loaded_nat
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_follows_the_arithmetic() {
        let of = |server, dtype| (tolerance(Some(server), dtype) * 100.0).round();
        assert_eq!(
            of(ServerKind::LlamaCpp, Some("float32")).to_bits(),
            100.0_f64.to_bits()
        );
        assert_eq!(
            of(ServerKind::Vllm, Some("float32")).to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(
            of(ServerKind::Vllm, Some("bfloat16")).to_bits(),
            25.0_f64.to_bits()
        );
        assert_eq!(of(ServerKind::Vllm, None).to_bits(), 25.0_f64.to_bits());
    }
}
