use grace_core::experiment::{Experiment, builtin};

fn problems(text: &str) -> String {
    Experiment::parse("mine.yaml", text)
        .unwrap_err()
        .to_string()
}

#[track_caller]
fn check(change: impl Fn(&str) -> String, expected: &[&str]) {
    let original = builtin("study1_exp1").unwrap().text;
    let changed = change(original);
    assert_ne!(original, changed, "the change changed nothing");
    let found = problems(&changed);
    for part in expected {
        assert!(found.contains(part), "expected: {part}\nfound: {found}");
    }
}

#[test]
fn unknown_keys_are_refused_with_line_and_key() {
    check(
        |text| text.replace("seed_offset: 0", "seed_offset: 0\nseed: 5"),
        &["mine.yaml:6: `seed` is not a known key, expected one of `id`, `title`, `seed_offset`"],
    );
}

#[test]
fn an_unknown_template_variable_is_named_with_its_query() {
    check(
        |text| text.replace("{{trim priorQ}}", "{{trim prior}}"),
        &["`queries[0].prompt` uses `{{prior}}`, which is no column of the stimuli"],
    );
}

#[test]
fn every_mistake_is_reported_at_once() {
    check(
        |text| {
            text.replace("temperature: 0.7", "temperature: hot")
                .replace("kind: yes_no", "kind: maybe")
                .replace("column: observe", "column: observed")
                .replace("title: ", "titel: ")
        },
        &[
            "`titel` is not a known key",
            "has no `title`, which is required",
            "`queries[0].sampling.temperature` is `hot`, expected a number from 0 to 2",
            "`queries[1].read` has the kind `maybe`",
            "`conditions[1].column` is `observed`, expected one of the columns",
        ],
    );
}

#[test]
fn columns_cannot_be_written_twice() {
    check(
        |text| text.replace("column: quantity", "column: observe"),
        &["writes the column `observe`, which is taken"],
    );
    check(
        |text| text.replace("response: response_quantity", "response: status"),
        &["writes the column `status`, which is taken"],
    );
}

#[test]
fn broken_yaml_is_an_error_with_a_line() {
    let found = problems("id: x\ntitle: [\n");
    assert!(found.starts_with("mine.yaml:"), "{found}");
    assert!(found.contains("is not valid YAML"), "{found}");
    assert!(problems("id: x\nid: y\n").contains("mine.yaml:2: is not valid YAML: duplicated key"));
    assert!(problems("").contains("expected"));
}

#[test]
fn score_options_carry_their_leading_space_and_are_distinct() {
    let text = builtin("study2_exp2").unwrap().text;
    let found = problems(&text.replace("\" It was bad.\"", "\"It was bad.\""));
    assert!(
        found.contains("expected text with one space before it"),
        "{found}"
    );
    let found = problems(&text.replace("\" It was bad.\"", "\" It was good.\""));
    assert!(found.contains("repeats the option"), "{found}");
    let found = problems(&text.replace("prob_bad: [was_bad", "prob_bad: [was_awful"));
    assert!(found.contains("adds up `was_awful`"), "{found}");
    let text = builtin("study1_exp2").unwrap().text;
    let found = problems(&text.replace("label: \"30\", value: 30", "label: \"30\""));
    assert!(
        found.contains("needs a `value` for every option"),
        "{found}"
    );
}

#[test]
fn every_column_of_a_score_query_is_taken_once() {
    let text = builtin("study2_exp2").unwrap().text;
    let found = problems(&text.replace("entropy: entropy_response", "entropy: prob_was_good"));
    assert!(
        found.contains("writes the column `prob_was_good`, which is taken"),
        "{found}"
    );
    let found = problems(&text.replace("entropy: entropy_response", "entropy: scores"));
    assert!(
        found.contains("writes the column `scores`, which is taken"),
        "{found}"
    );
}

#[test]
fn ids_that_name_files_of_grace_itself_are_refused() {
    for id in ["metadata", "attempt", "Metadata"] {
        check(
            |text| text.replace("id: study1_exp1", &format!("id: {id}")),
            &[&format!(
                "`id` is `{id}`, expected another id: grace names files of its own `metadata` and `attempt`"
            )],
        );
    }
    let text = builtin("study1_exp1").unwrap().text;
    let near = text.replace("id: study1_exp1", "id: metadata_1");
    assert!(Experiment::parse("mine.yaml", &near).is_ok());
}

#[test]
fn conditions_of_one_name_are_refused() {
    check(
        |text| text.replace("name: observe", "name: access"),
        &["`conditions[1]` has the name `access`, which is taken"],
    );
}

#[test]
fn rules_need_text_and_a_label() {
    let rule = |rule: &str, expected: &str| {
        check(
            |text| {
                text.replace(
                    "column: observe",
                    &format!("column: observe, rules: [{rule}]"),
                )
            },
            &[&format!("`conditions[1].rules[0]{expected}")],
        );
    };
    rule(
        "{contains: \"\", label: a}",
        ".contains` is empty, expected text",
    );
    rule("{equals: '', label: a}", ".equals` is empty, expected text");
    rule("{equals: x, label: ''}", ".label` is empty, expected text");
    rule(
        "{equals: , label: a}",
        "` needs either `contains` or `equals`",
    );
    rule("{label: a}", "` needs either `contains` or `equals`");
    rule("{equals: x, contains: x, label: a}", "` needs either");
    rule("{equals: x}", "` has no `label`");
}

#[test]
fn stimuli_need_columns() {
    let text = builtin("study1_exp1").unwrap().text;
    let listed = text.lines().find(|line| line.starts_with("  columns: ["));
    let listed = listed.unwrap();
    check(
        |text| text.replace(listed, "  columns: []"),
        &["`stimuli.columns` is a list, expected at least one column"],
    );
    check(
        |text| text.replace(listed, "  columns: [\"\"]"),
        &["`stimuli.columns[0]` is empty, expected text"],
    );
}

#[test]
fn columns_of_queries_are_distinct_within_and_between_queries() {
    let taken = |from: &str, to: &str, column: &str| {
        check(
            |text| text.replace(from, to),
            &[&format!("writes the column `{column}`, which is taken")],
        );
    };
    let response = "response: response_knowledge";
    taken(response, "response: quantity", "quantity");
    taken(response, "response: response_quantity", "response_quantity");
    taken(response, "response: knowledge", "knowledge");
    taken(
        "column: quantity",
        "column: result_id_quantity",
        "result_id_quantity",
    );
}
