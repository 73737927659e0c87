//! Writing a journal: a thread of its own appends lines and makes them durable.
//!
//! Syncing blocks for milliseconds on a good disk and for seconds on a busy network
//! file system; requests must not wait for it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::durable::{FileError, sync_parent};
use crate::journal::JournalError;

/// A line is durable at most this long after it was appended, as far as the disk is able.
const SYNC_AFTER: Duration = Duration::from_millis(250);
/// Lines that come within this time are written together: waking up for each costs more than writing it.
const GATHER: Duration = Duration::from_millis(2);
/// Lines that wait for a slow disk hold at most about this much memory.
const MOST_WAITING_BYTES: usize = 4 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    lines: Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    thread: JoinHandle<Result<(), FileError>>,
}

/// What appends lines to an open journal.
#[derive(Debug, Clone)]
pub(crate) struct JournalHandle {
    lines: Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl JournalWriter {
    /// Creates the journal at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|source| FileError::new("creating", path, source))?;
        sync_parent(path)?;
        let (lines, received) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let journal = Journal {
            path: path.to_owned(),
            file,
            waiting: Arc::clone(&waiting),
        };
        let thread = std::thread::Builder::new()
            .name(String::from("journal"))
            .spawn(move || journal.work(received))
            .map_err(|source| FileError::new("starting a thread to write", path, source))?;
        Ok(Self {
            lines,
            waiting,
            thread,
        })
    }

    /// What appends lines.
    pub(crate) fn handle(&self) -> JournalHandle {
        JournalHandle {
            lines: self.lines.clone(),
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// Waits until every line is durable. All handles must be gone.
    pub(crate) fn finish(self) -> Result<(), JournalError> {
        drop(self.lines);
        let written = self.thread.join().map_err(|_| JournalError::WriterGone)?;
        Ok(written?)
    }
}

impl JournalHandle {
    /// Appends a line (with its line break). Waits while the disk is far behind.
    ///
    /// Fails once the journal cannot be written; [`JournalWriter::finish`] tells why.
    pub(crate) async fn append(&self, line: Vec<u8>) -> Result<(), JournalError> {
        while self.waiting.load(Ordering::Relaxed) > MOST_WAITING_BYTES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        self.lines.send(line).map_err(|_| JournalError::WriterGone)
    }
}

struct Journal {
    path: PathBuf,
    file: File,
    waiting: Arc<AtomicUsize>,
}

impl Journal {
    fn work(mut self, lines: Receiver<Vec<u8>>) -> Result<(), FileError> {
        let written = self.write_all(&lines);
        // Whoever waits for the disk to catch up must learn that it never will.
        drop(lines);
        self.waiting.store(0, Ordering::Relaxed);
        written
    }

    fn write_all(&mut self, lines: &Receiver<Vec<u8>>) -> Result<(), FileError> {
        let mut unsynced_since: Option<Instant> = None;
        let mut batch = Vec::new();
        loop {
            let line = match unsynced_since {
                None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => lines.recv_timeout(SYNC_AFTER.saturating_sub(since.elapsed())),
            };
            match line {
                Ok(line) => {
                    std::thread::sleep(GATHER);
                    batch.extend_from_slice(&line);
                    for line in lines.try_iter() {
                        batch.extend_from_slice(&line);
                    }
                    self.write(&batch)?;
                    batch.clear();
                    let since = *unsynced_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= SYNC_AFTER {
                        self.sync()?;
                        unsynced_since = None;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.sync()?;
                    unsynced_since = None;
                }
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
        }
    }

    fn write(&mut self, batch: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(batch);
        self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        written.map_err(|source| FileError::new("writing", &self.path, source))
    }

    fn sync(&mut self) -> Result<(), FileError> {
        let synced = self.file.sync_data();
        synced.map_err(|source| FileError::new("syncing", &self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn every_appended_line_is_in_the_file_when_it_is_finished() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.jsonl");
        let writer = JournalWriter::create(&path).unwrap();
        let handle = writer.handle();
        let lines: Vec<String> = (0..5000).map(|number| format!("line {number}\n")).collect();
        for line in &lines {
            handle.append(line.clone().into_bytes()).await.unwrap();
        }
        drop(handle);
        writer.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines.concat());
    }

    #[tokio::test]
    async fn a_disk_that_is_full_is_named_with_the_file() {
        // Every write to this device fails with "no space left".
        let writer = JournalWriter::create(Path::new("/dev/full")).unwrap();
        let handle = writer.handle();
        // More than may wait, so that the full disk is also one that others wait for.
        let line = vec![b'x'; MOST_WAITING_BYTES / 2];
        while handle.append(line.clone()).await.is_ok() {}
        drop(handle);
        let JournalError::File(error) = writer.finish().unwrap_err() else {
            panic!("expected an error of the file");
        };
        assert!(error.to_string().contains("/dev/full"), "{error}");
        assert!(error.is_transient());
        assert!(error.hint().unwrap().contains("free some space"));
    }
}
