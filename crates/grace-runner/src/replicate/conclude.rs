//! The second half of a replication: counting what there is, and sealing it.

use grace_core::ExperimentId;
use grace_core::layout::SealedLayout;
use grace_core::metadata::{AttemptFile, Counts, Status};
use grace_core::record::RecordFrame;

use super::{End, ReplicateError, Replication};
use crate::attempt;
use crate::journal::{AnswerIndex, Journals};
use crate::seal::{self, SealError};

impl Replication<'_> {
    /// The answers of an experiment so far, from the journals of all attempts.
    pub(super) fn answers(
        &self,
        position: usize,
    ) -> Result<(Journals, AnswerIndex), ReplicateError> {
        let plan = &self.prepared.experiments[position].plan;
        let mut attempts = attempt::attempts(&self.job.layout)?;
        attempt::check_inputs(&self.job.layout, &attempts, &self.prepared.inputs)?;
        attempts.retain(|file| file.inputs == self.prepared.inputs);
        let journal = |file: &AttemptFile| {
            let attempt = self.job.layout.attempt(&file.attempt.name);
            attempt.journal(&plan.experiment.id)
        };
        let journals = Journals::open(attempts.iter().map(journal).collect())?;
        let index = journals.index(plan)?;
        Ok((journals, index))
    }

    /// Counts what there is, and ends without sealing.
    pub(super) fn incomplete(&mut self, reason: &str) -> Result<End, ReplicateError> {
        let counts = self.count_all()?;
        let outstanding = counts.iter().map(|(_, counts)| counts.outstanding()).sum();
        let reason = reason.to_owned();
        Ok(End::Incomplete {
            outstanding,
            reason,
        })
    }

    pub(super) fn count_all(&mut self) -> Result<Vec<(ExperimentId, Counts)>, ReplicateError> {
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

    /// Seals the replication, if every query has its final outcome.
    pub(super) fn seal(&mut self) -> Result<End, ReplicateError> {
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
}
