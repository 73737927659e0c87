//! The configuration folder in `ConfigMaps`: packed, and named after what is in them.

use std::collections::BTreeMap;

use grace_core::digest::Hasher;
use grace_core::{Problem, Problems};
use serde::Serialize;

/// The most bytes that a `ConfigMap` may hold, and some room for its keys.
const MOST_BYTES: usize = (1 << 20) - (16 << 10);
/// Digits of the digest that a name ends with.
const DIGITS: usize = 10;

/// A `ConfigMap` to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Packed {
    /// Its name.
    pub(crate) name: String,
    /// Its files.
    pub(crate) files: Vec<PackedFile>,
}

/// A file in a `ConfigMap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PackedFile {
    /// The key, which has no `/`.
    pub(crate) key: String,
    /// The path that a pod sees it at.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

/// Packs `files` into as few `ConfigMaps` as hold them in order; `prefix` begins their names.
///
/// # Errors
///
/// Returns each file that is too large, or whose name cannot be a key.
pub(crate) fn pack(
    prefix: &str,
    files: &BTreeMap<String, String>,
) -> Result<Vec<Packed>, Problems> {
    let mut problems = Problems::new();
    let mut groups: Vec<Vec<PackedFile>> = Vec::new();
    let mut room = 0;
    for (path, text) in files {
        let key = path.replace('/', "__");
        let size = key.len() + text.len();
        if let Some(message) = refusal(&key, size) {
            problems.push(Problem::new(path, message));
            continue;
        }
        if size > room || groups.is_empty() {
            groups.push(Vec::new());
            room = MOST_BYTES;
        }
        room -= size;
        if let Some(group) = groups.last_mut() {
            group.push(PackedFile {
                key,
                path: path.clone(),
                text: text.clone(),
            });
        }
    }
    let name = named(prefix, files);
    let single = groups.len() == 1;
    let packed = groups
        .into_iter()
        .enumerate()
        .map(|(position, files)| Packed {
            name: if single {
                name.clone()
            } else {
                format!("{name}-{position}")
            },
            files,
        });
    problems.into_result(packed.collect())
}

fn refusal(key: &str, size: usize) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if size > MOST_BYTES {
        return Some(format!(
            "has {size} bytes, and a ConfigMap holds {MOST_BYTES}; put the folder on a volume and name it in `cluster.config`: \
             `{{pvc: NAME, path: DIR}}`"
        ));
    }
    (!key.chars().all(allowed) || key.len() > 253).then(|| {
        String::from("cannot be a key of a ConfigMap, expected a name of at most 250 letters, digits, `.`, `_` and `-`")
    })
}

/// The prefix and a digest of all files: other content is another name.
fn named(prefix: &str, files: &BTreeMap<String, String>) -> String {
    let mut hasher = Hasher::new();
    for (path, text) in files {
        hasher.field(path.as_bytes());
        hasher.field(text.as_bytes());
    }
    let digest = hasher.finish().to_string();
    format!("{prefix}-{}", digest.get(..DIGITS).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, usize)]) -> BTreeMap<String, String> {
        list.iter()
            .map(|(path, size)| ((*path).to_owned(), "x".repeat(*size)))
            .collect()
    }

    #[test]
    fn what_does_not_fit_into_one_goes_into_the_next() {
        let packed = pack(
            "c",
            &files(&[
                ("a", 600_000),
                ("stimuli/b", 400_000),
                ("stimuli/c", 600_000),
            ]),
        )
        .unwrap();
        let paths = |packed: &Packed| {
            packed
                .files
                .iter()
                .map(|file| file.path.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            packed.iter().map(paths).collect::<Vec<_>>(),
            [vec!["a", "stimuli/b"], vec!["stimuli/c"]]
        );
        assert_eq!(packed[0].files[1].key, "stimuli__b");
        assert!(packed[1].name.ends_with("-1"));
    }

    #[test]
    fn a_name_tells_the_content() {
        let name = |list| pack("c", &files(list)).unwrap()[0].name.clone();
        assert_eq!(name(&[("a", 1)]), name(&[("a", 1)]));
        assert_ne!(name(&[("a", 1)]), name(&[("a", 2)]));
        assert_ne!(name(&[("a", 1)]), name(&[("b", 1)]));
        assert_eq!(name(&[("a", 1)]).len(), "c-".len() + DIGITS);
    }

    #[test]
    fn files_that_no_config_map_takes_are_named() {
        let problems = pack(
            "c",
            &files(&[("big.csv", 2_000_000), ("a b.csv", 1), ("ok", 1)]),
        )
        .unwrap_err()
        .to_string();
        assert!(
            problems.contains("big.csv: has 2000007 bytes")
                && problems.contains("a b.csv: cannot be a key"),
            "{problems}"
        );
    }
}
