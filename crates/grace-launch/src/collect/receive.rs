//! The stream's end: tar entries become files, checked while they are written.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use grace_core::Digest;
use grace_core::export::{CONTENT, DIGEST, END, FAILED, FilePath};
use tokio::sync::mpsc::Receiver;

use super::Monitor;
use super::compare::{Known, Wanted};
use super::error::CollectError;
use super::local::{Found, Partial, digest, look};

/// The longest text in the stream: a digest, or why a file cannot be sent.
const LONGEST_TEXT: u64 = 4096;

/// What ends the taking of a stream early.
#[derive(Debug)]
pub(super) enum Fault {
    /// The stream ended before its end.
    Cut,
    /// The stream says what it may not.
    Answer(String),
    /// A file here cannot be written.
    Local(CollectError),
}

impl From<CollectError> for Fault {
    fn from(error: CollectError) -> Self {
        Self::Local(error)
    }
}

/// What came of a stream. Files that came right count also if it was cut.
pub(super) struct Received {
    pub(super) known: Known,
    /// Files that could not be sent, with why.
    pub(super) vanished: Vec<String>,
    pub(super) fault: Option<Fault>,
}

/// Takes one stream.
pub(super) struct Taker {
    pub(super) out: PathBuf,
    pub(super) wanted: BTreeMap<FilePath, Wanted>,
    pub(super) known: Known,
    pub(super) monitor: Arc<dyn Monitor>,
}

impl Taker {
    /// Takes the stream that comes in pieces; blocks.
    pub(super) fn take(mut self, pieces: Receiver<Vec<u8>>) -> Received {
        let mut vanished = Vec::new();
        let stream = Pieces {
            from: pieces,
            piece: Vec::new(),
            at: 0,
        };
        let fault = self.entries(stream, &mut vanished).err();
        Received {
            known: self.known,
            vanished,
            fault,
        }
    }

    fn entries(&mut self, stream: Pieces, vanished: &mut Vec<String>) -> Result<(), Fault> {
        let mut archive = tar::Archive::new(stream);
        let mut partial: Option<(FilePath, Partial, u64)> = None;
        for entry in archive.entries().map_err(|error| broken(&error))? {
            let mut entry = entry.map_err(|error| broken(&error))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if name == END {
                return match partial {
                    None => Ok(()),
                    Some((path, ..)) => Err(Fault::Answer(format!("`{path}` has no digest"))),
                };
            }
            let (kind, path) = self.named(&name)?;
            match kind {
                CONTENT => partial = Some(self.content(path, &mut entry)?),
                DIGEST => {
                    let Some(whole) = partial.take().filter(|it| it.0 == path) else {
                        return Err(Fault::Answer(format!(
                            "a digest of `{path}` without its content"
                        )));
                    };
                    self.judge(whole, &text(&mut entry)?)?;
                }
                _ => vanished.push(format!("{path}: {}", text(&mut entry)?)),
            }
        }
        Err(Fault::Cut)
    }

    /// What an entry is, and which file it is about: one that was asked for.
    fn named(&self, name: &str) -> Result<(&'static str, FilePath), Fault> {
        let split = name.split_once('/');
        let kind = split
            .and_then(|(kind, _)| [CONTENT, DIGEST, FAILED].into_iter().find(|it| *it == kind));
        let path = split.and_then(|(_, path)| path.parse::<FilePath>().ok());
        match (kind, path) {
            (Some(kind), Some(path)) if self.wanted.contains_key(&path) => Ok((kind, path)),
            _ => {
                let name: String = name.chars().take(200).collect();
                Err(Fault::Answer(format!("`{name}` was not asked for")))
            }
        }
    }

    fn content(
        &self,
        path: FilePath,
        entry: &mut impl Read,
    ) -> Result<(FilePath, Partial, u64), Fault> {
        let mut partial = Partial::create(path.under(&self.out))?;
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        loop {
            let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
            if count == 0 {
                return Ok((path, partial, bytes));
            }
            partial.write(&buffer[..count])?;
            bytes += count as u64;
            self.monitor.received(count as u64);
        }
    }

    /// Keeps a file that is right. One that changed on the way is no file of anybody: the stream is broken.
    fn judge(
        &mut self,
        (path, partial, bytes): (FilePath, Partial, u64),
        sent: &str,
    ) -> Result<(), Fault> {
        let found = partial.digest();
        if Digest::try_from(sent.to_owned()) != Ok(found) {
            return Err(Fault::Answer(format!(
                "`{path}` has another digest here than in the pod"
            )));
        }
        let wanted = &self.wanted[&path];
        if wanted.sha256.is_some_and(|sealed| sealed != found) {
            self.known.damaged.insert(path);
            return Ok(());
        }
        if wanted.is_manifest {
            if !self.is_whole(&path) {
                return Ok(());
            }
            let wrong = self.contradicted(&path, &partial)?;
            if !wrong.is_empty() {
                self.known.damaged.extend(wrong);
                return Ok(());
            }
        }
        partial.keep()?;
        self.monitor.file(&path, bytes);
        self.known.right.insert(path.clone());
        self.known.brought.insert(path, bytes);
        Ok(())
    }

    fn contradicted(&self, manifest: &FilePath, partial: &Partial) -> Result<Vec<FilePath>, Fault> {
        let text = partial.text()?;
        Ok(not_as_sealed(&self.out, manifest, &text)?)
    }

    /// Whether all other wanted files of the manifest's replication are here.
    fn is_whole(&self, manifest: &FilePath) -> bool {
        let of_replication =
            |it: &&FilePath| it.model() == manifest.model() && it.index() == manifest.index();
        let mut others = self.wanted.keys().filter(of_replication);
        others.all(|it| it == manifest || self.known.right.contains(it))
    }
}

/// The files of a replication here that are not as its manifest says: the pod's list may say something else.
fn not_as_sealed(
    out: &Path,
    manifest: &FilePath,
    text: &str,
) -> Result<Vec<FilePath>, CollectError> {
    let mut wrong = Vec::new();
    for line in text.lines() {
        let named = line.split_once("  ").and_then(|(sealed, name)| {
            let path = FilePath::sealed(manifest.model(), manifest.index(), name).ok()?;
            Some((Digest::try_from(sealed.to_owned()).ok()?, path))
        });
        let Some((sealed, path)) = named else {
            return Ok(vec![manifest.clone()]);
        };
        let here = path.under(out);
        let is_there = matches!(look(&here)?, Found::File { .. });
        if !is_there || digest(&here)? != sealed {
            wrong.push(path);
        }
    }
    Ok(wrong)
}

fn text(entry: &mut impl Read) -> Result<String, Fault> {
    let mut text = String::new();
    let read = entry.take(LONGEST_TEXT).read_to_string(&mut text);
    read.map_err(|error| broken(&error))?;
    Ok(text)
}

/// A stream that ends early is cut; any other fault of it is one of the pod.
fn broken(error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Fault::Cut
    } else {
        Fault::Answer(format!("it is no tar stream: {error}"))
    }
}

/// Pieces of a stream, as a reader that blocks.
struct Pieces {
    from: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.from.blocking_recv() {
                Some(piece) => (self.piece, self.at) = (piece, 0),
                // A stream has an end of its own; this is none.
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let rest = &self.piece[self.at..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const X: &str = "tiny/replication-0/x.json";
    const MANIFEST: &str = "tiny/replication-0/MANIFEST.sha256";

    struct Nobody;
    impl Monitor for Nobody {}

    fn entry(archive: &mut tar::Builder<Vec<u8>>, name: &str, text: &str) {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }

    /// A stream of these files.
    fn stream(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, text) in files {
            entry(&mut archive, &format!("content/{path}"), text);
            entry(
                &mut archive,
                &format!("sha256/{path}"),
                &Digest::of(text.as_bytes()).to_string(),
            );
        }
        entry(&mut archive, "end", "");
        archive.into_inner().unwrap()
    }

    fn take(out: &Path, bytes: &[u8]) -> Received {
        let wanted = |path: &str, text: &str, is_manifest| Wanted {
            path: path.parse().unwrap(),
            bytes: text.len() as u64,
            sha256: Some(Digest::of(text.as_bytes())),
            is_manifest,
        };
        let wanted = [wanted(X, "[1]", false), wanted(MANIFEST, &manifest(), true)];
        take_wanted(out, wanted, bytes)
    }

    fn take_wanted(out: &Path, wanted: [Wanted; 2], bytes: &[u8]) -> Received {
        let taker = Taker {
            out: out.to_owned(),
            wanted: wanted.into_iter().map(|it| (it.path.clone(), it)).collect(),
            known: Known::default(),
            monitor: Arc::new(Nobody),
        };
        let (sender, receiver) = tokio::sync::mpsc::channel(1 << 10);
        for piece in bytes.chunks(100) {
            sender.blocking_send(piece.to_vec()).unwrap();
        }
        drop(sender);
        taker.take(receiver)
    }

    /// The manifest of X.
    fn manifest() -> String {
        format!("{}  x.json\n", Digest::of(b"[1]"))
    }

    #[test]
    fn a_manifest_that_says_something_else_than_the_list_makes_nothing_whole() {
        let text = format!("{}y.json  {}\n", manifest(), Digest::of(b"y"));
        let more = format!("{}{}  y.json\n", manifest(), Digest::of(b"y"));
        let other = format!("{}  x.json\n", Digest::of(b"[9]"));
        for (text, wrong) in [
            (text, MANIFEST),
            (more, "tiny/replication-0/y.json"),
            (other, X),
        ] {
            let out = TempDir::new().unwrap();
            let wanted = |path: &str, text: &str, is_manifest| Wanted {
                path: path.parse().unwrap(),
                bytes: text.len() as u64,
                sha256: Some(Digest::of(text.as_bytes())),
                is_manifest,
            };
            let wanted = [wanted(X, "[1]", false), wanted(MANIFEST, &text, true)];
            let received = take_wanted(
                out.path(),
                wanted,
                &stream(&[(X, "[1]"), (MANIFEST, &text)]),
            );
            assert!(received.fault.is_none(), "{:?}", received.fault);
            let damaged: Vec<String> = received
                .known
                .damaged
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(damaged, [wrong]);
            assert_eq!(names(out.path()), ["x.json"]);
        }
    }

    fn names(out: &Path) -> Vec<String> {
        let folder = out.join("tiny/replication-0");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_leaves_whole_files_or_none() {
        let bytes = stream(&[(X, "[1]"), (MANIFEST, &manifest())]);
        let last = bytes.len() - 1024;
        for at in (0..last).step_by(64) {
            let out = TempDir::new().unwrap();
            let received = take(out.path(), &bytes[..at]);
            let names = names(out.path());
            assert_eq!(names.len(), received.known.right.len(), "{at}: {names:?}");
            if at < last - 512 {
                assert!(
                    matches!(received.fault, Some(Fault::Cut)),
                    "{at}: {:?}",
                    received.fault
                );
            }
        }
        let out = TempDir::new().unwrap();
        assert!(take(out.path(), &bytes).fault.is_none());
        assert_eq!(names(out.path()), ["MANIFEST.sha256", "x.json"]);
    }

    #[test]
    fn a_file_that_is_not_what_was_sealed_is_not_kept_and_its_replication_not_whole() {
        let out = TempDir::new().unwrap();
        let received = take(out.path(), &stream(&[(X, "[2]"), (MANIFEST, &manifest())]));
        assert!(received.fault.is_none(), "{:?}", received.fault);
        assert_eq!(received.known.damaged.len(), 1);
        assert_eq!(names(out.path()), Vec::<String>::new());
    }

    #[test]
    fn what_was_not_asked_for_is_not_written() {
        for name in [
            "content/tiny/replication-0/y.json",
            "content/../../x",
            "x",
            "other/tiny/replication-0/x.json",
        ] {
            let out = TempDir::new().unwrap();
            let mut archive = tar::Builder::new(Vec::new());
            // `append_data` would refuse such a name.
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(0);
            header.set_cksum();
            archive.append(&header, &[][..]).unwrap();
            let received = take(out.path(), &archive.into_inner().unwrap());
            assert!(matches!(received.fault, Some(Fault::Answer(_))), "{name}");
            assert_eq!(names(out.path()), Vec::<String>::new());
        }
    }

    #[test]
    fn a_file_that_changed_on_the_way_is_not_kept() {
        let out = TempDir::new().unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        entry(&mut archive, &format!("content/{X}"), "[1]");
        entry(
            &mut archive,
            &format!("sha256/{X}"),
            &Digest::of(b"[9]").to_string(),
        );
        let received = take(out.path(), &archive.into_inner().unwrap());
        assert!(matches!(received.fault, Some(Fault::Answer(_))));
        assert_eq!(names(out.path()), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_tar_stream_is_said() {
        let out = TempDir::new().unwrap();
        let received = take(out.path(), &[b'x'; 2048]);
        assert!(
            matches!(received.fault, Some(Fault::Answer(_))),
            "{:?}",
            received.fault
        );
    }
}
