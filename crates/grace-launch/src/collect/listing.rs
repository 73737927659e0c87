//! What the pod says is there.

use grace_core::export::{Line, Replication, SCHEMA, Volume};

use super::error::CollectError;
use crate::exec::Exec;

/// The longest line: a replication with some thousand attempts.
const LONGEST: usize = 16 << 20;

/// A list that was heard to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) volume: Volume,
    pub(super) replications: Vec<Replication>,
}

/// Hears a list to its end, from a command in `pod`.
pub(super) async fn heard(pod: &str, mut exec: Exec) -> Result<Listing, CollectError> {
    let failed = |source| CollectError::Exec {
        pod: pod.to_owned(),
        source,
    };
    let misunderstood = |what| CollectError::Answer {
        pod: pod.to_owned(),
        what,
    };
    let mut list = ListReader::default();
    while let Some(piece) = exec.next().await.map_err(failed)? {
        list.take(&piece).map_err(misunderstood)?;
    }
    list.finish().map_err(misunderstood)
}

/// Takes a list as it comes, in pieces that end anywhere.
#[derive(Debug, Default)]
pub(super) struct ListReader {
    rest: Vec<u8>,
    volume: Option<Volume>,
    replications: Vec<Replication>,
    ended: bool,
}

impl ListReader {
    /// Takes the next piece; an error says what is wrong with it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut pieces = bytes.split_inclusive(|&byte| byte == b'\n');
        if let Some(first) = pieces.next() {
            self.rest.extend_from_slice(first);
            self.line_if_whole()?;
        }
        for piece in pieces {
            self.rest.extend_from_slice(piece);
            self.line_if_whole()?;
        }
        if self.rest.len() > LONGEST {
            return Err(format!("a line of the list has over {LONGEST} bytes"));
        }
        Ok(())
    }

    fn line_if_whole(&mut self) -> Result<(), String> {
        if self.rest.last() != Some(&b'\n') {
            return Ok(());
        }
        let line = serde_json::from_slice(&self.rest);
        let line = line.map_err(|error| format!("a line of the list is none: {error}"))?;
        self.rest.clear();
        match line {
            Line::Volume(volume) if volume.schema != SCHEMA => Err(format!(
                "it speaks `{}`, expected `{SCHEMA}`",
                volume.schema
            )),
            Line::Volume(volume) => {
                self.volume = Some(volume);
                Ok(())
            }
            Line::Replication(replication) => {
                self.replications.push(replication);
                Ok(())
            }
            Line::End { replications } if replications == self.replications.len() as u64 => {
                self.ended = true;
                Ok(())
            }
            Line::End { replications } => Err(format!(
                "it listed {} replications and says that there are {replications}",
                self.replications.len()
            )),
            _ => Ok(()),
        }
    }

    /// The list, if it is whole.
    pub(super) fn finish(self) -> Result<Listing, String> {
        match self.volume {
            Some(volume) if self.ended && self.rest.is_empty() => Ok(Listing {
                volume,
                replications: self.replications,
            }),
            _ => Err(String::from("the list has no end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = concat!(
        r#"{"line":"volume","schema":"grace.export/v1","free_bytes":5,"total_bytes":9}"#,
        "\n",
        r#"{"line":"replication","model":"tiny","index":0,"state":"unsealed","why":"running"}"#,
        "\n",
        r#"{"line":"end","replications":1}"#,
        "\n"
    );

    fn read(pieces: &[&[u8]]) -> Result<Listing, String> {
        let mut reader = ListReader::default();
        for piece in pieces {
            reader.take(piece)?;
        }
        reader.finish()
    }

    #[test]
    fn the_list_is_the_same_wherever_pieces_end() {
        let whole = read(&[TEXT.as_bytes()]).unwrap();
        assert_eq!(whole.replications.len(), 1);
        for at in 0..TEXT.len() {
            let (a, b) = TEXT.as_bytes().split_at(at);
            assert_eq!(read(&[a, b]).unwrap(), whole, "{at}");
        }
    }

    #[test]
    fn a_list_that_was_cut_off_is_no_list() {
        for at in 0..TEXT.len() {
            assert!(read(&[&TEXT.as_bytes()[..at]]).is_err(), "{at}");
        }
    }

    #[test]
    fn another_version_and_a_wrong_count_are_refused() {
        let other = TEXT.replace("export/v1", "export/v9");
        assert!(
            read(&[other.as_bytes()])
                .unwrap_err()
                .contains("grace.export/v9")
        );
        let wrong = TEXT.replace("\"replications\":1", "\"replications\":2");
        assert!(
            read(&[wrong.as_bytes()])
                .unwrap_err()
                .contains("says that there are 2")
        );
    }
}
