//! Reading sealed records one by one, so that a file need not fit into memory.

use std::fs::File;
use std::io::BufReader;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

/// A file of records that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    #[error(transparent)]
    Unopened(std::io::Error),
    #[error(transparent)]
    Unreadable(serde_json::Error),
}

/// Gives `each` record of the array in `path`, as far as it can be read.
pub(crate) fn each_record<T: for<'de> Deserialize<'de>>(
    path: &Path,
    each: impl FnMut(T),
) -> Result<(), RecordsError> {
    let file = File::open(path).map_err(RecordsError::Unopened)?;
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 18, file));
    let records = Records {
        each,
        record: PhantomData,
    };
    let read = records.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(RecordsError::Unreadable)
}

/// Visits an array element by element.
struct Records<T, F> {
    each: F,
    record: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Records<T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Records<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut records: A) -> Result<(), A::Error> {
        while let Some(record) = records.next_element()? {
            (self.each)(record);
        }
        Ok(())
    }
}
