//! Tar archives (POSIX ustar) in memory: files of root, from 1970, in the order they are added.

/// An archive that files are added to.
#[derive(Debug, Default)]
pub(super) struct Archive(Vec<u8>);

const BLOCK: usize = 512;

impl Archive {
    /// Adds a file; `path` has at most 100 bytes.
    pub(super) fn add(&mut self, path: &str, mode: u32, content: &[u8]) {
        let mut header = [0_u8; BLOCK];
        let mut put =
            |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", content.len()));
        put(136, "00000000000");
        // The sum of all bytes of the header, these eight taken for spaces.
        put(148, "        ");
        put(156, "0");
        put(257, "ustar");
        put(263, "00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend(header);
        self.0.extend(content);
        let padded = self.0.len().next_multiple_of(BLOCK);
        self.0.resize(padded, 0);
    }

    /// The archive, with the two empty blocks that end it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn tar_reads_what_was_written() {
        let mut archive = Archive::default();
        archive.add("a/b", 0o755, b"hello");
        archive.add("c", 0o644, &[7; 1000]);
        let mut tar = Command::new("tar")
            .arg("-tvf-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin
            .take()
            .unwrap()
            .write_all(&archive.finish())
            .unwrap();
        let done = tar.wait_with_output().unwrap();
        let listed = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success());
        let lines: Vec<Vec<&str>> = listed
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            (lines[0][0], lines[0][2], lines[0][5]),
            ("-rwxr-xr-x", "5", "a/b")
        );
        assert_eq!(
            (lines[1][0], lines[1][2], lines[1][5]),
            ("-rw-r--r--", "1000", "c")
        );
    }
}
