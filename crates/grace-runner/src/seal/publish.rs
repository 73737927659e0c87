//! Moving a full set of sealed files to its place, so that one set wins and no two mix.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use grace_core::ExperimentId;
use grace_core::layout::{MANIFEST, METADATA, ReplicationLayout, SealedLayout};
use grace_core::metadata::Metadata;

use super::metadata_bytes;
use crate::durable::{
    Attempted, FileError, Lock, copy, create_folder, rename, replace, sync_folder,
};

/// Publishes the set made in `own`; false if another process was first.
pub(crate) fn publish(layout: &ReplicationLayout, own: &SealedLayout) -> Result<bool, FileError> {
    let _lock = lock(layout)?;
    if layout.manifest().exists() {
        return Ok(false);
    }
    let sealing = layout.sealing();
    let won = match fs::rename(own.folder(), sealing.folder()) {
        Ok(()) => true,
        // A set that another process could not finish moving is in the way: it was first.
        Err(_) if sealing.folder().exists() => false,
        Err(error) => return Err(FileError::new("renaming to", sealing.folder(), error)),
    };
    sync_folder(layout.folder())?;
    move_to_place(layout)?;
    Ok(won)
}

/// Finishes a publication that a crash interrupted; tells whether the replication is sealed.
pub(crate) fn finish_publication(layout: &ReplicationLayout) -> Result<bool, FileError> {
    if layout.sealing().folder().exists() {
        let _lock = lock(layout)?;
        move_to_place(layout)?;
    }
    Ok(layout.manifest().exists())
}

/// Puts `metadata.json` in place, unless the replication is sealed; tells whether it did.
pub(crate) fn replace_metadata(
    layout: &ReplicationLayout,
    metadata: &Metadata,
) -> Result<bool, FileError> {
    let _lock = lock(layout)?;
    if layout.manifest().exists() || layout.sealing().folder().exists() {
        return Ok(false);
    }
    replace(&layout.metadata(), &metadata_bytes(metadata))?;
    Ok(true)
}

/// Copies the sealed records of an experiment to a file of the user's choice, which is replaced at once.
///
/// # Errors
///
/// Returns [`FileError`] if either file cannot be used.
pub fn export_records(
    layout: &ReplicationLayout,
    experiment: &ExperimentId,
    to: &Path,
) -> Result<(), FileError> {
    let from = layout.sealed().records(experiment);
    copy(&from, to)
}

fn lock(layout: &ReplicationLayout) -> Result<Lock, FileError> {
    create_folder(&layout.attempts())?;
    Lock::acquire(&layout.lock())
}

fn move_to_place(layout: &ReplicationLayout) -> Result<(), FileError> {
    let (from, to) = (layout.sealing(), layout.sealed());
    if !from.folder().exists() {
        return Ok(());
    }
    if !layout.manifest().exists() {
        let manifest = from.file(MANIFEST);
        let text = fs::read_to_string(&manifest).attempted("reading", &manifest)?;
        let named = text.lines().filter_map(|line| line.split_once("  "));
        let (description, records): (Vec<&str>, Vec<&str>) = named
            .map(|(_, name)| name)
            .partition(|name| *name == METADATA);
        // The description says `complete`, so it comes after what it describes.
        for name in records.into_iter().chain(description) {
            move_file(&from.file(name), &to.file(name))?;
        }
        move_file(&manifest, &layout.manifest())?;
    }
    match fs::remove_dir_all(from.folder()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(FileError::new("removing", from.folder(), error))
        }
        _ => Ok(()),
    }
}

/// Moves a file that may have been moved before, by this process before a crash or by another one now.
fn move_file(from: &Path, to: &Path) -> Result<(), FileError> {
    match rename(from, to) {
        Err(error) if error.source.kind() == ErrorKind::NotFound && to.exists() => Ok(()),
        moved => moved,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const FILES: [&str; 3] = ["a.json", "b.json", "metadata.json"];

    fn set(layout: &ReplicationLayout, attempt: &str) -> SealedLayout {
        let own = layout.attempt(attempt).sealed();
        create_folder(own.folder()).unwrap();
        for name in FILES {
            fs::write(own.file(name), attempt).unwrap();
        }
        let lines = FILES.map(|name| format!("{}  {name}\n", "0".repeat(64)));
        fs::write(own.file(MANIFEST), lines.concat()).unwrap();
        own
    }

    fn check_sealed(layout: &ReplicationLayout, by: &str) {
        for name in FILES {
            assert_eq!(
                fs::read_to_string(layout.sealed().file(name)).unwrap(),
                by,
                "{name}"
            );
        }
        assert!(layout.manifest().exists());
        assert!(!layout.sealing().folder().exists());
    }

    #[test]
    fn the_first_set_stands_whole() {
        let folder = TempDir::new().unwrap();
        let layout = ReplicationLayout::at(folder.path());
        let (first, second) = (set(&layout, "first"), set(&layout, "second"));
        assert!(publish(&layout, &first).unwrap());
        assert!(!publish(&layout, &second).unwrap());
        check_sealed(&layout, "first");
    }

    #[test]
    fn a_publication_cut_after_any_step_is_finished_with_the_same_set() {
        for moved in 0..=FILES.len() {
            let folder = TempDir::new().unwrap();
            let layout = ReplicationLayout::at(folder.path());
            let (first, second) = (set(&layout, "first"), set(&layout, "second"));
            fs::rename(first.folder(), layout.sealing().folder()).unwrap();
            for name in &FILES[..moved] {
                fs::rename(layout.sealing().file(name), layout.sealed().file(name)).unwrap();
            }
            if moved % 2 == 0 {
                assert!(finish_publication(&layout).unwrap());
            } else {
                assert!(!publish(&layout, &second).unwrap());
            }
            check_sealed(&layout, "first");
        }
    }

    #[test]
    fn nothing_is_sealed_before_a_set_is_complete() {
        let folder = TempDir::new().unwrap();
        let layout = ReplicationLayout::at(folder.path());
        set(&layout, "first");
        assert!(!finish_publication(&layout).unwrap());
    }
}
