//! What is missing here of what is sealed there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use grace_core::Digest;
use grace_core::export::{FilePath, PathError, Replication, State};
use grace_core::layout::METADATA;

use super::error::CollectError;
use super::local::{Found, digest, look, remove};

/// A file that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) path: FilePath,
    pub(super) bytes: u64,
    /// What its content must be; journals are not sealed.
    pub(super) sha256: Option<Digest>,
    pub(super) is_manifest: bool,
}

/// What this run knows of files.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Files that are here and right.
    pub(super) right: BTreeSet<FilePath>,
    /// Files whose content on the cluster is not what was sealed.
    pub(super) damaged: BTreeSet<FilePath>,
    /// Files that this run brought, with their bytes.
    pub(super) brought: BTreeMap<FilePath, u64>,
}

impl Known {
    /// How much this run has found out by receiving.
    pub(super) fn count(&self) -> usize {
        self.brought.len() + self.damaged.len()
    }

    /// Whether nothing came since it was so much.
    pub(super) fn is_as_before(&self, count: usize) -> bool {
        self.count() == count
    }
}

/// The files of a sealed replication in the order in which they are sent: journals, records, description, manifest.
pub(super) fn files(replication: &Replication) -> Result<Vec<Wanted>, PathError> {
    let State::Sealed {
        manifest,
        files,
        attempts,
    } = &replication.state
    else {
        return Ok(Vec::new());
    };
    let (model, index) = (&replication.model, replication.index);
    let mut wanted = Vec::new();
    for it in attempts {
        wanted.push(Wanted {
            path: FilePath::attempt(model, index, &it.attempt, &it.name)?,
            bytes: it.bytes,
            sha256: None,
            is_manifest: false,
        });
    }
    // The description says `complete`, so it comes after what it describes.
    let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|it| it.name == METADATA);
    for (it, is_manifest) in first
        .into_iter()
        .chain(last)
        .map(|it| (it, false))
        .chain([(manifest, true)])
    {
        wanted.push(Wanted {
            path: FilePath::sealed(model, index, &it.name)?,
            bytes: it.bytes,
            sha256: Some(it.sha256),
            is_manifest,
        });
    }
    Ok(wanted)
}

/// How a file here stands to the one there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Right,
    Missing,
    Differs,
}

/// Sealed files by content. Journals by size: they got their name once their content had been checked.
fn standing(path: &Path, wanted: &Wanted) -> Result<Standing, CollectError> {
    Ok(match (look(path)?, wanted.sha256) {
        (Found::File { bytes }, None) if bytes == wanted.bytes => Standing::Right,
        // A journal has grown since, in the folder of the one process that writes it.
        (Found::Nothing, _) | (Found::File { .. }, None) => Standing::Missing,
        (Found::File { bytes }, Some(sha256))
            if bytes == wanted.bytes && digest(path)? == sha256 =>
        {
            Standing::Right
        }
        _ => Standing::Differs,
    })
}

/// What is to be sent of `files`, those of one replication; files that differ go to `differing` unless they may be replaced.
///
/// If anything of it is to be sent, so is its manifest.
pub(super) fn missing(
    out: &Path,
    files: Vec<Wanted>,
    known: &mut Known,
    (replace, differing): (bool, &mut Vec<PathBuf>),
) -> Result<Vec<Wanted>, CollectError> {
    if files.iter().any(|it| known.damaged.contains(&it.path)) {
        return Ok(Vec::new());
    }
    let (mut wanted, mut manifest) = (Vec::new(), None);
    for file in files {
        if known.right.contains(&file.path) {
            continue;
        }
        let path = file.path.under(out);
        match standing(&path, &file)? {
            Standing::Right if file.is_manifest => manifest = Some(file),
            Standing::Right => {
                known.right.insert(file.path);
            }
            Standing::Differs if !replace || look(&path)? == Found::Other => differing.push(path),
            Standing::Missing | Standing::Differs => wanted.push(file),
        }
    }
    match manifest {
        Some(manifest) if wanted.is_empty() => {
            known.right.insert(manifest.path);
        }
        Some(manifest) => wanted.push(manifest),
        None => {}
    }
    Ok(wanted)
}

/// Takes the manifests of those replications away of which files will come: one with a manifest is whole.
pub(super) fn open_up(out: &Path, wanted: &[Wanted]) -> Result<(), CollectError> {
    for manifest in wanted.iter().filter(|it| it.is_manifest) {
        remove(&manifest.path.under(out))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use grace_core::export::{AttemptFile, SealedFile};
    use std::fs;

    fn sealed(name: &str, text: &str) -> SealedFile {
        SealedFile {
            name: name.to_owned(),
            bytes: text.len() as u64,
            sha256: Digest::of(text.as_bytes()),
        }
    }

    fn replication() -> Replication {
        Replication {
            model: "tiny".parse().unwrap(),
            index: 0,
            state: State::Sealed {
                manifest: sealed("MANIFEST.sha256", "m"),
                files: vec![sealed("metadata.json", "d"), sealed("x.json", "x")],
                attempts: vec![AttemptFile {
                    attempt: String::from("a"),
                    name: String::from("x.jsonl"),
                    bytes: 2,
                }],
            },
        }
    }

    fn put(out: &Path, path: &str, text: &str) {
        let path = out.join("tiny/replication-0").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Names of what is wanted, and how many files differ.
    fn check(out: &Path, replace: bool) -> (Vec<String>, usize) {
        let (mut known, mut differing) = (Known::default(), Vec::new());
        let files = files(&replication()).unwrap();
        let wanted = missing(out, files, &mut known, (replace, &mut differing)).unwrap();
        if differing.is_empty() {
            open_up(out, &wanted).unwrap();
        }
        let names = wanted.iter().map(|it| it.path.name().to_owned()).collect();
        (names, differing.len())
    }

    #[test]
    fn all_is_wanted_with_the_manifest_last_and_the_description_before_it() {
        let out = tempfile::TempDir::new().unwrap();
        let (wanted, _) = check(out.path(), false);
        assert_eq!(
            wanted,
            ["x.jsonl", "x.json", "metadata.json", "MANIFEST.sha256"]
        );
    }

    #[test]
    fn what_is_right_is_not_wanted() {
        let out = tempfile::TempDir::new().unwrap();
        for (path, text) in [
            ("x.json", "x"),
            ("metadata.json", "d"),
            ("attempts/a/x.jsonl", "12"),
            ("MANIFEST.sha256", "m"),
        ] {
            assert_ne!(check(out.path(), false).0, Vec::<String>::new());
            put(out.path(), path, text);
        }
        assert_eq!(check(out.path(), false), (vec![], 0));
    }

    #[test]
    fn a_replication_that_lacks_a_file_is_not_whole_until_its_manifest_comes_again() {
        let out = tempfile::TempDir::new().unwrap();
        put(out.path(), "metadata.json", "d");
        put(out.path(), "attempts/a/x.jsonl", "12");
        put(out.path(), "MANIFEST.sha256", "m");
        assert_eq!(
            check(out.path(), false),
            (vec!["x.json".into(), "MANIFEST.sha256".into()], 0)
        );
        assert!(
            !out.path()
                .join("tiny/replication-0/MANIFEST.sha256")
                .exists()
        );
    }

    #[test]
    fn a_file_that_differs_is_left_alone_unless_it_may_be_replaced() {
        let out = tempfile::TempDir::new().unwrap();
        put(out.path(), "x.json", "y");
        put(out.path(), "MANIFEST.sha256", "other");
        let (_, differing) = check(out.path(), false);
        assert_eq!(differing, 2);
        assert!(
            out.path()
                .join("tiny/replication-0/MANIFEST.sha256")
                .exists()
        );
        let (wanted, differing) = check(out.path(), true);
        assert_eq!((wanted.len(), differing), (4, 0));
        assert!(
            !out.path()
                .join("tiny/replication-0/MANIFEST.sha256")
                .exists()
        );
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_never_replaced() {
        let out = tempfile::TempDir::new().unwrap();
        put(out.path(), "x.json/inner", "y");
        assert_eq!(check(out.path(), true).1, 1);
    }

    #[test]
    fn a_journal_that_has_grown_is_sent_again() {
        let out = tempfile::TempDir::new().unwrap();
        put(out.path(), "attempts/a/x.jsonl", "1");
        assert_eq!(check(out.path(), false).0.len(), 4);
        put(out.path(), "attempts/a/x.jsonl", "12");
        assert_eq!(check(out.path(), false).0.len(), 3);
    }
}
