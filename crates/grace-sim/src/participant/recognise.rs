//! Finds in a prompt which question of which study it asks.

use super::speaker::Goal;

/// What a prompt asks, as far as a simulated participant understands it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Study 1: how many of the three objects have the property?
    Quantity { access: usize, observe: usize },
    /// Study 1: does the speaker know exactly how many?
    Knowledge { access: usize },
    /// Study 2: what would the speaker say about a work of so many hearts?
    Politeness { state: usize, goal: Goal },
}

/// The question in `prompt`, if it is one of the two studies'.
///
/// Only key facts are looked for: "2 of the 3" and "1 of the …" for study 1, "2 hearts" and the
/// words for a goal for study 2.
pub(crate) fn recognise(prompt: &str) -> Option<Question> {
    let text = prompt.to_ascii_lowercase();
    study_1(&text).or_else(|| study_2(prompt, &text))
}

/// The number of objects that `prompt` asks the probability of: "What is the probability that the number is
/// exactly 2 of the 3?"
pub(crate) fn asked_state(prompt: &str) -> Option<usize> {
    let text = prompt.to_ascii_lowercase();
    let asked = text.get(text.rfind("probability")?..)?;
    let counts = counts_of_the(asked);
    let number = counts.iter().find(|count| count.asked)?.number;
    (number <= 3).then_some(number)
}

fn study_1(text: &str) -> Option<Question> {
    let counts = counts_of_the(text);
    let access = counts
        .iter()
        .find(|count| count.of_three && !count.asked)?
        .number;
    if asks_for_knowledge(text) {
        return Some(Question::Knowledge { access });
    }
    let observe = counts
        .iter()
        .find(|count| !count.of_three && !count.asked)?
        .number;
    let asks = text.contains("how many") || text.contains("number");
    asks.then_some(Question::Quantity { access, observe })
}

/// An "N of the …".
struct Count {
    number: usize,
    /// It goes on with "3" or "three": a number of objects out of all.
    of_three: bool,
    /// "exactly" stands before it: part of a question, not of a report.
    asked: bool,
}

fn counts_of_the(text: &str) -> Vec<Count> {
    const MIDDLE: &str = " of the ";
    let parts = text.match_indices(MIDDLE).filter_map(|(at, _)| {
        let (head, rest) = (text.get(..at)?, text.get(at + MIDDLE.len()..)?);
        let number = number_at_end(head)?;
        let before = head.trim_end_matches(char::is_alphanumeric).trim_end();
        let of_three = number_at_start(rest) == Some(3);
        Some(Count {
            number,
            of_three,
            asked: before.ends_with("exactly"),
        })
    });
    parts.collect()
}

/// Whether the last thing asked is whether somebody knows exactly: a yes or no is asked for, or the
/// last "how many" is what is known "exactly".
fn asks_for_knowledge(text: &str) -> bool {
    let Some(asked) = text.rfind("know").and_then(|at| text.get(at..)) else {
        return false;
    };
    let before_how_many = text.rfind("how many").and_then(|at| text.get(..at));
    asked.contains("exactly")
        && (asked.contains("yes or no")
            || before_how_many.is_some_and(|head| head.trim_end().ends_with("exactly")))
}

fn study_2(prompt: &str, text: &str) -> Option<Question> {
    let state = hearts(text)?;
    let goal = goal(prompt, text)?;
    Some(Question::Politeness { state, goal })
}

/// The number before the first "heart" that is not the top of a scale ("out of 3 hearts").
fn hearts(text: &str) -> Option<usize> {
    text.match_indices("heart").find_map(|(at, _)| {
        let head = text.get(..at)?.trim_end();
        let number = number_at_end(head)?;
        let head = head.trim_end_matches(char::is_alphanumeric).trim_end();
        if let Some(scored) = head.strip_suffix("out of") {
            return number_at_end(scored.trim_end()).filter(|&n| n <= 3);
        }
        let of_scale = head.ends_with(" to") || head.ends_with(" of");
        (number <= 3 && !of_scale).then_some(number)
    })
}

fn goal(prompt: &str, text: &str) -> Option<Goal> {
    let kind = text.contains("feel good");
    let informative = text.contains("accurate") && text.contains("informative");
    match (kind, informative) {
        _ if prompt.contains("BOTH") => Some(Goal::Both),
        (true, true) => Some(Goal::Both),
        (true, false) => Some(Goal::Social),
        (false, true) => Some(Goal::Informational),
        (false, false) => None,
    }
}

fn number_at_end(text: &str) -> Option<usize> {
    number(text.rsplit(|c: char| !c.is_alphanumeric()).next()?)
}

fn number_at_start(text: &str) -> Option<usize> {
    number(text.split(|c: char| !c.is_alphanumeric()).next()?)
}

fn number(word: &str) -> Option<usize> {
    match word {
        "0" | "none" | "zero" => Some(0),
        "1" | "one" => Some(1),
        "2" | "two" => Some(2),
        "3" | "three" => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: &str = "Letters to Laura's company almost always have checks inside.\nToday Laura \
        received 3 letters.\nHow many of the 3 letters do you think have checks inside?\nLaura tells \
        you on the phone: 'I have looked at 2 of the 3 letters. 1 of the letters has checks inside.'";

    #[track_caller]
    fn check(prompt: &str, expected: Option<Question>) {
        assert_eq!(recognise(prompt), expected, "{prompt}");
    }

    #[test]
    fn a_quantity_is_asked() {
        let expected = Some(Question::Quantity {
            access: 2,
            observe: 1,
        });
        check(
            &format!(
                "{SPEECH}\nNow how many of the 3 letters do you think have checks inside?\nAnswer with a \
                 number from 0 to 3.\nAnswer:"
            ),
            expected,
        );
        check(
            "Ines texts: \u{201c}I\u{2019}ve checked two of the three jars; one of the jars is fine.\u{201d} \
             How many are fine? You need not know exactly.",
            expected,
        );
    }

    #[test]
    fn the_state_whose_probability_is_asked_is_found() {
        let ask = |state| {
            format!(
                "{SPEECH}\nQuestion: What is the probability that the number is exactly {state} of the 3?\nAnswer:"
            )
        };
        assert_eq!(
            [0, 3].map(|state| asked_state(&ask(state))),
            [Some(0), Some(3)]
        );
        assert_eq!(asked_state(SPEECH), None);
        check(
            &ask(2),
            Some(Question::Quantity {
                access: 2,
                observe: 1,
            }),
        );
    }

    #[test]
    fn knowledge_is_asked() {
        let expected = Some(Question::Knowledge { access: 2 });
        let question =
            "Do you think Laura knows exactly how many of the 3 letters have checks inside?";
        check(
            &format!("{SPEECH}\n{question}\nAnswer yes or no.\nAnswer:"),
            expected,
        );
        check(&format!("{SPEECH}\n{question}"), expected);
    }

    #[test]
    fn goals_and_hearts_are_found() {
        let ask = |goal: &str, rating: &str| {
            format!("Imagine a poem, rated {rating}. If Emma wanted to {goal}, what would she say?")
        };
        let both = "BOTH make Wendy feel good AND give accurate and informative feedback";
        let social = "make Wendy feel good, rather than give informative feedback";
        let informational = "give as accurate and informative feedback as possible";
        let expect = |state, goal| Some(Question::Politeness { state, goal });
        check(&ask(both, "0 hearts"), expect(0, Goal::Both));
        check(&ask(social, "2 hearts out of 3"), expect(2, Goal::Social));
        check(
            &ask(informational, "1 heart"),
            expect(1, Goal::Informational),
        );
        check(
            &ask(informational, "1 out of 3 hearts"),
            expect(1, Goal::Informational),
        );
        check(
            &ask(social, "on a scale of 0 to 3 hearts: 2 hearts"),
            expect(2, Goal::Social),
        );
    }

    #[test]
    fn anything_else_is_nobody_s_question() {
        check("The capital of France is", None);
        check("How many hearts has an octopus?", None);
        check("2 of the 3", None);
        check("", None);
    }
}
