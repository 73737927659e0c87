//! Every file of testdata/ is named by the README nearest to it, which says what made it.

use std::collections::BTreeSet;

use super::Finding;
use super::files::File;

const FOLDER: &str = "testdata/";
const README: &str = "README.md";

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let data = files
        .iter()
        .filter(|file| file.path.starts_with(FOLDER) && file.name() != README);
    data.filter_map(|file| {
        let Some(readme) = nearest_readme(file, files) else {
            let what = "is named nowhere: expected a README.md beside it or above";
            return Some(Finding::new(&file.path, what));
        };
        let beside = file.path.strip_prefix(readme.folder())?;
        (!names(&readme.text, beside.trim_start_matches('/'))).then(|| {
            let what = format!(
                "is not named in {}, which must say what made it",
                readme.path
            );
            Finding::new(&file.path, what)
        })
    })
    .collect()
}

/// The README in the file's own folder, else in the nearest above.
fn nearest_readme<'a>(file: &File, files: &'a [File]) -> Option<&'a File> {
    let readmes = files.iter().filter(|other| {
        let in_testdata = format!("{}/", other.folder()).starts_with(FOLDER);
        let above = file
            .path
            .strip_prefix(other.folder())
            .is_some_and(|rest| rest.starts_with('/'));
        other.name() == README && in_testdata && above
    });
    readmes.max_by_key(|readme| readme.path.len())
}

/// Whether `text` names the file by its path from there, by its name, or by a folder that holds it (`wire/`).
fn names(text: &str, path: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || "._-/".contains(c);
    let words: BTreeSet<&str> = text
        .split(|c| !part_of_name(c))
        .map(|word| word.trim_end_matches('.').trim_start_matches("./"))
        .map(|word| word.strip_prefix(FOLDER).unwrap_or(word))
        .collect();
    let file = path.rsplit('/').next().unwrap_or(path);
    let folders = path
        .match_indices('/')
        .filter_map(|(end, _)| path.get(..=end));
    words.contains(path) || words.contains(file) || folders.into_iter().any(|f| words.contains(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_path_name_or_folder() {
        assert!(names("made by `make.py`.", "make.py"));
        assert!(names("see vllm/models.json, recorded", "vllm/models.json"));
        assert!(names("| `models.json` |", "vllm/models.json"));
        assert!(names("all of `testdata/wire/`", "wire/vllm/models.json"));
        assert!(!names("all of `wire`", "wire/vllm/models.json"));
        assert!(!names("`other_models.json`", "models.json"));
        assert!(!names("`models.json.bak`", "models.json"));
    }

    #[test]
    fn the_nearest_readme_must_name_it() {
        let files = [
            File::of("testdata/README.md", "`wire/` holds answers, `a.csv` too"),
            File::of("testdata/wire/README.md", "`one.json`"),
            File::of("testdata/wire/one.json", ""),
            File::of("testdata/wire/two.json", ""),
            File::of("testdata/a.csv", ""),
            File::of("crates/a/b.csv", ""),
        ];
        let findings = check(&files);
        let places: Vec<&str> = findings.iter().map(|f| f.place.as_str()).collect();
        assert_eq!(places, ["testdata/wire/two.json"]);
    }

    #[test]
    fn without_any_readme_nothing_is_named() {
        let files = [
            File::of("README.md", "a.csv"),
            File::of("testdata/a.csv", ""),
        ];
        assert_eq!(check(&files).len(), 1);
    }
}
