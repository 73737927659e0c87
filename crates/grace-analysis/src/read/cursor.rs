//! Finding columns by name, fast where they come in the usual order.

use std::collections::BTreeMap;

/// The columns of a file, with the column that came behind each the last time, which is tried first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
    /// By place; at first the next.
    behind: Vec<usize>,
    last: usize,
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
        self.behind.push(place + 1);
        self.last = place;
        place
    }

    /// The place of a column.
    pub(crate) fn find(&mut self, name: &str) -> Option<usize> {
        let expected = self.behind.get(self.last).copied().unwrap_or_default();
        let place = match self.names.get(expected) {
            Some(expected_name) if expected_name == name => expected,
            _ => {
                let place = *self.places.get(name)?;
                if let Some(behind) = self.behind.get_mut(self.last) {
                    *behind = place;
                }
                place
            }
        };
        self.last = place;
        Some(place)
    }

    /// The names in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_any_order() {
        let mut cursor = Cursor::new(["a", "b", "c", "d"]);
        for order in ["abcd", "dcba", "dcba", "acac", "bbbb", "abcd"] {
            let places = order.split("").filter(|name| !name.is_empty());
            let places: Option<Vec<usize>> = places.map(|name| cursor.find(name)).collect();
            let expected = order.bytes().map(|name| usize::from(name - b'a'));
            assert_eq!(places, Some(expected.collect()), "{order}");
        }
        assert_eq!(cursor.find("e"), None);
        assert_eq!((cursor.add("e"), cursor.find("e")), (4, Some(4)));
    }
}
