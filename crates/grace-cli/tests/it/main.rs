//! The command `grace-cli`, run as users run it, against simulated servers on loopback.
//!
//! A test's server lives in the test's own process; the command is always the real binary.

#[cfg(test)]
mod cluster_lab;
#[cfg(test)]
mod command;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod managed;
#[cfg(test)]
mod server;
#[cfg(test)]
mod study;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod volume;

#[cfg(test)]
mod aggregate;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod doctor;
mod doctor_storage;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod help;
#[cfg(test)]
mod icc;
#[cfg(test)]
mod icc_reference;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod launch;
#[cfg(test)]
mod launch_ends;
#[cfg(test)]
mod launch_faults;
#[cfg(test)]
mod manifest_mistakes;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod no_orphan;
#[cfg(test)]
mod on_terminal;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod report;
#[cfg(test)]
mod run;
#[cfg(test)]
mod score_record;
#[cfg(test)]
mod score_refusals;
#[cfg(test)]
mod score_reuse;
#[cfg(test)]
mod scores;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod server_death;
#[cfg(test)]
mod supervise;
#[cfg(test)]
mod together;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod way_to_cluster;
#[cfg(test)]
mod whole_flow;
