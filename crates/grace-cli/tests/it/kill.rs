//! SIGKILL at random moments, restart, and the same sealed files.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::grace;
use crate::folder::{Sealed, contents, copy, sealed};
use crate::server::{Server, tiny};
use crate::study::{Study, replication_in};

/// `SplitMix64`: moments that are random and the same in every run.
struct Moments(u64);

impl Moments {
    fn below(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        limit.mul_f64((word >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// What is there after a kill is never half a result: with a manifest, all that it lists is in place.
#[track_caller]
fn check_whole_or_unsealed(replication: &Path, undisturbed: &Sealed) {
    if replication.join("MANIFEST.sha256").exists() {
        assert_eq!(sealed(replication), *undisturbed);
    }
}

#[track_caller]
fn check_finished(results: &Path, undisturbed: &Sealed) {
    assert_eq!(sealed(&replication_in(results, 0)), *undisturbed);
    grace(["verify".as_ref(), results]).run().exits(0);
}

/// Kills replications at random moments until `kills` kills have hit.
fn check_kills(seed: u64, kills: usize) {
    let study = Study::new(30);
    let undisturbed = study.undisturbed();
    // 90 requests, 4 at a time, 20 ms each: half a second of asking.
    let server = Server::start(tiny().with_latency(Duration::from_millis(20)).with_slots(4));
    let mut moments = Moments(seed);
    let (mut hits, mut replications) = (0, 0);
    while hits < kills {
        replications += 1;
        let results = TempDir::new().unwrap();
        loop {
            let mut running = study.replicate_into(results.path(), &server.url()).start();
            std::thread::sleep(moments.below(Duration::from_millis(600)));
            if running.has_ended() {
                running.wait(Duration::ZERO).exits(0);
                break;
            }
            hits += usize::from(running.kill());
            check_whole_or_unsealed(&replication_in(results.path(), 0), &undisturbed);
        }
        check_finished(results.path(), &undisturbed);
    }
    assert!(replications < kills, "most kills hit nothing");
}

#[test]
fn fifty_kills_at_random_moments_change_no_result() {
    check_kills(1, 50);
}

#[test]
fn fifty_other_kills_at_random_moments_change_no_result() {
    check_kills(2, 50);
}

/// How long it takes from the line of the last step to the end.
fn time_to_seal(study: &Study, unsealed: &Path, server: &Server) -> Duration {
    let results = TempDir::new().unwrap();
    copy(unsealed, results.path());
    let mut running = study.replicate_into(results.path(), &server.url()).start();
    assert!(running.says("[7/7]"));
    let begun = Instant::now();
    running.wait(Duration::from_mins(1)).exits(0);
    begun.elapsed()
}

#[test]
fn kills_while_sealing_change_no_result() {
    const KILLS: usize = 40;
    // A slow machine takes fewer, and none takes more of one replication: it would never be finished where
    // sealing takes longer than the moments allow.
    const FEWEST: usize = 10;
    const KILLS_OF_ONE: usize = 5;
    const ENOUGH: Duration = Duration::from_mins(1);
    let study = Study::new(100);
    let undisturbed = study.undisturbed();
    let server = Server::plain();
    let unsealed = TempDir::new().unwrap();
    let mut running = study.replicate_into(unsealed.path(), &server.url()).start();
    assert!(running.says("[7/7]"));
    assert!(running.kill(), "the end came before the kill");

    let sealing = time_to_seal(&study, unsealed.path(), &server);
    let mut moments = Moments(3);
    let mut hits = 0;
    let begun = Instant::now();
    while hits < KILLS && (hits < FEWEST || begun.elapsed() < ENOUGH) {
        let results = TempDir::new().unwrap();
        copy(unsealed.path(), results.path());
        for _ in 0..KILLS_OF_ONE {
            let mut running = study.replicate_into(results.path(), &server.url()).start();
            if !running.says("[7/7]") {
                // A kill came late enough for the result to stand.
                running.wait(Duration::from_secs(10)).exits(0);
                break;
            }
            std::thread::sleep(moments.below(sealing));
            hits += usize::from(running.kill());
            check_whole_or_unsealed(&replication_in(results.path(), 0), &undisturbed);
        }
        study
            .replicate_into(results.path(), &server.url())
            .run()
            .exits(0);
        check_finished(results.path(), &undisturbed);
    }
}

/// Puts sealed files back to where they are on their way to their place: all but the first `moved`.
fn move_back(replication: &Path, moved: usize) {
    let manifest = fs::read_to_string(replication.join("MANIFEST.sha256")).unwrap();
    let names: Vec<&str> = manifest
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .chain(["MANIFEST.sha256"])
        .collect();
    let sealing = replication.join(".sealing");
    fs::create_dir(&sealing).unwrap();
    for name in &names[moved..] {
        fs::rename(replication.join(name), sealing.join(name)).unwrap();
    }
}

#[test]
fn a_publication_cut_off_after_any_rename_is_finished_without_a_request() {
    let study = Study::new(3);
    let server = Server::plain();
    study.replicate(&server).run().exits(0);
    let replication = study.replication(0);
    let before = contents(&replication);
    let asked = server.counts().requests;
    for moved in 0..=4 {
        move_back(&replication, moved);
        study
            .replicate(&server)
            .run()
            .exits(0)
            .says(&["already complete"]);
        assert_eq!(contents(&replication), before, "after {moved} renames");
        assert!(!replication.join(".sealing").exists());
    }
    assert_eq!(server.counts().requests, asked);
}

#[test]
fn what_a_killed_process_wrote_aside_is_no_fault_of_the_sealed_replication() {
    let study = Study::new(3);
    let server = Server::plain();
    let replication = study.replication(0);
    fs::create_dir_all(&replication).unwrap();
    // Killed between writing aside and renaming.
    fs::write(
        replication.join(".metadata.json.00000000000012b7.tmp"),
        "{\n  \"sche",
    )
    .unwrap();
    study.replicate(&server).run().exits(0);
    check_finished(&study.results(), &study.undisturbed());
}
