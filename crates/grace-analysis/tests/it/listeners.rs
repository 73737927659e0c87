//! Results of Study 1 with answers as a test wants them.

use serde_json::{Value, json};

use crate::sealed::{Folder, record};

pub(crate) const TRIALS: u32 = 48;
/// Trials with one prompt come again after so many.
pub(crate) const PROMPTS: u32 = 4;
pub(crate) const EXPERIMENT: &str = "study1_exp1";

/// Which answer it is.
#[derive(Clone, Copy)]
pub(crate) struct At {
    pub(crate) replication: u32,
    pub(crate) place: u32,
    pub(crate) prompt: u32,
}

/// Three replications of a model; each trial is asked ten seconds after the one before, in the order of the stimuli.
pub(crate) fn seal(folder: &Folder, model: &str, quantity: impl Fn(At) -> u32) {
    for replication in 0..3 {
        let records = (0..TRIALS).map(|place| {
            let prompt = place % PROMPTS;
            let answer = quantity(At {
                replication,
                place,
                prompt,
            });
            trial(replication, place, prompt, answer)
        });
        folder.seal(model, replication, &[(EXPERIMENT, records.collect())]);
    }
}

fn trial(replication: u32, place: u32, prompt: u32, quantity: u32) -> Value {
    let own = json!({
        "participant_id": place.to_string(), "story_shortname": "s", "story_setup": format!("story {prompt}"),
        "priorQ": "?", "speach": "\"one\"", "speachQ": "?", "knowledgeQ": "?", "access": "1", "observe": "1",
        "response_quantity": format!(" {quantity}."), "quantity": quantity,
        "response_knowledge": "Yes.", "knowledge": if place.is_multiple_of(3) { "yes" } else { "no" },
    });
    let mut record = record(EXPERIMENT, replication, place, place, own);
    let (minutes, seconds) = (place * 10 / 60, place * 10 % 60);
    let timing = json!({"started_at": format!("2026-11-23T20:{minutes:02}:{seconds:02}.000Z"), "seconds": 0.25,
        "attempts": 1});
    let outcome = json!({"outcome": "answered", "reason": null});
    record["conditions"] = json!({"access": "1", "observe": "1"});
    record["timings"] = json!({"quantity": timing, "knowledge": timing});
    record["outcomes"] = json!({"quantity": outcome, "knowledge": outcome});
    record
}

/// A number from 0 to 3 that looks random and depends on all its parts.
pub(crate) fn scatter(parts: &[u32]) -> u32 {
    let mixed = parts.iter().fold(2_166_136_261_u32, |hash, part| {
        (hash ^ part)
            .wrapping_mul(16_777_619)
            .rotate_left(13)
            .wrapping_mul(0x9E37_79B1)
    });
    (mixed >> 16) % 4
}
