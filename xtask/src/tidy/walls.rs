//! Walls: which crate may have what in its tree (DESIGN 2, STYLE S4).
//!
//! Asked of `cargo tree -e normal`: what is needed to build a crate, not what its tests need.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Finding;
use crate::command::{cargo, output};

/// What a wall keeps in: the packages behind it, and those of ours that may reach them. All others may not.
struct Wall {
    packages: &'static [&'static str],
    open_to: &'static [&'static str],
}

/// Everything that stands on grace-core.
const ON_CORE: &[&str] = &[
    "grace-core",
    "grace-runner",
    "grace-analysis",
    "grace-k8s-gen",
    "grace-launch",
    "grace-cli",
];

const WALLS: &[Wall] = &[
    Wall {
        packages: &["polars", "polars-core"],
        open_to: &["grace-analysis", "grace-cli"],
    },
    Wall {
        packages: &["kuva"],
        open_to: &["grace-analysis", "grace-cli"],
    },
    Wall {
        packages: &["kube", "kube-core", "kube-client", "kube-runtime"],
        open_to: &["grace-launch", "grace-cli"],
    },
    Wall {
        packages: &["k8s-openapi"],
        open_to: &["grace-k8s-gen", "grace-launch", "grace-cli"],
    },
    Wall {
        packages: &["yaml_serde", "serde_ignored"],
        open_to: &["grace-k8s-gen", "grace-launch", "grace-cli"],
    },
    Wall {
        packages: &["similar"],
        open_to: &["grace-cli"],
    },
    Wall {
        packages: &["axum", "axum-core"],
        open_to: &["grace-sim", "grace-cli"],
    },
    Wall {
        packages: &["async-openai", "reqwest"],
        open_to: &["grace-client", "grace-runner", "grace-cli"],
    },
    Wall {
        packages: &["hyper", "rustls"],
        open_to: &[
            "grace-client",
            "grace-runner",
            "grace-sim",
            "grace-launch",
            "grace-mock-cluster",
            "grace-cli",
        ],
    },
    Wall {
        packages: &["tokio"],
        open_to: &[
            "grace-client",
            "grace-runner",
            "grace-sim",
            "grace-launch",
            "grace-mock-cluster",
            "grace-cli",
            // Some of Polars' engines run on it.
            "grace-analysis",
        ],
    },
    Wall {
        packages: &["csv", "handlebars", "saphyr"],
        open_to: ON_CORE,
    },
    Wall {
        packages: &["serde", "serde_json"],
        open_to: &[
            "grace-client",
            "grace-sim",
            "grace-core",
            "grace-runner",
            "grace-analysis",
            "grace-k8s-gen",
            "grace-launch",
            "grace-mock-cluster",
            "grace-cli",
            "xtask",
        ],
    },
    Wall {
        packages: &["rand_mt"],
        open_to: &[
            "grace-seed",
            "grace-core",
            "grace-runner",
            "grace-analysis",
            "grace-k8s-gen",
            "grace-launch",
            "grace-cli",
        ],
    },
    Wall {
        packages: &["rand_pcg"],
        open_to: &[
            "grace-seed",
            "grace-sim",
            "grace-core",
            "grace-runner",
            "grace-analysis",
            "grace-k8s-gen",
            "grace-launch",
            "grace-cli",
        ],
    },
    Wall {
        packages: &["indicatif", "clap_complete"],
        open_to: &["grace-cli"],
    },
    Wall {
        packages: &["clap"],
        open_to: &["grace-cli", "xtask"],
    },
];

/// Our crates, and those of ours that may be in the tree of each: the arrows of DESIGN 2, followed to their ends.
const OURS: &[(&str, &[&str])] = &[
    ("grace-seed", &[]),
    ("grace-stats", &[]),
    ("grace-client", &[]),
    ("grace-sim", &[]),
    ("grace-core", &["grace-seed", "grace-stats"]),
    (
        "grace-runner",
        &["grace-client", "grace-core", "grace-seed", "grace-stats"],
    ),
    (
        "grace-analysis",
        &["grace-core", "grace-seed", "grace-stats"],
    ),
    (
        "grace-k8s-gen",
        &["grace-core", "grace-seed", "grace-stats"],
    ),
    ("grace-launch", &["grace-core", "grace-seed", "grace-stats"]),
    // For tests only: nothing has it in its tree.
    ("grace-mock-cluster", &[]),
    (
        "grace-cli",
        &[
            "grace-analysis",
            "grace-client",
            "grace-core",
            "grace-k8s-gen",
            "grace-launch",
            "grace-runner",
            "grace-seed",
            "grace-sim",
            "grace-stats",
        ],
    ),
    ("xtask", &[]),
];

/// What the binary that runs in pods is built without, on top of the walls.
const NOT_IN_PODS: &[&str] = &[
    "polars",
    "polars-core",
    "kuva",
    "kube",
    "k8s-openapi",
    "similar",
    "axum",
    "grace-analysis",
    "grace-k8s-gen",
    "grace-launch",
    "grace-sim",
];

/// The package and flags of the build that runs in pods.
const POD: (&str, &str) = ("grace-cli", "--no-default-features");

pub(super) fn check(packages: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in packages {
        findings.extend(judge(package, &tree(package, None)?));
        if package == POD.0 {
            findings.extend(judge_pod(&tree(package, Some(POD.1))?));
        }
    }
    Ok(findings)
}

/// What cargo says is in the tree of a package.
fn tree(package: &str, flag: Option<&str>) -> Result<BTreeSet<String>> {
    let args = [
        "tree",
        "--package",
        package,
        "--edges=normal",
        "--prefix=none",
    ];
    let text = output(&mut cargo(args.into_iter().chain(flag)))?;
    Ok(parse(&text))
}

/// The names in the output of `cargo tree --prefix none`: the first word of each line.
fn parse(text: &str) -> BTreeSet<String> {
    let name = |line: &str| line.split_whitespace().next().map(str::to_owned);
    text.lines().filter_map(name).collect()
}

/// What may not be in the tree of `package`, but is.
fn judge(package: &str, tree: &BTreeSet<String>) -> Vec<Finding> {
    let Some((_, ours)) = OURS.iter().find(|(name, _)| *name == package) else {
        let what = "has no place in the walls yet: add it to xtask/src/tidy/walls.rs";
        return vec![Finding::new(package, what)];
    };
    let walled = WALLS
        .iter()
        .filter(|wall| !wall.open_to.contains(&package))
        .flat_map(|wall| wall.packages.iter().copied());
    let of_ours = OURS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != package && !ours.contains(name));
    walled
        .chain(of_ours)
        .filter(|name| tree.contains(*name))
        .map(|name| {
            let why =
                format!("`cargo tree -p {package} -e normal -i {name}` shows how it got there");
            Finding::new(
                package,
                format!("has `{name}` in its tree, which a wall keeps from it; {why}"),
            )
        })
        .collect()
}

/// What may not be in the binary that runs in pods, but is.
fn judge_pod(tree: &BTreeSet<String>) -> Vec<Finding> {
    let (package, flag) = POD;
    NOT_IN_PODS
        .iter()
        .filter(|name| tree.contains(**name))
        .map(|name| {
            let place = format!("{package} {flag}");
            Finding::new(
                place,
                format!("has `{name}` in its tree, which pods do without"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(findings: &[Finding]) -> Vec<&str> {
        let quoted = findings
            .iter()
            .map(|finding| finding.what.split('`').nth(1));
        quoted.map(Option::unwrap).collect()
    }

    #[test]
    fn the_tree_is_the_first_word_of_each_line() {
        let tree = parse("grace-seed v0.1.0 (/work)\nsha2 v0.11.0\nserde v1.0.0 (*)\n\n");
        let expected = ["grace-seed", "serde", "sha2"].map(str::to_owned);
        assert_eq!(tree, BTreeSet::from(expected));
    }

    #[test]
    fn what_stands_behind_a_wall_is_found() {
        let tree = parse("grace-seed v1\nrand_pcg v1\nrand_mt v1\nserde v1\ntokio v1\n");
        assert_eq!(names(&judge("grace-seed", &tree)), ["tokio", "serde"]);
        let tree = parse("grace-core v1\ngrace-seed v1\nrand_mt v1\ncsv v1\nreqwest v1\n");
        assert_eq!(names(&judge("grace-core", &tree)), ["reqwest"]);
        let tree = parse("grace-runner v1\npolars v1\nkube v1\naxum v1\nreqwest v1\n");
        assert_eq!(
            names(&judge("grace-runner", &tree)),
            ["polars", "kube", "axum"]
        );
    }

    #[test]
    fn arrows_only_point_down() {
        let tree = parse("grace-client v1\ngrace-core v1\ngrace-seed v1\n");
        assert_eq!(
            names(&judge("grace-client", &tree)),
            ["grace-seed", "grace-core"]
        );
        let tree = parse("grace-k8s-gen v1\ngrace-core v1\ngrace-seed v1\ngrace-runner v1\n");
        assert_eq!(names(&judge("grace-k8s-gen", &tree)), ["grace-runner"]);
        let tree = parse("xtask v1\nclap v1\nserde_json v1\ngrace-seed v1\n");
        assert_eq!(names(&judge("xtask", &tree)), ["grace-seed"]);
    }

    #[test]
    fn a_crate_without_a_place_is_a_finding() {
        let findings = judge("grace-new", &BTreeSet::new());
        assert!(findings[0].what.contains("no place"), "{}", findings[0]);
    }

    #[test]
    fn pods_do_without_the_heavy_crates() {
        let tree = parse("grace-cli v1\ngrace-runner v1\nreqwest v1\ntokio v1\n");
        assert_eq!(judge_pod(&tree), []);
        let tree = parse("grace-cli v1\ngrace-sim v1\naxum v1\n");
        assert_eq!(judge_pod(&tree).len(), 2);
    }

    #[test]
    fn tables_name_only_crates_of_ours() {
        let ours: BTreeSet<&str> = OURS.iter().map(|(name, _)| *name).collect();
        let in_walls = WALLS.iter().flat_map(|wall| wall.open_to);
        let in_arrows = OURS.iter().flat_map(|(_, below)| below.iter());
        for name in in_walls.chain(in_arrows) {
            assert!(ours.contains(name), "{name}");
        }
    }
}
