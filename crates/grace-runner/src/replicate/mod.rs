//! One replication, step by step.

mod ask;
mod conclude;
mod end;
mod error;
mod probe;
mod scoring;
mod server;

pub use end::End;
pub use error::ReplicateError;

use grace_client::{Client, ScoreMethod};
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{AttemptInfo, Metadata, Status};
use grace_core::plan::Inputs;

use crate::ask::chain;
use crate::attempt::{self, Attempt};
use crate::clock::Clock;
use crate::deployment::Deployment;
use crate::durable::{create_folder, sync_parent};
use crate::job::{Job, Prepared, prepare};
use crate::metadata;
use crate::monitor::Monitor;
use crate::seal;
use crate::stop::Stop;
use crate::supervise::{Purpose, Supervisor};

/// Runs a replication, or what is left of it, to its end.
///
/// Answers that are in the folder already are used and never asked for again. When this returns, with
/// whatever result, every answer that came is durable, and a server that it started has ended with all its processes.
///
/// Where [`Options::server`](crate::Options::server) is set, `client` must ask the server at that port.
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
    let prepared = match prepare(
        &job.model,
        job.replication,
        (job.rules, job.scoring),
        job.options.scoring_server(),
        experiments,
    ) {
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
    let launch = server::launch(&job)?;
    create_folder(job.layout.folder())?;
    sync_parent(job.layout.folder())?;
    let start = clock.now();
    let deployment = Deployment::begin(&job.host, &job.options.grace_version);
    let earlier_method = recorded.as_ref().and_then(metadata::scoring_method);
    let metadata = metadata::begin(&job, &prepared, recorded, start);
    let attempt = Attempt::begin(&job.layout, &job.host, start, &prepared.inputs)?;
    let server = job.options.server.clone();
    let server =
        server.map(|managed| Supervisor::new(managed, &job.model, attempt.layout.server_log()));
    let mut replication = Replication {
        job,
        prepared,
        metadata,
        deployment,
        attempt,
        server,
        method: None,
        scoring_is_checked: false,
        earlier_method,
        client,
        clock,
        monitor,
        stop,
    };
    replication.describe_server(launch);
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
    deployment: Deployment,
    attempt: Attempt,
    /// The server, if it is started here.
    server: Option<Supervisor>,
    /// How options are scored; `None` before the server was checked for it.
    method: Option<ScoreMethod>,
    /// Whether the process that serves now was found to score as it should.
    scoring_is_checked: bool,
    /// How an earlier attempt scored.
    earlier_method: Option<String>,
    client: &'a Client,
    clock: &'a dyn Clock,
    monitor: &'a dyn Monitor,
    stop: &'a Stop,
}

impl Replication<'_> {
    async fn work(&mut self) -> Result<End, ReplicateError> {
        let result = self.steps().await;
        // Whatever happened, no server stays behind.
        self.stop_server().await;
        result
    }

    async fn steps(&mut self) -> Result<End, ReplicateError> {
        self.monitor.step(1, &self.server_text());
        self.start_server(Purpose::Generate)?;
        let model = &self.job.model.served_name;
        self.monitor
            .step(2, &format!("wait until it is healthy and serves {model}"));
        if !self.wait_for_server().await? || !self.probe().await? {
            return Ok(End::Interrupted);
        }
        self.monitor.step(4, "generate experiments");
        if let Some(end) = self.run_experiments(Purpose::Generate).await? {
            return Ok(end);
        }
        if let Some(end) = self.score().await? {
            return Ok(end);
        }
        self.monitor.step(6, self.stop_text());
        self.stop_server().await;
        self.monitor.step(7, "seal");
        self.seal()
    }

    /// Step 5.
    async fn score(&mut self) -> Result<Option<End>, ReplicateError> {
        if !self.scores() {
            self.monitor.step(5, "score experiments: none planned");
            return Ok(None);
        }
        if self.scores_separately() {
            self.monitor
                .step(5, "score experiments, on a model server of their own");
            self.stop_server().await;
            self.start_server(Purpose::Score)?;
            if !self.wait_for_server().await? || !self.check_scoring().await? {
                return Ok(Some(End::Interrupted));
            }
            self.stamp("scoring_server_ready");
        } else {
            self.monitor.step(5, "score experiments");
        }
        self.run_experiments(Purpose::Score).await
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
        self.metadata.deployment_info = self.deployment.record();
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
        self.metadata.deployment_info = self.deployment.record();
        self.metadata.attempts = self.attempt_infos()?;
        seal::replace_metadata(&self.job.layout, &self.metadata)?;
        Ok(())
    }
}
