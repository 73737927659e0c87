//! Disks that are full or read-only. Mounting takes root; without it, these tests say that they check nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::folder::{contents, copy, count, sealed};
use crate::server::Server;
use crate::study::{Study, replication_in};

/// A small file system in memory, unmounted when dropped.
struct Disk {
    mounted: TempDir,
}

impl Disk {
    /// `None` if this user may not mount.
    fn of(kibibytes: u32) -> Option<Self> {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout != b"0\n" {
            println!("not checked: only root may mount a small disk");
            return None;
        }
        let disk = Self {
            mounted: TempDir::new().unwrap(),
        };
        let size = format!("size={kibibytes}k");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], disk.path());
        Some(disk)
    }

    fn path(&self) -> &Path {
        self.mounted.path()
    }

    fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], self.path());
    }

    /// Fills it up to the last `free` KiB.
    fn fill(&self, free: usize) -> PathBuf {
        let filler = self.path().join("filler");
        let mut kibibytes = 0;
        // Pages are of 4 KiB.
        while fs::write(&filler, vec![0; (kibibytes + 4) << 10]).is_ok() {
            kibibytes += 4;
        }
        fs::write(&filler, vec![0; kibibytes.saturating_sub(free) << 10]).unwrap();
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nothing else can be done about a failure here.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[track_caller]
fn mount(args: &[&str], at: &Path) {
    let output = Command::new("mount").args(args).arg(at).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mount {args:?}: {said}");
}

#[test]
fn a_disk_that_fills_up_while_asking_ends_the_attempt_and_loses_nothing() {
    let Some(disk) = Disk::of(256) else { return };
    let study = Study::new(100);
    let server = Server::plain();
    let ended = study.replicate_into(disk.path(), &server.url()).run();
    let journal = "study1_exp1.jsonl";
    ended.exits(75).says(&[
        disk.path().to_str().unwrap(),
        journal,
        "No space left on device",
        "free some space",
    ]);
    disk.remount("size=8m");
    study
        .replicate_into(disk.path(), &server.url())
        .run()
        .exits(0);
    let replication = replication_in(disk.path(), 0);
    assert_eq!(sealed(&replication), study.undisturbed());
    let answers = server.counts().generations;
    assert!(
        answers < 500,
        "{answers} requests: answers were asked again"
    );
}

#[test]
fn a_disk_that_is_full_at_any_moment_damages_nothing() {
    let Some(disk) = Disk::of(1024) else { return };
    let study = Study::new(40);
    let undisturbed = study.undisturbed();
    let server = Server::plain();
    let unsealed = TempDir::new().unwrap();
    let mut running = study.replicate_into(unsealed.path(), &server.url()).start();
    assert!(running.says("[7/7]") && running.kill());

    for free in [0, 4, 8, 12, 16, 24, 32, 48, 64, 96] {
        let results = disk.path().join(format!("with-{free}"));
        copy(unsealed.path(), &results);
        let filler = disk.fill(free);
        study
            .replicate_into(&results, &server.url())
            .run()
            .exits(75)
            .says(&[results.to_str().unwrap(), "free some space"]);
        fs::remove_file(filler).unwrap();
        study.replicate_into(&results, &server.url()).run().exits(0);
        let replication = replication_in(&results, 0);
        assert!(sealed(&replication) == undisturbed, "with {free} KiB free");
        assert_eq!(count(&replication, "damaged_lines"), 0);
        fs::remove_dir_all(results).unwrap();
    }
}

#[test]
fn a_read_only_disk_is_named_and_nothing_is_asked() {
    let Some(disk) = Disk::of(4096) else { return };
    let study = Study::new(5);
    let server = Server::plain();
    let replicate = || study.replicate_into(disk.path(), &server.url());
    let refused = || {
        replicate().run().exits(42).says(&[
            disk.path().to_str().unwrap(),
            "Read-only file system",
            "choose a results folder that this user may write to",
        ]);
    };
    disk.remount("ro");
    refused();
    assert_eq!(server.counts().requests, 0);
    disk.remount("rw");
    let mut running = replicate().start();
    assert!(running.says("[7/7]") && running.kill());

    let (before, asked) = (contents(disk.path()), server.counts().requests);
    disk.remount("ro");
    refused();
    assert_eq!(contents(disk.path()), before);
    assert_eq!(server.counts().requests, asked);
    disk.remount("rw");
    replicate().run().exits(0);
    disk.remount("ro");
    replicate().run().exits(0).says(&["already complete"]);
    assert_eq!(sealed(&replication_in(disk.path(), 0)), study.undisturbed());
}
