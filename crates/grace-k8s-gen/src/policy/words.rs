//! What a container runs, word by word, as a shell would see it.

use k8s_openapi::api::core::v1::Container;

/// The words of a container's command and arguments: paths become the program's name, scripts their words.
pub(super) fn words(container: &Container) -> Vec<String> {
    let texts = container.command.iter().chain(&container.args).flatten();
    texts
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || ";&|()<>`'\"$={}".contains(c)))
        .filter(|word| !word.is_empty())
        .map(|word| word.rsplit('/').next().unwrap_or(word).to_owned())
        .collect()
}

/// The installer that these words call, if one.
pub(super) fn installer<'a>(words: &'a [String], installers: &[String]) -> Option<&'a str> {
    let mut calls = words
        .iter()
        .enumerate()
        .filter(|(_, word)| installers.contains(word));
    calls.find_map(|(position, word)| {
        // Options may stand between: `conda create -n x`, `pip -q install x`.
        let after = words.get(position + 1..)?.iter();
        let verb = after
            .take(4)
            .any(|word| matches!(word.as_str(), "install" | "add" | "create" | "sync" | "ci"));
        verb.then_some(word.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str]) -> Vec<String> {
        let command = Some(command.iter().map(|&word| word.to_owned()).collect());
        words(&Container {
            command,
            ..Container::default()
        })
    }

    #[test]
    fn scripts_are_taken_apart() {
        let found = of(&[
            "/bin/sh",
            "-c",
            "run && /usr/bin/sleep 3; echo \"$(sleep inf)\"",
        ]);
        assert_eq!(
            found.iter().filter(|word| *word == "sleep").count(),
            2,
            "{found:?}"
        );
        assert!(!of(&["serve", "--sleep-mode", "sleepy"]).contains(&String::from("sleep")));
    }

    #[test]
    fn an_installer_needs_its_verb() {
        let installers = [String::from("pip"), String::from("conda")];
        let installs = |command| installer(&of(command), &installers).is_some();
        assert!(installs(&["sh", "-c", "python -m pip -q install x"]));
        assert!(installs(&["conda", "create", "-n", "x"]));
        assert!(!installs(&["pip", "list"]) && !installs(&["install", "pip"]));
    }
}
