//! Steps 4 and 5: experiments, one after the other, with a server that may have to be started again in between.

use std::time::Duration;

use super::server::Restart;
use super::{End, ReplicateError, Replication};
use crate::job::PreparedExperiment;
use crate::journal::{AnswerIndex, JournalWriter};
use crate::run::{Asker, LoopEnd, RunError};
use crate::supervise::{Exit, Purpose, SuperviseError, Supervisor};

/// How asking the open queries of an experiment ended.
enum Asked {
    /// Every open query was tried; so many failed.
    Done { failed: u64 },
    /// Somebody wants to stop.
    Interrupted,
    /// The server that was started here has ended.
    ServerEnded(Exit),
    /// The server is away, or answers nothing.
    ServerGone,
}

impl Replication<'_> {
    /// Runs the experiments that need a server for this purpose; an end, if it came to one before all were done.
    pub(super) async fn run_experiments(
        &mut self,
        purpose: Purpose,
    ) -> Result<Option<End>, ReplicateError> {
        for position in 0..self.prepared.experiments.len() {
            let scores = self.prepared.experiments[position].plan.experiment.scores();
            if scores != (purpose == Purpose::Score) {
                continue;
            }
            if let Some(end) = self.run_experiment(position).await? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    async fn run_experiment(&mut self, position: usize) -> Result<Option<End>, ReplicateError> {
        loop {
            let asked = match self.check_before(position).await? {
                None => self.ask_experiment(position).await?,
                Some(asked) => asked,
            };
            let why = match asked {
                Asked::Done { failed } => {
                    self.stamp_complete(position, failed)?;
                    return Ok(None);
                }
                Asked::Interrupted => return Ok(Some(End::Interrupted)),
                Asked::ServerGone if self.server.is_none() => {
                    let why = "the server went away, or failed or refused every request";
                    return self.incomplete(why).map(Some);
                }
                Asked::ServerGone => String::from("the model server answers no request"),
                Asked::ServerEnded(exit) => format!("the model server {exit}"),
            };
            match self.restart_server(why).await? {
                Restart::Done => {}
                Restart::Interrupted => return Ok(Some(End::Interrupted)),
                Restart::UsedUp(why) => return self.incomplete(&why).map(Some),
            }
        }
    }

    /// Another process serves than the one that was checked: it is checked before it scores. How that ended, if not well.
    async fn check_before(&mut self, position: usize) -> Result<Option<Asked>, ReplicateError> {
        let scores = self.prepared.experiments[position].plan.experiment.scores();
        if !scores || self.scoring_is_checked {
            return Ok(None);
        }
        match self.check_scoring().await {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(Asked::Interrupted)),
            Err(ReplicateError::Server(SuperviseError::EndedEarly { exit, .. })) => {
                Ok(Some(Asked::ServerEnded(exit)))
            }
            // It may be silent, as during work.
            Err(ReplicateError::Scoring(error))
                if self.server.is_some() && error.is_transient() =>
            {
                Ok(Some(Asked::ServerGone))
            }
            Err(error) => Err(error),
        }
    }

    async fn ask_experiment(&self, position: usize) -> Result<Asked, ReplicateError> {
        let (journals, index) = self.answers(position)?;
        drop(journals);
        let prepared = &self.prepared.experiments[position];
        let plan = &prepared.plan;
        let id = &plan.experiment.id;
        self.monitor.experiment(id, plan.requests(), index.finals());
        if plan.reuse.reused() > 0 {
            self.monitor.note(&format!(
                "{id}: {} of {} queries are equal to others and take their answers",
                plan.reuse.reused(),
                plan.queries()
            ));
        }
        if index.damaged > 0 {
            self.monitor.note(&format!(
                "{id}: {} journal lines were cut off and are asked again",
                index.damaged
            ));
        }
        if index.finals() == plan.requests() {
            return Ok(Asked::Done { failed: 0 });
        }
        self.ask_outstanding(prepared, &index).await
    }

    async fn ask_outstanding(
        &self,
        prepared: &PreparedExperiment,
        index: &AnswerIndex,
    ) -> Result<Asked, ReplicateError> {
        let path = self.attempt.layout.journal(&prepared.plan.experiment.id);
        let journal = JournalWriter::create(&path).map_err(RunError::from)?;
        let cancel = self.stop.token().child_token();
        let asker = Asker {
            client: self.client,
            clock: self.clock,
            monitor: self.monitor,
            cancel: &cancel,
            max_connections: self.job.options.max_connections,
            method: self.method,
        };
        let asked = asker.ask_outstanding(prepared, &self.job.model, index, journal.handle());
        let mut asked = std::pin::pin!(asked);
        let asked = tokio::select! {
            asked = &mut asked => asked,
            _ = self.server_ended() => {
                cancel.cancel();
                asked.await
            }
        };
        let written = journal.finish();
        match (asked, written) {
            // Why the journal could not be written says more than that it could not.
            (_, Err(error)) => Err(RunError::from(error).into()),
            (asked, Ok(())) => match self.judge(asked?) {
                Asked::Done { failed: 1.. }
                    if self.server.is_some() && !self.is_healthy().await =>
                {
                    Ok(Asked::ServerGone)
                }
                asked => Ok(asked),
            },
        }
    }

    /// Whether the server can be asked at all, when nothing keeps it busy.
    async fn is_healthy(&self) -> bool {
        const LIMIT: Duration = Duration::from_secs(5);
        let model = &self.job.model.served_name;
        let ready = self.client.wait_ready(model, LIMIT, self.stop.token());
        matches!(tokio::time::timeout(LIMIT, ready).await, Ok(Ok(_)))
    }

    fn judge(&self, end: LoopEnd) -> Asked {
        let exit = self.server.as_ref().and_then(Supervisor::exit);
        match (end, exit) {
            (LoopEnd::Done { failed: 0 }, _) => Asked::Done { failed: 0 },
            _ if self.stop.token().is_cancelled() => Asked::Interrupted,
            (_, Some(exit)) => Asked::ServerEnded(exit),
            (LoopEnd::Done { failed }, None) => Asked::Done { failed },
            (LoopEnd::ServerGone, None) => Asked::ServerGone,
            (LoopEnd::Cancelled, None) => Asked::Interrupted,
        }
    }

    fn stamp_complete(&mut self, position: usize, failed: u64) -> Result<(), ReplicateError> {
        let id = &self.prepared.experiments[position].plan.experiment.id;
        let key = format!("{id}_complete");
        if failed > 0 {
            self.metadata.timestamps.remove(&key);
        } else if self.metadata.timestamps.value(&key).is_none() {
            self.stamp(&key);
        }
        self.save()
    }
}
