//! Scalars keep their text, and mappings their keys.

use grace_core::experiment::{Experiment, RuleTest, builtin};
use grace_core::model::ModelCatalog;
use proptest::prelude::*;

#[track_caller]
fn revision(yaml: &str) -> Option<String> {
    let catalog = ModelCatalog::parse("models.yaml", yaml).unwrap();
    catalog.models.last().unwrap().revision.clone()
}

#[track_caller]
fn refused(yaml: &str, expected: &str) {
    let found = ModelCatalog::parse("models.yaml", yaml)
        .unwrap_err()
        .to_string();
    assert!(found.contains(expected), "{found}");
}

fn model(revision: &str) -> String {
    format!("models:\n  tiny:\n    huggingface_name: lab/tiny\n    revision: {revision}\n")
}

#[test]
fn numbers_and_truth_values_are_taken_as_written() {
    for text in [
        "0012345",
        "1234e56",
        "1.0",
        "1e3",
        "0x1F",
        "+7",
        "-0",
        ".5",
        ".inf",
        "True",
        "FALSE",
        "123456789012345678901234567890",
    ] {
        assert_eq!(revision(&model(text)).as_deref(), Some(text));
        let commented = format!("{text}   # why");
        assert_eq!(revision(&model(&commented)).as_deref(), Some(text));
        let tagged = format!("!!str {text}");
        assert_eq!(revision(&model(&tagged)).as_deref(), Some(text));
    }
}

#[test]
fn the_text_is_found_behind_other_characters_and_line_breaks() {
    let before = "\u{feff}# 💗 übung\r\nmodels:\r\n  a:\r\n    display_name: \"é\\u00e9\r\n\r\n      x\"\r\n";
    let block =
        "    stop:\r\n      - |\r\n        ü\r\n\r\n        ü\r\n      - >-\r\n        ö\r\n";
    let after = "    huggingface_name: 1.0\r\n    vllm: {extra_args: [--ö, 2.50, 007]}\r\n    revision: 0012345";
    let catalog = ModelCatalog::parse("m.yaml", &format!("{before}{block}{after}")).unwrap();
    let model = &catalog.models[0];
    assert_eq!(model.name, "1.0");
    assert_eq!(model.served_name, "1.0");
    assert_eq!(model.server.extra_args, ["--ö", "2.50", "007"]);
    assert_eq!(model.revision.as_deref(), Some("0012345"));
}

#[test]
fn keys_are_taken_as_written() {
    let catalog =
        ModelCatalog::parse("m.yaml", "models: {007: {huggingface_name: lab/tiny}}").unwrap();
    assert_eq!(catalog.models[0].key.as_str(), "007");
}

#[test]
fn keys_that_differ_in_quotes_alone_are_one_key_twice() {
    let yaml = "models:\n  1: {huggingface_name: a}\n  \"1\": {huggingface_name: b}\n";
    refused(yaml, "models.yaml:3: `models.1` is there twice");
}

#[test]
fn empty_keys_are_refused() {
    for key in ["\"\"", "~", "? "] {
        let yaml = format!("models:\n  {key}: {{huggingface_name: a}}\n");
        refused(&yaml, "models.yaml:");
    }
}

#[test]
fn an_alias_has_the_text_of_its_anchor() {
    let yaml = |anchored: &str| {
        format!(
            "models:\n  a: {{huggingface_name: x, revision: &rev {anchored}}}\n  \
             b: {{huggingface_name: y, revision: *rev}}\n"
        )
    };
    for text in ["0012345", "1.0", "1234e56", "main"] {
        assert_eq!(revision(&yaml(text)).as_deref(), Some(text));
    }
    refused(
        &yaml("!!float 1.0"),
        "`models.b.revision` is no plain value, expected text",
    );
}

#[test]
fn quoted_numbers_are_text() {
    let yaml = "models:\n  a: {huggingface_name: x, vllm: {max_model_len: \"5\"}}\n";
    refused(
        yaml,
        "`models.a.vllm.max_model_len` is `5`, expected a whole number from 1",
    );
    assert_eq!(revision(&model("\"0012345\"")).as_deref(), Some("0012345"));
}

#[test]
fn no_value_is_no_text() {
    assert_eq!(revision(&model("~")), None);
    assert_eq!(revision(&model("")), None);
    refused(
        &model("\"\""),
        "models.yaml:4: `models.tiny.revision` is empty, expected text",
    );
}

#[test]
fn rules_compare_with_the_text_as_written() {
    let text = builtin("study1_exp1").unwrap().text;
    let rules =
        "column: observe, rules: [{equals: 1.0, label: \"on\"}, {contains: 07, label: 1.50}]";
    let experiment = Experiment::parse("e.yaml", &text.replace("column: observe", rules)).unwrap();
    let condition = &experiment.conditions[1];
    assert_eq!(condition.rules[0].test, RuleTest::Equals("1.0".into()));
    assert_eq!(condition.rules[1].test, RuleTest::Contains("07".into()));
    assert_eq!(condition.level("0.07"), Some("1.50"));
}

proptest! {
    #[test]
    fn any_number_keeps_its_text(before in "[a-zé💗ü ]{0,20}", number in "[-+]?[0-9]{1,9}(\\.[0-9]{1,4})?(e[0-9]{1,2})?") {
        let yaml = format!("# {before}\nmodels: {{a: {{display_name: '{before}', huggingface_name: {number}}}}}\n");
        let catalog = ModelCatalog::parse("m.yaml", &yaml).unwrap();
        prop_assert_eq!(&catalog.models[0].name, &number);
    }
}
