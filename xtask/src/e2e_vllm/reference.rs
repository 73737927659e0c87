//! Recorded scores beside a forward pass of transformers.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::install::Installed;
use crate::command::output;
use crate::e2e::{EXPERIMENTS, Replication};

const REFERENCE: &str = include_str!("reference.py");

/// How far an option's log-probability may lie from that of a forward pass in float32, softmax included.
pub(super) const TOLERANCE_NAT: f64 = 1e-4;
/// How far one token's may where the softmax of the forward pass is in float64: torch's in float32, which vLLM uses, too, was seen
/// to lose up to 6e-5 nat a token with Gemma's 262,144 tokens on one processor and 1.3e-4 on another; see `reference.py`.
const SOFTMAX_NAT: f64 = 5e-4;

/// How far recorded scores lie from a forward pass.
#[derive(Debug, Deserialize)]
struct Compared {
    prompts: u32,
    options: u32,
    tokens: u32,
    float32: Distance,
    /// The same float32 logits with a softmax in float64.
    float32_exact_softmax: Distance,
    /// The options that lie furthest from that, beside a forward pass in float64.
    worst: Vec<Judged>,
}

/// The largest differences.
#[derive(Debug, Deserialize)]
struct Distance {
    token_nat: f64,
    option_nat: f64,
}

/// How far an option lies from a forward pass in float64, with its sign.
#[derive(Debug, Deserialize)]
struct Judged {
    text: String,
    tokens: u32,
    server_nat: f64,
    float32_nat: f64,
    float32_exact_softmax_nat: f64,
}

/// Compares the options of `prompts` prompts: all of study 2, the rest of study 1.
pub(super) fn compare(
    installed: &Installed,
    model: &str,
    replication: &Replication,
    prompts: u32,
) -> Result<String> {
    let mut journals = replication.journal_paths(EXPERIMENTS[3].0)?;
    journals.extend(replication.journal_paths(EXPERIMENTS[2].0)?);
    let mut reference = Command::new(installed.python());
    reference.args(["-c", REFERENCE]);
    reference.arg(installed.model(model));
    reference.arg(prompts.to_string());
    reference.arg(replication.folder().join("metadata.json"));
    reference.args(journals);
    let said = output(&mut reference)?;
    let compared: Compared = serde_json::from_str(said.lines().last().unwrap_or_default())
        .context("the reference printed no JSON")?;
    check(&compared, prompts)?;
    Ok(shown(&compared))
}

fn check(found: &Compared, prompts: u32) -> Result<()> {
    ensure!(
        found.prompts == prompts,
        "{} prompts were compared, expected {prompts}: a larger `--limit` gives more",
        found.prompts
    );
    ensure!(
        found.float32.option_nat <= TOLERANCE_NAT,
        "an option lies further than {TOLERANCE_NAT} nat from the forward pass in float32: {found:#?}"
    );
    ensure!(
        found.float32_exact_softmax.token_nat <= SOFTMAX_NAT,
        "a token lies further than {SOFTMAX_NAT} nat from an exact softmax of the forward pass: {found:#?}"
    );
    // Else the forward pass could not tell whose error a difference is.
    ensure!(
        !found.worst.is_empty()
            && found
                .worst
                .iter()
                .all(|option| option.float32_exact_softmax_nat.abs() <= TOLERANCE_NAT),
        "the forward pass in float32 lies further than {TOLERANCE_NAT} nat from the one in float64: {found:#?}"
    );
    Ok(())
}

fn shown(found: &Compared) -> String {
    let (float32, exact) = (&found.float32, &found.float32_exact_softmax);
    let mut lines = vec![
        format!(
            "{} options of {} prompts ({} tokens) within {:.1e} nat, each token within {:.1e}",
            found.options, found.prompts, found.tokens, float32.option_nat, float32.token_nat
        ),
        format!(
            "with an exact softmax: options within {:.1e} nat, each token within {:.1e}; the furthest from float64:",
            exact.option_nat, exact.token_nat
        ),
    ];
    lines.extend(found.worst.iter().map(|option| {
        format!(
            "{:?} ({} tokens): vLLM {:+.1e}, transformers {:+.1e}, with an exact softmax {:+.1e}",
            option.text,
            option.tokens,
            option.server_nat,
            option.float32_nat,
            option.float32_exact_softmax_nat
        )
    }));
    lines.join("\n                 ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(option_nat: f64, token_nat: f64, reference_nat: f64) -> Compared {
        Compared {
            prompts: 2,
            options: 22,
            tokens: 30,
            float32: Distance {
                token_nat: 1e-6,
                option_nat,
            },
            float32_exact_softmax: Distance {
                token_nat,
                option_nat: 2e-4,
            },
            worst: vec![Judged {
                text: String::from("10%"),
                tokens: 3,
                server_nat: 2e-4,
                float32_nat: 2e-4,
                float32_exact_softmax_nat: reference_nat,
            }],
        }
    }

    #[test]
    fn what_lies_too_far_is_found() {
        assert!(check(&compared(9e-5, 9e-5, -9e-5), 2).is_ok());
        assert!(check(&compared(9e-5, 9e-5, -9e-5), 3).is_err());
        assert!(check(&compared(2e-4, 9e-5, -9e-5), 2).is_err());
        assert!(check(&compared(9e-5, 6e-4, -9e-5), 2).is_err());
        assert!(check(&compared(9e-5, 9e-5, -2e-4), 2).is_err());
        assert!(check(&compared(f64::NAN, 9e-5, 9e-5), 2).is_err());
        let mut none = compared(9e-5, 9e-5, 9e-5);
        none.worst.clear();
        assert!(check(&none, 2).is_err());
    }
}
