//! `--help` as users see it.

use std::path::Path;

use expect_test::expect_file;

use crate::command::grace;

const COMMANDS: [&[&str]; 25] = [
    &["demo"],
    &["run"],
    &["replicate"],
    &["verify"],
    &["replay"],
    &["aggregate"],
    &["icc"],
    &["icc", "design"],
    &["drift"],
    &["report"],
    &["seeds"],
    &["seeds", "audit"],
    &["seeds", "order"],
    &["experiments"],
    &["experiments", "list"],
    &["experiments", "show"],
    &["experiments", "check"],
    &["gen-manifests"],
    &["plan"],
    &["launch"],
    &["status"],
    &["logs"],
    &["cancel"],
    &["serve-sim"],
    &["completions"],
];

fn help(command: &[&str]) -> String {
    grace(command).args(["--help"]).run().exits(0).stdout
}

#[test]
fn the_help_of_each_command_has_two_examples() {
    for command in COMMANDS {
        let help = help(command);
        let (_, examples) = help.split_once("Examples:").unwrap_or_default();
        let count = examples.matches("grace-cli ").count();
        assert!(count >= 2, "{command:?} has {count} examples:\n{help}");
    }
}

#[test]
fn the_help_names_each_command() {
    let help = help(&[]);
    for [command, ..] in COMMANDS.map(|command| [command[0]]) {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[track_caller]
fn check_golden(name: &str, command: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/help");
    expect_file![folder.join(name)].assert_eq(&help(command));
}

#[test]
fn golden_help() {
    check_golden("grace-cli.txt", &[]);
}

#[test]
fn golden_help_of_run() {
    check_golden("run.txt", &["run"]);
}

#[test]
fn golden_help_of_replicate() {
    check_golden("replicate.txt", &["replicate"]);
}

#[test]
fn wrong_arguments_are_usage_and_a_version_is_told() {
    grace(["--version"]).run().exits(0).says(&["grace-cli 0."]);
    grace(["replicat"])
        .run()
        .exits(2)
        .says(&["unrecognized subcommand 'replicat'", "replicate"]);
    let nothing: [&str; 0] = [];
    grace(nothing).run().exits(2).says(&["Usage: grace-cli"]);
}
