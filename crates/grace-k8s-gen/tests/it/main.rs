//! The crate from outside: configuration in, manifests and breaches out.

#[cfg(test)]
mod config;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod broken;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod set;
