//! One replication, step by step.

use std::time::Duration;

use grace_client::{Api as ProbeApi, Client, ProbeError, ProbeRequest, SeedBehaviour};
use grace_core::ExperimentId;
use grace_core::layout::SealedLayout;
use grace_core::metadata::{Counts, Metadata, Status};
use grace_core::model::Api;
use grace_core::record::RecordFrame;

use crate::attempt::{self, Attempt, AttemptError};
use crate::clock::Clock;
use crate::durable::{FileError, create_folder, sync_parent};
use crate::job::{Job, JobError, Prepared, PreparedExperiment, prepare};
use crate::journal::{AnswerIndex, JournalError, JournalWriter, Journals};
use crate::metadata::{self, MetadataError};
use crate::monitor::Monitor;
use crate::run::{Asker, LoopEnd, RunError};
use crate::seal::{self, SealError};
use crate::stop::Stop;

/// How a replication ended, short of an error.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum End {
    /// Every query has its final outcome, and all is sealed.
    Complete {
        /// Counts by experiment.
        counts: Vec<(ExperimentId, Counts)>,
    },
    /// It was sealed before.
    AlreadyComplete,
    /// Queries are open; running it again goes on.
    Incomplete {
        /// How many.
        outstanding: u64,
        /// Why, in a fragment.
        reason: String,
    },
    /// An experiment has more queries without any answer than was allowed.
    TooManyNonAnswers {
        /// The experiment.
        experiment: ExperimentId,
        /// The share of its queries that have a final outcome but no answer.
        share: f64,
        /// The share that was allowed.
        allowed: f64,
    },
    /// The caller cancelled; everything that was answered is durable.
    Interrupted,
}

/// Why a replication could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicateError {
    /// The inputs have mistakes.
    #[error(transparent)]
    Job(#[from] JobError),
    /// What is in the folder does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// An earlier attempt does not fit.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server cannot be used.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The server was not ready in time.
    #[error("server at {url} was not ready within {seconds} s")]
    NotReady {
        /// Its address.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server does not do with seeds what the plan needs.
    #[error("server at {url} does not honour seeds: {what}")]
    Seeds {
        /// Its address.
        url: String,
        /// What it does with them.
        what: &'static str,
    },
    /// Work could not go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The results could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

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
    let prepared = prepare(&job.model, job.replication, job.rules, experiments)?;
    create_folder(job.layout.folder())?;
    sync_parent(job.layout.folder())?;
    let sealed = seal::finish_publication(&job.layout)?;
    let recorded = metadata::load(&job.layout)?;
    if let Some(recorded) = &recorded {
        metadata::check_inputs(&job.layout, recorded, &prepared.inputs)?;
    }
    if sealed {
        return Ok(End::AlreadyComplete);
    }
    let fingerprint = prepared.inputs.fingerprint();
    attempt::check_inputs(&attempt::attempts(&job.layout)?, fingerprint)?;
    let start = clock.now();
    let metadata = metadata::begin(&job, &prepared, recorded, start);
    let attempt = Attempt::begin(&job.layout, &job.host, start, fingerprint)?;
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
                LoopEnd::Done => {}
                LoopEnd::Cancelled => return Ok(End::Interrupted),
                LoopEnd::ServerAway => {
                    return self.incomplete("the server was away or failed every request");
                }
            }
        }
        self.monitor
            .step(5, "score experiments: not part of this version, none run");
        self.monitor
            .step(6, "model server: left running, it was not started here");
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
        if index.finals() < plan.requests() {
            let end = self.ask_outstanding(prepared, &index).await?;
            if end != LoopEnd::Done {
                return Ok(end);
            }
        }
        let key = format!("{id}_complete");
        if self.metadata.timestamps.value(&key).is_none() {
            self.stamp(&key);
        }
        self.save()?;
        Ok(LoopEnd::Done)
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

    fn answers(&self, position: usize) -> Result<(Journals, AnswerIndex), ReplicateError> {
        let plan = &self.prepared.experiments[position].plan;
        let attempts = attempt::attempts(&self.job.layout)?;
        attempt::check_inputs(&attempts, self.prepared.inputs.fingerprint())?;
        let journal = |attempt: &grace_core::metadata::AttemptInfo| {
            self.job
                .layout
                .attempt(&attempt.name)
                .journal(&plan.experiment.id)
        };
        let journals = Journals::open(attempts.iter().map(journal).collect())?;
        let index = journals.index(plan)?;
        Ok((journals, index))
    }

    /// Counts what there is, and ends without sealing.
    fn incomplete(&mut self, reason: &str) -> Result<End, ReplicateError> {
        let counts = self.count_all()?;
        let outstanding = counts.iter().map(|(_, counts)| counts.outstanding()).sum();
        let reason = reason.to_owned();
        Ok(End::Incomplete {
            outstanding,
            reason,
        })
    }

    fn count_all(&mut self) -> Result<Vec<(ExperimentId, Counts)>, ReplicateError> {
        let mut all = Vec::new();
        for position in 0..self.prepared.experiments.len() {
            let (journals, index) = self.answers(position)?;
            let prepared = &self.prepared.experiments[position];
            let counts = seal::count(prepared, &journals, &index)?;
            all.push((prepared.plan.experiment.id.clone(), counts));
        }
        self.record_counts(&all);
        Ok(all)
    }

    fn record_counts(&mut self, counts: &[(ExperimentId, Counts)]) {
        for (id, counts) in counts {
            self.metadata.counts.set(id.as_str(), counts.clone());
        }
    }

    fn seal(&mut self) -> Result<End, ReplicateError> {
        let mut answers = Vec::new();
        for position in 0..self.prepared.experiments.len() {
            let (journals, index) = self.answers(position)?;
            if index.finals() < self.prepared.experiments[position].plan.requests() {
                return self.incomplete("some queries failed");
            }
            answers.push((journals, index));
        }
        let own = self.attempt.layout.sealed();
        seal::begin(&own)?;
        let end = self.make_and_publish(&own, &answers);
        if !matches!(end, Ok(End::Complete { .. })) {
            seal::discard(&own)?;
        }
        match end {
            Err(ReplicateError::Seal(SealError::Cancelled)) => Ok(End::Interrupted),
            end => end,
        }
    }

    fn make_and_publish(
        &mut self,
        own: &SealedLayout,
        answers: &[(Journals, AnswerIndex)],
    ) -> Result<End, ReplicateError> {
        let frame = self.frame();
        let cancelled = || self.stop.token().is_cancelled();
        let (mut files, mut counts) = (Vec::new(), Vec::new());
        for (prepared, (journals, index)) in self.prepared.experiments.iter().zip(answers) {
            let plan = &prepared.plan;
            prepared
                .stimuli
                .check_unchanged(plan.stimuli.digest(), &plan.experiment)
                .map_err(SealError::from)?;
            let (written, counted) =
                seal::write_records(prepared, journals, index, &frame, own, &cancelled)?;
            files.extend(written);
            counts.push((plan.experiment.id.clone(), counted));
        }
        self.record_counts(&counts);
        if let Some(end) = self.too_many_non_answers(&counts) {
            return Ok(end);
        }
        self.describe_end(Status::Complete, 0)?;
        seal::write_manifest(own, &self.metadata, files)?;
        if seal::publish(&self.job.layout, own)? {
            return Ok(End::Complete { counts });
        }
        self.monitor
            .note("another process sealed this replication first; its files stand");
        Ok(End::AlreadyComplete)
    }

    fn too_many_non_answers(&self, counts: &[(ExperimentId, Counts)]) -> Option<End> {
        let allowed = self.job.options.fail_on_error;
        counts.iter().find_map(|(id, counts)| {
            let share = counts.final_non_answers() as f64 / counts.queries.max(1) as f64;
            (share > allowed).then(|| End::TooManyNonAnswers {
                experiment: id.clone(),
                share,
                allowed,
            })
        })
    }

    fn frame(&self) -> RecordFrame {
        RecordFrame {
            replication_id: self.job.replication,
            run_timestamp: self
                .metadata
                .timestamps
                .value("start")
                .cloned()
                .unwrap_or_default(),
            model_name: self.job.model.name.clone(),
            model_key: self.job.model.key.to_string(),
        }
    }

    /// Writes down how the attempt ended; a sealed replication is left as it is.
    fn conclude(mut self, result: Result<End, ReplicateError>) -> Result<End, ReplicateError> {
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
        self.metadata.attempts = attempt::attempts(&self.job.layout)?;
        let name = &self.attempt.info.name;
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

    fn stamp(&mut self, key: &str) {
        self.metadata
            .timestamps
            .set(key, self.clock.now().to_string());
    }

    fn save(&mut self) -> Result<(), ReplicateError> {
        self.metadata.attempts = attempt::attempts(&self.job.layout)?;
        seal::replace_metadata(&self.job.layout, &self.metadata)?;
        Ok(())
    }
}

impl ReplicateError {
    /// The exit code of DESIGN 6: 42 for what only a change of inputs can mend, 75 for what time may.
    pub fn exit_code(&self) -> u8 {
        const CONFIGURATION: u8 = 42;
        const TRY_AGAIN: u8 = 75;
        let transient = match self {
            Self::Job(_)
            | Self::Metadata(MetadataError::Damaged { .. } | MetadataError::OtherInputs { .. })
            | Self::Attempt(AttemptError::Damaged { .. } | AttemptError::OtherInputs { .. })
            | Self::Seeds { .. }
            | Self::Run(RunError::Stimuli(_) | RunError::Prompt(_))
            | Self::Seal(SealError::Stimuli(_)) => false,
            Self::NotReady { .. } => true,
            Self::Probe(error) => error.is_transient(),
            _ => self.file_error().is_none_or(FileError::is_transient),
        };
        if transient { TRY_AGAIN } else { CONFIGURATION }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Metadata(MetadataError::OtherInputs { .. })
            | Self::Attempt(AttemptError::OtherInputs { .. }) => {
                Some("choose another results folder, or restore the inputs that are recorded there")
            }
            Self::Seeds { .. } => Some(
                "pass `--seeds-optional` to go on; the texts are kept, but no trial can be replayed",
            ),
            Self::NotReady { .. } => {
                Some("is the server running at this address? `--timeout` sets how long to wait")
            }
            Self::Run(RunError::Stimuli(_)) | Self::Seal(SealError::Stimuli(_)) => Some(
                "restore the stimuli file and run the same command again; answers so far are kept",
            ),
            _ => self.file_error().and_then(FileError::hint),
        }
    }

    fn file_error(&self) -> Option<&FileError> {
        match self {
            Self::File(error)
            | Self::Metadata(MetadataError::File(error))
            | Self::Attempt(AttemptError::File(error))
            | Self::Seal(SealError::File(error))
            | Self::Run(RunError::Journal(JournalError::File(error))) => Some(error),
            _ => None,
        }
    }
}
