//! From journal lines to records.

use grace_core::experiment::Query;
use grace_core::journal::JournalLine;
use grace_core::layout::SealedLayout;
use grace_core::metadata::Counts;
use grace_core::plan::ExperimentPlan;
use grace_core::record::{Judgement, Outcome, QueryAnswer, RecordFrame, ReusedFrom, TrialRecord};

use super::hashed_file::HashedFile;
use super::{SealError, SealedFile};
use crate::job::PreparedExperiment;
use crate::journal::{AnswerIndex, Journals};

/// Counts what became of the queries of an experiment.
pub(crate) fn count(
    prepared: &PreparedExperiment,
    journals: &Journals,
    index: &AnswerIndex,
) -> Result<Counts, SealError> {
    let plan = &prepared.plan;
    let mut tally = Tally::new(plan, index);
    let mut buffer = Vec::new();
    for trial_id in 0..plan.trials() {
        for (number, query) in plan.experiment.queries.iter().enumerate() {
            let (source, asked) = plan.reuse.source(trial_id, number);
            match index.place(source, asked) {
                None => tally.counts.open += 1,
                Some(place) => {
                    journals.read_line(place, &mut buffer)?;
                    let line = parse_line(&buffer, trial_id, query)?;
                    let judgement = Judgement::of(query, &line);
                    tally.add(
                        &line,
                        judgement.outcome,
                        (source, asked) != (trial_id, number),
                    );
                }
            }
        }
    }
    Ok(tally.counts)
}

/// Writes the records of an experiment, whose queries all have a final line, into `folder`.
///
/// Records are written one by one as they are read; memory does not grow with their number.
pub(crate) fn write_records(
    prepared: &PreparedExperiment,
    journals: &Journals,
    index: &AnswerIndex,
    frame: &RecordFrame,
    folder: &SealedLayout,
    cancelled: &dyn Fn() -> bool,
) -> Result<(Vec<SealedFile>, Counts), SealError> {
    let plan = &prepared.plan;
    let id = &plan.experiment.id;
    let mut tally = Tally::new(plan, index);
    let mut records = HashedFile::create(&folder.records(id))?;
    let mut reasoning: Option<HashedFile> = None;
    records.write(b"[")?;
    let queries = &plan.experiment.queries;
    let mut buffers = vec![Vec::new(); queries.len()];
    for (place, &trial_id) in (0_u32..).zip(&plan.order) {
        if place % 1024 == 0 && cancelled() {
            return Err(SealError::Cancelled);
        }
        for (number, buffer) in buffers.iter_mut().enumerate() {
            let (source, asked) = plan.reuse.source(trial_id, number);
            let line = index
                .place(source, asked)
                .expect("only full experiments are sealed");
            journals.read_line(line, buffer)?;
        }
        let mut answers = Vec::with_capacity(queries.len());
        for (number, (query, buffer)) in queries.iter().zip(&buffers).enumerate() {
            let answer = answer(plan, trial_id, number, parse_line(buffer, trial_id, query)?);
            let QueryAnswer {
                line,
                judgement,
                reused_from,
            } = &answer;
            tally.add(line, judgement.outcome, reused_from.is_some());
            if let Some(thought) = &line.reasoning {
                let file = match &mut reasoning {
                    Some(file) => file,
                    None => reasoning.insert(HashedFile::create(&folder.reasoning(id))?),
                };
                file.line(&Thought {
                    trial_id,
                    query: query.id.as_str(),
                    reasoning: thought,
                })?;
            }
            answers.push(answer);
        }
        let stimulus = prepared.stimuli.row(&plan.stimuli, trial_id)?;
        let record = TrialRecord {
            frame,
            plan,
            stimulus: &stimulus,
            trial_id,
            place,
            answers: &answers,
        };
        records.write(if place == 0 { b"\n" } else { b",\n" })?;
        records.json(&record)?;
    }
    records.write(b"\n]\n")?;
    let mut files = vec![(SealedLayout::records_name(id), records.finish()?)];
    if let Some(file) = reasoning {
        files.push((SealedLayout::reasoning_name(id), file.finish()?));
    }
    Ok((files, tally.counts))
}

fn parse_line<'b>(
    buffer: &'b [u8],
    trial_id: u32,
    query: &Query,
) -> Result<JournalLine<'b>, SealError> {
    serde_json::from_slice(buffer).map_err(|source| SealError::Line {
        trial_id,
        query: query.id.to_string(),
        source,
    })
}

/// What `line` says to query number `number` of row `trial_id`, and whose line it is.
fn answer<'b>(
    plan: &ExperimentPlan,
    trial_id: u32,
    number: usize,
    line: JournalLine<'b>,
) -> QueryAnswer<'b> {
    let queries = &plan.experiment.queries;
    let (source, asked) = plan.reuse.source(trial_id, number);
    let reused_from = (!plan.reuse.is_asked(trial_id, number)).then(|| ReusedFrom {
        trial_id: source,
        query: queries[asked].id.to_string(),
    });
    QueryAnswer {
        judgement: Judgement::of(&queries[number], &line),
        line,
        reused_from,
    }
}

struct Tally {
    counts: Counts,
}

impl Tally {
    fn new(plan: &ExperimentPlan, index: &AnswerIndex) -> Self {
        Self {
            counts: Counts {
                trials: u64::from(plan.trials()),
                queries: plan.queries(),
                duplicates: index.duplicates,
                damaged_lines: index.damaged,
                ..Counts::default()
            },
        }
    }

    fn add(&mut self, line: &JournalLine<'_>, outcome: Outcome, reused: bool) {
        let counts = &mut self.counts;
        if reused {
            counts.reused += 1;
        } else {
            counts.retries += line.retries();
        }
        *match outcome {
            Outcome::Answered => &mut counts.answered,
            Outcome::Unparsable => &mut counts.unparsable,
            Outcome::Truncated => &mut counts.truncated,
            Outcome::RefusedByServer => &mut counts.refused_by_server,
            Outcome::OverContext => &mut counts.over_context,
            _ => &mut counts.failed,
        } += 1;
    }
}

#[derive(serde::Serialize)]
struct Thought<'a> {
    trial_id: u32,
    query: &'a str,
    reasoning: &'a str,
}
