//! `MANIFEST.sha256`: the digests of sealed files.

use grace_core::Digest;
use grace_core::layout::MANIFEST;

/// Names and digests in the order of the file.
///
/// # Errors
///
/// Returns what is wrong with each line that cannot be read.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Digest)>, Vec<String>> {
    let (mut listed, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let entry = line.split_once("  ");
        match entry.map(|(digest, name)| (Digest::try_from(digest.to_owned()), name)) {
            Some((Ok(digest), name)) if is_plain(name) => listed.push((name.to_owned(), digest)),
            _ => wrong.push(format!(
                "line {} is not a digest and a file name",
                number + 1
            )),
        }
    }
    if listed.is_empty() && wrong.is_empty() {
        wrong.push(String::from("is empty"));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        wrong.push(String::from("is cut off: its last line does not end"));
    }
    if wrong.is_empty() {
        Ok(listed)
    } else {
        Err(wrong)
    }
}

/// Whether it is a file of the folder itself.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != MANIFEST && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_digests_and_names() {
        let digest = Digest::of(b"");
        let text = format!("{digest}  a.json\n{digest}  metadata.json\n");
        assert_eq!(
            parse(&text).unwrap()[1],
            (String::from("metadata.json"), digest)
        );
        for wrong in [
            String::new(),
            format!("{digest}  a.json"),
            format!("{digest}  ../a.json\n"),
            format!("{digest}0  a.json\n"),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }
}
