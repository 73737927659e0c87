//! Text that goes into YAML and stays what it is, whatever is in it.

/// The longest line that a quoted text may become; beyond it, a block is easier to read and to compare.
const MOST_IN_LINE: usize = 60;

/// `text` as a YAML double-quoted scalar on one line.
///
/// Whatever YAML, JSON or a terminal could take for something else is escaped; so is all that readers of YAML 1.1 and
/// 1.2 disagree about.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_plain(c) => quoted.push(c),
            c => quoted.push_str(&escaped(c)),
        }
    }
    quoted.push('"');
    quoted
}

/// `text` for a value that Kubernetes expands: `$(NAME)` in commands, arguments and variables stays as it is.
pub(crate) fn unexpanded(text: &str) -> String {
    text.replace('$', "$$")
}

/// `text` as a block under a key that is indented by `indent` spaces, if it is long and every reader takes a block for
/// what it is; else [`quoted`].
pub(crate) fn block(text: &str, indent: usize) -> String {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    let ends_well = text.ends_with('\n') && !lines.ends_with('\n') && !lines.ends_with(' ');
    // A reader finds the indentation by the first line, so that must have some text and no space before it.
    let begins_well = lines.starts_with(|c: char| c != ' ' && c != '\n' && c != '\t');
    let has_tabs_or_odd = lines.chars().any(|c| c != '\n' && !is_plain(c));
    if text.len() <= MOST_IN_LINE || !ends_well || !begins_well || has_tabs_or_odd {
        return quoted(text);
    }
    let padding = " ".repeat(indent + 2);
    let mut block = String::with_capacity(text.len() * 2);
    block.push('|');
    for line in lines.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            block.push_str(&padding);
            block.push_str(line);
        }
    }
    block
}

/// Whether `c` needs no escape: printable in YAML 1.1 and 1.2, no break, no byte order mark.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202F}'..='\u{205F}' | '\u{2070}'..='\u{D7FF}')
}

fn escaped(c: char) -> String {
    let code = u32::from(c);
    if code <= 0xFFFF {
        format!("\\u{code:04X}")
    } else {
        format!("\\U{code:08X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_mean_something_is_escaped() {
        assert_eq!(quoted("a"), "\"a\"");
        assert_eq!(quoted("\"\\\n\t\r\0"), "\"\\\"\\\\\\n\\t\\r\\u0000\"");
        assert_eq!(
            quoted("\u{85}\u{2028}\u{FEFF}\u{1F600}\u{202E}"),
            "\"\\u0085\\u2028\\uFEFF\\U0001F600\\u202E\""
        );
        assert_eq!(quoted("{{x}} # yes: é"), "\"{{x}} # yes: é\"");
    }

    #[test]
    fn only_long_text_without_oddities_is_a_block() {
        let long = "a: 1\n\n  b, c\n".repeat(10);
        assert!(block(&long, 2).starts_with("|\n    a: 1\n\n      b, c\n    a: 1\n"));
        for odd in [
            String::from("short\n"),
            format!(" {long}"),
            format!("\n{long}"),
            long.trim_end().to_owned(),
            format!("{long}\n"),
            format!("{long} \n"),
            long.replace('b', "\t"),
            long.replace('\n', "\r\n"),
        ] {
            assert!(block(&odd, 2).starts_with('"'), "{odd}");
        }
    }
}
