//! The loop over requests: take what is open, ask, append.

use std::num::NonZeroUsize;

use futures_util::stream::{self, StreamExt};
use grace_client::{CancellationToken, Client, ScoreMethod};
use grace_core::experiment::{Query, QueryKind};
use grace_core::model::Model;
use grace_core::plan::ExperimentPlan;
use grace_core::prompt::PromptError;

use crate::ask::{Answer, Asked, RequestPlan, ServerState, answer};
use crate::clock::Clock;
use crate::job::PreparedExperiment;
use crate::journal::{AnswerIndex, JournalError, JournalHandle};
use crate::monitor::Monitor;
use crate::score::{self, ScorePlan};
use crate::stimuli::StimuliError;

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopEnd {
    /// Every open request was tried; so many failed.
    Done {
        /// Requests that may be tried again.
        failed: u64,
    },
    /// The server was away for longer than was allowed, or failed or refused every request.
    ServerGone,
    /// The caller cancelled.
    Cancelled,
}

/// Why the loop could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The stimuli changed.
    #[error(transparent)]
    Stimuli(#[from] StimuliError),
    /// A prompt cannot be made.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Options were to be scored by a server that was not checked for it.
    #[error("the server was not checked for scoring")]
    Unchecked,
}

/// What asking needs.
pub(crate) struct Asker<'a> {
    pub(crate) client: &'a Client,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) monitor: &'a dyn Monitor,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) max_connections: NonZeroUsize,
    /// How options are scored; `None` until the server was checked for it.
    pub(crate) method: Option<ScoreMethod>,
}

/// Makes the requests of one query.
#[derive(Debug)]
enum QueryPlan {
    Generate(RequestPlan),
    Score(ScorePlan),
}

/// The queries to be asked that have no final outcome, in presentation order: row and number of the query.
pub(crate) fn outstanding<'p>(
    plan: &'p ExperimentPlan,
    is_final: impl Fn(u32, usize) -> bool + 'p,
) -> impl Iterator<Item = (u32, usize)> + 'p {
    let queries = plan.experiment.queries.len();
    let requests = plan
        .order
        .iter()
        .flat_map(move |&row| (0..queries).map(move |query| (row, query)));
    requests.filter(move |&(row, query)| plan.reuse.is_asked(row, query) && !is_final(row, query))
}

impl Asker<'_> {
    /// Asks everything that `index` holds no final answer to.
    ///
    /// Requests are made when a connection is free, never all at once; memory grows with
    /// what is in flight.
    pub(crate) async fn ask_outstanding(
        &self,
        prepared: &PreparedExperiment,
        model: &Model,
        index: &AnswerIndex,
        journal: JournalHandle,
    ) -> Result<LoopEnd, RunError> {
        let plans = self.query_plans(&prepared.plan, model)?;
        let open = outstanding(&prepared.plan, |row, query| index.is_final(row, query));
        let wanted = open.take_while(|_| !self.cancel.is_cancelled());
        let answers = stream::iter(wanted)
            .map(|(row, query)| self.ask(prepared, &plans, row, query))
            .buffer_unordered(self.max_connections.get());
        let mut answers = std::pin::pin!(answers);
        let mut losses = Losses::new(self.max_connections);
        let mut failed = 0;
        // Cancelling ends every request in flight at once; answers that are there already are kept.
        while let Some(asked) = answers.next().await {
            let Some(answer) = asked? else {
                continue;
            };
            self.monitor.finished(answer.outcome);
            failed += u64::from(!answer.outcome.is_final());
            let server_gone = losses.count(&answer);
            journal.append(answer.line).await?;
            if server_gone {
                return Ok(LoopEnd::ServerGone);
            }
        }
        if self.cancel.is_cancelled() {
            return Ok(LoopEnd::Cancelled);
        }
        Ok(LoopEnd::Done { failed })
    }

    async fn ask(
        &self,
        prepared: &PreparedExperiment,
        plans: &[QueryPlan],
        trial_id: u32,
        query: usize,
    ) -> Result<Option<Answer>, RunError> {
        let plan = &prepared.plan;
        let query_id = &plan.experiment.queries[query].id;
        let stimulus = prepared.stimuli.row(&plan.stimuli, trial_id)?;
        let prompt = plan
            .experiment
            .prompts
            .render(query_id, &stimulus.prompt_context())?;
        drop(stimulus);
        if !prepared.is_planned(trial_id, query, &prompt) {
            return Err(prepared.stimuli.changed().into());
        }
        let seed = plan.request_seed(query_id, trial_id).0;
        let asked = Asked {
            trial_id,
            query: query_id.as_str(),
            seed,
            started_at: self.clock.now(),
        };
        match &plans[query] {
            QueryPlan::Generate(plan) => {
                let request = plan.request(prompt, seed);
                let result = self.client.generate(&request, self.cancel).await;
                Ok(answer(asked, &result))
            }
            QueryPlan::Score(plan) => {
                let request = plan.request(prompt, seed);
                let result = self.client.score_options(&request, self.cancel).await;
                Ok(score::answer(asked, &result))
            }
        }
    }

    /// One for each query.
    fn query_plans(
        &self,
        plan: &ExperimentPlan,
        model: &Model,
    ) -> Result<Vec<QueryPlan>, RunError> {
        let of_query = |query: &Query| match &query.kind {
            QueryKind::Generate(generate) => {
                Ok(QueryPlan::Generate(RequestPlan::new(generate, model)))
            }
            QueryKind::Score(score) => {
                let method = self.method.ok_or(RunError::Unchecked)?;
                Ok(QueryPlan::Score(ScorePlan::new(score, model, method)))
            }
            _ => Err(RunError::Unchecked),
        };
        plan.experiment.queries.iter().map(of_query).collect()
    }
}

/// Tells a server that is gone from single requests that fail.
#[derive(Debug)]
struct Losses {
    in_a_row: usize,
    most: usize,
}

impl Losses {
    /// A server that fails as many requests in a row as are in flight answers none.
    fn new(max_connections: NonZeroUsize) -> Self {
        const FEWEST: usize = 16;
        Self {
            in_a_row: 0,
            most: FEWEST.max(max_connections.get()),
        }
    }

    /// Counts an answer; true once the server must be taken for gone.
    fn count(&mut self, answer: &Answer) -> bool {
        match answer.server {
            ServerState::Answers => self.in_a_row = 0,
            ServerState::Fails => self.in_a_row += 1,
            ServerState::Gone => return true,
        }
        self.in_a_row >= self.most
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use grace_core::journal::RequestOutcome;

    use super::*;
    use crate::fixture::plan;

    proptest! {
        #[test]
        fn outstanding_is_what_is_not_final_in_presentation_order(
            trials in 1_u32..40,
            finals in prop::collection::btree_set((0_u32..40, 0_usize..2), 0..60),
        ) {
            let plan = plan(trials);
            let open: Vec<(u32, usize)> =
                outstanding(&plan, |row, query| finals.contains(&(row, query))).collect();
            let all = plan.order.iter().flat_map(|&row| [(row, 0), (row, 1)]);
            let expected: Vec<(u32, usize)> = all.filter(|request| !finals.contains(request)).collect();
            prop_assert_eq!(&open, &expected);
            let distinct: BTreeSet<_> = open.iter().collect();
            prop_assert_eq!(distinct.len(), open.len());
        }
    }

    fn failed(server: ServerState) -> Answer {
        Answer {
            line: Vec::new(),
            outcome: RequestOutcome::Failed,
            server,
        }
    }

    #[test]
    fn single_failures_are_no_sign_that_the_server_is_gone() {
        let mut losses = Losses::new(NonZeroUsize::MIN);
        let good = Answer {
            outcome: RequestOutcome::Answered,
            ..failed(ServerState::Answers)
        };
        for _ in 0..100 {
            assert!(!losses.count(&failed(ServerState::Fails)));
            assert!(!losses.count(&good));
        }
        assert!((0..16).any(|_| losses.count(&failed(ServerState::Fails))));
        assert!(Losses::new(NonZeroUsize::MIN).count(&failed(ServerState::Gone)));
    }
}
