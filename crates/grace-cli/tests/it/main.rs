//! The command `grace-cli`, run as users run it, against simulated servers on loopback.
//!
//! A test's server lives in the test's own process; the command is always the real binary.

#[cfg(test)]
mod command;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod server;
#[cfg(test)]
mod study;

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod together;
