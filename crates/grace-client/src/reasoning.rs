/// The strings between which a model thinks, such as `<think>` and `</think>`.
///
/// They are looked for only if the server gives no reasoning field of its own.
/// Give them for requests in which the model is meant to think.
///
/// | text | thought | answer |
/// |---|---|---|
/// | `<think>T</think>A` | T | A |
/// | `T</think>A` (the chat template held the opening marker) | T | A |
/// | `<think>T</think>A<think>U</think>B` | T, U | A, B |
/// | `<think>T<think>U</think>V</think>A` | T`<think>`U, V | A |
/// | `<think>T` | T, truncated | empty |
/// | `T`, cut at the token limit (both markers missing) | T, truncated | empty |
/// | `A`, not cut | none | A, untouched |
///
/// Put as rules: a closing marker outside a thought makes all before it
/// thought; an opening marker inside a thought is part of it; parts are
/// trimmed of white space, joined by line breaks, and left out if empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasoningMarkers {
    start: String,
    end: String,
}

impl ReasoningMarkers {
    /// The markers that open and close a thought. An empty one never occurs.
    pub fn new(start: impl Into<String>, end: impl Into<String>) -> Self {
        Self {
            start: start.into(),
            end: end.into(),
        }
    }
}

/// A text, taken apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) thought: Option<String>,
    pub(crate) answer: String,
    /// The thought has no end, so there is no answer.
    pub(crate) is_truncated: bool,
}

/// What the server took apart itself.
pub(crate) fn given(thought: String, answer: Option<String>) -> Split {
    let answer = answer.unwrap_or_default();
    Split {
        thought: Some(thought),
        is_truncated: answer.is_empty(),
        answer,
    }
}

/// Takes thought out of `text`, which `is_cut` if it ends at the token limit.
pub(crate) fn split(text: String, markers: Option<&ReasoningMarkers>, is_cut: bool) -> Split {
    let Some(markers) = markers else {
        return untouched(text);
    };
    let mut parts = Vec::new();
    let mut is_open = false;
    let mut rest = text.as_str();
    while let Some((before, marker, after)) = next_marker(rest, markers, is_open) {
        parts.push(Part {
            text: before,
            is_thought: is_open,
        });
        if marker == Marker::End && !is_open {
            all_thought(&mut parts);
        }
        is_open = marker == Marker::Start;
        rest = after;
    }
    let has_markers = !parts.is_empty();
    let is_truncated = is_open || (is_cut && !has_markers);
    if !has_markers && !is_truncated {
        return untouched(text);
    }
    parts.push(Part {
        text: rest,
        is_thought: false,
    });
    if is_truncated {
        all_thought(&mut parts);
    }
    Split {
        thought: Some(join(&parts, true)).filter(|thought| !thought.is_empty()),
        answer: join(&parts, false),
        is_truncated,
    }
}

fn untouched(answer: String) -> Split {
    Split {
        thought: None,
        answer,
        is_truncated: false,
    }
}

struct Part<'a> {
    text: &'a str,
    is_thought: bool,
}

fn all_thought(parts: &mut [Part<'_>]) {
    for part in parts {
        part.is_thought = true;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Marker {
    Start,
    End,
}

/// Cuts `text` at its first marker; inside a thought only the closing one is
/// looked for. Of two at one place the longer is meant.
fn next_marker<'a>(
    text: &'a str,
    markers: &ReasoningMarkers,
    is_open: bool,
) -> Option<(&'a str, Marker, &'a str)> {
    let ReasoningMarkers { start, end } = markers;
    let at_start = cut(text, start).filter(|_| !is_open);
    let at_end = cut(text, end);
    let starts_first = match (at_start, at_end) {
        (Some((a, _)), Some((b, _))) => {
            a.len() < b.len() || (a.len() == b.len() && start.len() >= end.len())
        }
        (at_start, _) => at_start.is_some(),
    };
    if starts_first {
        at_start.map(|(before, after)| (before, Marker::Start, after))
    } else {
        at_end.map(|(before, after)| (before, Marker::End, after))
    }
}

fn cut<'a>(text: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    if marker.is_empty() {
        return None;
    }
    text.split_once(marker)
}

fn join(parts: &[Part<'_>], is_thought: bool) -> String {
    let chosen = parts.iter().filter(|part| part.is_thought == is_thought);
    let trimmed = chosen.map(|part| part.text.trim());
    let full: Vec<&str> = trimmed.filter(|text| !text.is_empty()).collect();
    full.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn markers() -> ReasoningMarkers {
        ReasoningMarkers::new("<think>", "</think>")
    }

    #[track_caller]
    fn check(text: &str, is_cut: bool, thought: &str, answer: &str, is_truncated: bool) {
        let expected = Split {
            thought: (!thought.is_empty()).then(|| thought.to_owned()),
            answer: answer.to_owned(),
            is_truncated,
        };
        assert_eq!(split(text.to_owned(), Some(&markers()), is_cut), expected);
    }

    #[test]
    fn a_thought_is_taken_out() {
        check("<think>T</think>A", false, "T", "A", false);
        check(" <think>\nT \n</think>\n\n A \n", true, "T", "A", false);
        check("<think></think>A", false, "", "A", false);
        check("<think>T</think>", false, "T", "", false);
        check("A<think>T</think>", false, "T", "A", false);
    }

    #[test]
    fn the_opening_marker_may_be_missing() {
        check("T</think>A", false, "T", "A", false);
        check("</think>A", false, "", "A", false);
    }

    #[test]
    fn the_closing_marker_may_be_missing() {
        check("<think>T", true, "T", "", true);
        check("<think>T", false, "T", "", true);
        check("<think>", true, "", "", true);
        check("<think>T</think>A<think>U", true, "T\nA\nU", "", true);
    }

    #[test]
    fn a_cut_text_without_markers_is_thought() {
        check(" T ", true, "T", "", true);
        check(" A ", false, "", " A ", false);
    }

    #[test]
    fn several_thoughts_and_thoughts_in_thoughts() {
        check(
            "<think>T</think>A<think>U</think>B",
            false,
            "T\nU",
            "A\nB",
            false,
        );
        check("<think>T<think>U</think>A", false, "T<think>U", "A", false);
        check(
            "<think>T<think>U</think>V</think>A",
            false,
            "T<think>U\nV",
            "A",
            false,
        );
        check("T<think>U</think>V</think>A", false, "T\nU\nV", "A", false);
    }

    #[test]
    fn without_markers_nothing_is_touched() {
        let text = " <think>T</think> A ".to_owned();
        assert_eq!(split(text.clone(), None, true), untouched(text.clone()));
        let none = ReasoningMarkers::new("", "");
        assert_eq!(split(text.clone(), Some(&none), false), untouched(text));
    }

    #[test]
    fn equal_markers_take_turns() {
        let bars = ReasoningMarkers::new("||", "||");
        let split = split("||T||A".to_owned(), Some(&bars), false);
        assert_eq!((split.thought.as_deref(), &*split.answer), (Some("T"), "A"));
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("<think>".to_owned()),
            Just("</think>".to_owned()),
            "[ a-zé字\u{301}\n<>/]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn every_text_comes_apart(
            pieces in proptest::collection::vec(piece(), 0..12),
            is_cut: bool,
        ) {
            let text = pieces.concat();
            let split = split(text.clone(), Some(&markers()), is_cut);
            prop_assert!(!split.answer.contains("<think>"));
            prop_assert!(!split.answer.contains("</think>"));
            prop_assert!(!split.is_truncated || split.answer.is_empty());
            // Nothing is made up, nothing is lost but markers and white space.
            let letters = |text: &str| {
                let mut letters: Vec<char> =
                    text.chars().filter(|c| !c.is_whitespace()).collect();
                letters.sort_unstable();
                letters
            };
            let bare = |text: &str| letters(&text.replace("<think>", "").replace("</think>", ""));
            let thought = split.thought.unwrap_or_default();
            prop_assert_eq!(bare(&text), letters(&[bare(&thought).iter().collect::<String>(), split.answer].concat()));
        }

        #[test]
        fn a_closed_thought_never_changes_the_answer(thought in "[a-zé \n]{0,20}", answer in "[a-z字 \n]{0,20}") {
            for text in [format!("<think>{thought}</think>{answer}"), format!("{thought}</think>{answer}")] {
                let split = split(text, Some(&markers()), false);
                prop_assert_eq!(&split.answer, answer.trim());
                prop_assert_eq!(split.thought.unwrap_or_default(), thought.trim());
                prop_assert!(!split.is_truncated);
            }
        }
    }
}
