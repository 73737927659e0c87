//! Finding columns by name, fast where they come in the usual order.

use std::collections::BTreeMap;

/// The columns of a file with a place that is tried first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
    next: usize,
}

impl Cursor {
    /// A cursor over these columns.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut cursor = Self::default();
        for name in names {
            cursor.add(name);
        }
        cursor
    }

    /// Adds a column at the end; its place.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        let place = self.names.len();
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        self.next = place + 1;
        place
    }

    /// The place of a column. The one behind the last that was found is tried first.
    pub(crate) fn find(&mut self, name: &str) -> Option<usize> {
        let place = match self.names.get(self.next) {
            Some(next) if next == name => self.next,
            _ => *self.places.get(name)?,
        };
        self.next = place + 1;
        Some(place)
    }

    /// The names in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}
