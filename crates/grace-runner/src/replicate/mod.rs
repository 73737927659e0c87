//! One replication, step by step.

mod conclude;
mod end;
mod error;

pub use end::End;
pub use error::ReplicateError;

use std::time::Duration;

use grace_client::{Api as ProbeApi, Client, Probe, ProbeError, ProbeRequest, SeedBehaviour};
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{AttemptInfo, Metadata, Status};
use grace_core::model::Api;
use grace_core::plan::Inputs;

use crate::ask::chain;
use crate::attempt::{self, Attempt};
use crate::clock::Clock;
use crate::durable::{create_folder, sync_parent};
use crate::job::{Job, Prepared, PreparedExperiment, prepare};
use crate::journal::{AnswerIndex, JournalWriter};
use crate::metadata;
use crate::monitor::Monitor;
use crate::run::{Asker, LoopEnd, RunError};
use crate::seal;
use crate::stop::Stop;

/// Runs a replication, or what is left of it, to its end.
///
/// Answers that are in the folder already are used and never asked for again. When this returns, with
/// whatever result, every answer that came is durable.
///
/// # Errors
///
/// Returns [`ReplicateError`] if inputs, folder or server do not allow the work; before the first request where
/// that can be known. A server that goes away in the midst of work is no error but [`End::Incomplete`].
pub async fn replicate(
    mut job: Job,
    client: &Client,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    stop: &Stop,
) -> Result<End, ReplicateError> {
    let experiments = std::mem::take(&mut job.experiments);
    let sealed = job.layout.folder().is_dir() && seal::finish_publication(&job.layout)?;
    let prepared = match prepare(&job.model, job.replication, job.rules, experiments) {
        Ok(prepared) => prepared,
        Err(error) if sealed => {
            let why = chain(&error);
            monitor.note(&format!(
                "sealed before; its inputs could not be compared: {why}"
            ));
            return Ok(End::AlreadyComplete);
        }
        Err(error) => return Err(error.into()),
    };
    let recorded = recorded(&job.layout, &prepared.inputs, sealed)?;
    if sealed {
        return Ok(End::AlreadyComplete);
    }
    create_folder(job.layout.folder())?;
    sync_parent(job.layout.folder())?;
    let start = clock.now();
    let metadata = metadata::begin(&job, &prepared, recorded, start);
    let attempt = Attempt::begin(&job.layout, &job.host, start, &prepared.inputs)?;
    let mut replication = Replication {
        job,
        prepared,
        metadata,
        attempt,
        client,
        clock,
        monitor,
        stop,
    };
    replication.save()?;
    let result = replication.work().await;
    replication.conclude(result)
}

/// The metadata to go on from. What was answered or sealed under other inputs is refused; a folder in which
/// nothing was answered begins anew.
fn recorded(
    layout: &ReplicationLayout,
    inputs: &Inputs,
    sealed: bool,
) -> Result<Option<Metadata>, ReplicateError> {
    let attempts = attempt::attempts(layout)?;
    attempt::check_inputs(layout, &attempts, inputs)?;
    let Some(recorded) = metadata::load(layout)? else {
        return Ok(None);
    };
    match metadata::check_inputs(layout, &recorded, inputs) {
        Ok(()) => Ok(Some(recorded)),
        Err(error) if sealed => Err(error.into()),
        // No attempt with answers has other inputs, so none has answered under the recorded ones.
        Err(_) => Ok(None),
    }
}

struct Replication<'a> {
    job: Job,
    prepared: Prepared,
    metadata: Metadata,
    attempt: Attempt,
    client: &'a Client,
    clock: &'a dyn Clock,
    monitor: &'a dyn Monitor,
    stop: &'a Stop,
}

impl Replication<'_> {
    async fn work(&mut self) -> Result<End, ReplicateError> {
        self.monitor.step(
            1,
            &format!("model server: using the one at {}", self.client.base_url()),
        );
        if !self.wait_for_server().await? || !self.probe().await? {
            return Ok(End::Interrupted);
        }
        self.monitor.step(4, "generate experiments");
        for position in 0..self.prepared.experiments.len() {
            match self.run_experiment(position).await? {
                LoopEnd::Done { .. } => {}
                LoopEnd::Cancelled => return Ok(End::Interrupted),
                LoopEnd::ServerGone => {
                    return self
                        .incomplete("the server went away, or failed or refused every request");
                }
            }
        }
        self.monitor
            .step(5, "score experiments: not part of this version, none run");
        self.monitor.step(
            6,
            "model server: it was not started here, so it is left alone",
        );
        self.monitor.step(7, "seal");
        self.seal()
    }

    async fn wait_for_server(&mut self) -> Result<bool, ReplicateError> {
        const POLL: Duration = Duration::from_millis(500);
        let model = &self.job.model.served_name;
        self.monitor
            .step(2, &format!("wait until it is healthy and serves {model}"));
        let ready = self.client.wait_ready(model, POLL, self.stop.token());
        let limit = self.job.options.server_timeout;
        match tokio::time::timeout(limit, ready).await {
            Ok(Ok(_)) => {}
            Ok(Err(ProbeError::Cancelled { .. })) => return Ok(false),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                return Err(ReplicateError::NotReady {
                    url: self.client.base_url().to_owned(),
                    seconds: limit.as_secs(),
                });
            }
        }
        self.stamp("server_ready");
        Ok(true)
    }

    async fn probe(&mut self) -> Result<bool, ReplicateError> {
        self.monitor.step(3, "probe: version, seeds");
        let api = match self.job.model.api {
            Api::Chat => ProbeApi::Chat,
            _ => ProbeApi::Completions,
        };
        let samples = metadata::samples(&self.prepared, &self.job.model);
        let request = ProbeRequest::new(&self.job.model.served_name, api).with_check_seed(samples);
        let probe = match self.client.probe(&request, self.stop.token()).await {
            Ok(probe) => probe,
            Err(ProbeError::Cancelled { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        metadata::record_probe(&mut self.metadata, &probe);
        self.record_server(&probe)?;
        if !metadata::honours_seeds(&probe) {
            let what = match probe.seed {
                SeedBehaviour::Constant => "every seed gives the same text",
                _ => "the same seed gives different texts",
            };
            if self.job.options.require_seeds {
                let url = self.client.base_url().to_owned();
                return Err(ReplicateError::Seeds { url, what });
            }
            self.monitor.note(&format!(
                "the server does not honour seeds: {what}; no trial can be replayed"
            ));
        }
        self.save()?;
        Ok(true)
    }

    /// Writes down which server is asked; says so if an earlier attempt asked another one.
    fn record_server(&mut self, probe: &Probe) -> Result<(), ReplicateError> {
        let now = metadata::server_text(probe);
        let earlier = attempt::attempts(&self.job.layout)?;
        let mut others = earlier
            .iter()
            .filter_map(|file| file.attempt.server.as_ref());
        if let Some(other) = others.next_back().filter(|other| **other != now) {
            self.monitor.note(&format!(
                "an earlier attempt asked {other}, this one asks {now}"
            ));
        }
        Ok(self.attempt.record_server(now)?)
    }

    async fn run_experiment(&mut self, position: usize) -> Result<LoopEnd, ReplicateError> {
        let (journals, index) = self.answers(position)?;
        drop(journals);
        let prepared = &self.prepared.experiments[position];
        let plan = &prepared.plan;
        let id = plan.experiment.id.clone();
        self.monitor
            .experiment(&id, plan.requests(), index.finals());
        if index.damaged > 0 {
            self.monitor.note(&format!(
                "{id}: {} journal lines were cut off and are asked again",
                index.damaged
            ));
        }
        let mut failed = 0;
        if index.finals() < plan.requests() {
            let end = self.ask_outstanding(prepared, &index).await?;
            let LoopEnd::Done { failed: now } = end else {
                return Ok(end);
            };
            failed = now;
        }
        let key = format!("{id}_complete");
        if failed > 0 {
            self.metadata.timestamps.remove(&key);
        } else if self.metadata.timestamps.value(&key).is_none() {
            self.stamp(&key);
        }
        self.save()?;
        Ok(LoopEnd::Done { failed })
    }

    async fn ask_outstanding(
        &self,
        prepared: &PreparedExperiment,
        index: &AnswerIndex,
    ) -> Result<LoopEnd, ReplicateError> {
        let path = self.attempt.layout.journal(&prepared.plan.experiment.id);
        let journal = JournalWriter::create(&path).map_err(RunError::from)?;
        let asker = Asker {
            client: self.client,
            clock: self.clock,
            monitor: self.monitor,
            cancel: self.stop.token(),
            max_connections: self.job.options.max_connections,
        };
        let asked = asker
            .ask_outstanding(prepared, &self.job.model, index, journal.handle())
            .await;
        let written = journal.finish();
        match (asked, written) {
            // Why the journal could not be written says more than that it could not.
            (_, Err(error)) => Err(RunError::from(error).into()),
            (asked, Ok(())) => Ok(asked?),
        }
    }

    /// Writes down how the attempt ended; a sealed replication is left as it is.
    fn conclude(mut self, result: Result<End, ReplicateError>) -> Result<End, ReplicateError> {
        if matches!(result, Ok(End::Interrupted)) {
            // How far it came is worth knowing, but no reason to call the interruption an error.
            let _ = self.count_all();
        }
        let (status, exit) = match &result {
            Ok(End::Complete { .. } | End::AlreadyComplete) => (Status::Complete, 0),
            Ok(End::Incomplete { .. }) => (Status::Incomplete, 75),
            Ok(End::Interrupted) => (Status::Incomplete, self.stop.exit_code()),
            Ok(End::TooManyNonAnswers { .. }) => (Status::Failed, 43),
            Err(error) => (Status::Incomplete, error.exit_code()),
        };
        let described = self.describe_end(status, exit).and_then(|()| {
            self.attempt.end(self.clock.now(), exit)?;
            if status == Status::Complete {
                Ok(())
            } else {
                self.save()
            }
        });
        match (result, described) {
            // What went wrong first is what the user needs to hear.
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) if status != Status::Complete => Err(error),
            (Ok(end), _) => Ok(end),
        }
    }

    fn describe_end(&mut self, status: Status, exit: u8) -> Result<(), ReplicateError> {
        let now = self.clock.now();
        self.metadata.status = status;
        self.metadata.timestamps.set("end", now.to_string());
        self.metadata.attempts = self.attempt_infos()?;
        let name = &self.attempt.info().name;
        if let Some(own) = self
            .metadata
            .attempts
            .iter_mut()
            .find(|attempt| attempt.name == *name)
        {
            own.end = Some(now.to_string());
            own.exit = Some(exit);
        }
        Ok(())
    }

    fn attempt_infos(&self) -> Result<Vec<AttemptInfo>, ReplicateError> {
        let attempts = attempt::attempts(&self.job.layout)?;
        Ok(attempts.into_iter().map(|file| file.attempt).collect())
    }

    fn stamp(&mut self, key: &str) {
        self.metadata
            .timestamps
            .set(key, self.clock.now().to_string());
    }

    fn save(&mut self) -> Result<(), ReplicateError> {
        self.metadata.attempts = self.attempt_infos()?;
        seal::replace_metadata(&self.job.layout, &self.metadata)?;
        Ok(())
    }
}
