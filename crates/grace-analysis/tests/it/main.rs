//! The crate from outside: small results folders, sealed as grace seals them, in; tables and rows out.

#[cfg(test)]
mod listeners;
#[cfg(test)]
mod sealed;

#[cfg(test)]
mod aggregate;
#[cfg(test)]
mod completeness;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod icc;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod report;
#[cfg(test)]
mod types;
