//! Every crate is whole: README, CHANGELOG, and the lints of the workspace.

use super::Finding;
use super::files::File;

const MANIFEST: &str = "Cargo.toml";

/// The names of the workspace's packages.
pub(super) fn packages(files: &[File]) -> Vec<String> {
    members(files).filter_map(package_name).collect()
}

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in members(files) {
        if !takes_workspace_lints(&manifest.text) {
            let what =
                "does not take the workspace's lints: expected `[lints]` with `workspace = true`";
            findings.push(Finding::new(&manifest.path, what));
        }
        if manifest.folder() == "xtask" {
            continue;
        }
        for (name, must_hold) in [
            ("README.md", "what the crate is for, besides its title"),
            (
                "CHANGELOG.md",
                "a heading for each version, besides its title",
            ),
        ] {
            let path = format!("{}/{name}", manifest.folder());
            let text = files
                .iter()
                .find(|file| file.path == path)
                .map(|file| &file.text);
            let said = text.map_or(0, |text| {
                text.lines().filter(|line| !line.trim().is_empty()).count()
            });
            if said < 2 {
                let state = if text.is_some() {
                    "says nothing"
                } else {
                    "is missing"
                };
                let what = format!("{state}: expected {must_hold}");
                findings.push(Finding::new(path, what));
            }
        }
    }
    findings
}

/// The manifests of the workspace's members: `crates/*` and `xtask`.
fn members(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| {
        let of_crate = file
            .folder()
            .strip_prefix("crates/")
            .is_some_and(|rest| !rest.contains('/'));
        file.name() == MANIFEST && (of_crate || file.folder() == "xtask")
    })
}

fn package_name(manifest: &File) -> Option<String> {
    let line = table(&manifest.text, "package").find(|line| line.starts_with("name"))?;
    let (_, value) = line.split_once('=')?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn takes_workspace_lints(manifest: &str) -> bool {
    table(manifest, "lints").any(|line| line.replace(' ', "") == "workspace=true")
}

/// The lines of a table of a TOML file.
fn table<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("[{name}]");
    text.lines()
        .map(str::trim)
        .skip_while(move |line| *line != head)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST_TEXT: &str = "[package]\nname = \"grace-a\"\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_whole_crate_has_no_findings() {
        let files = [
            File::of("crates/grace-a/Cargo.toml", MANIFEST_TEXT),
            File::of("crates/grace-a/README.md", "# grace-a\n\nDoes a.\n"),
            File::of(
                "crates/grace-a/CHANGELOG.md",
                "# Changelog\n\n## Unreleased\n",
            ),
            File::of(
                "xtask/Cargo.toml",
                "[package]\nname = \"xtask\"\n[lints]\nworkspace = true\n",
            ),
            File::of("crates/grace-a/tests/fixture/Cargo.toml", ""),
        ];
        assert_eq!(check(&files), []);
        assert_eq!(packages(&files), ["grace-a", "xtask"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let files = [
            File::of(
                "crates/grace-a/Cargo.toml",
                "[package]\nname = \"grace-a\"\n[lints.rust]\nworkspace = true\n",
            ),
            File::of("crates/grace-a/README.md", "# grace-a\n\n"),
        ];
        let mut places: Vec<String> = check(&files).into_iter().map(|f| f.to_string()).collect();
        places.sort();
        assert!(places[0].starts_with("crates/grace-a/CHANGELOG.md: is missing"));
        assert!(places[1].starts_with("crates/grace-a/Cargo.toml: does not take"));
        assert!(places[2].starts_with("crates/grace-a/README.md: says nothing"));
        assert_eq!(places.len(), 3);
    }
}
