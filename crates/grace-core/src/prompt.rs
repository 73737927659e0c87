//! Prompts: Handlebars templates over the columns of the stimuli.
//!
//! The only file that knows Handlebars. Nothing is escaped (a prompt is no
//! HTML), an unknown variable is an error when the file is loaded, and there is
//! no logic in a template: what is sent can be read off the file.

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{Context, Handlebars, no_escape};

use crate::id::QueryId;

mod helpers {
    use handlebars::handlebars_helper;

    handlebars_helper!(line_breaks: |text: str| super::replace_breaks(text));
    handlebars_helper!(trim: |text: str| text.trim().to_owned());
}

const HELPERS: [&str; 2] = ["line_breaks", "trim"];

/// The prompt templates of one experiment.
#[derive(Debug)]
pub struct Prompts {
    registry: Handlebars<'static>,
}

/// A stimulus in the form that templates read.
#[derive(Debug, Clone)]
pub struct PromptContext(Context);

/// A prompt that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The template engine refused.
    #[error("prompt `{query}` could not be filled in")]
    Render {
        /// The query whose prompt it is.
        query: QueryId,
        /// What the engine says.
        source: Box<handlebars::RenderError>,
    },
    /// Nothing but white space came out.
    #[error("prompt `{query}` is empty for this stimulus")]
    Empty {
        /// The query whose prompt it is.
        query: QueryId,
    },
}

impl Prompts {
    pub(crate) fn new() -> Self {
        let mut registry = Handlebars::new();
        registry.register_escape_fn(no_escape);
        registry.set_strict_mode(true);
        registry.register_helper("line_breaks", Box::new(helpers::line_breaks));
        registry.register_helper("trim", Box::new(helpers::trim));
        Self { registry }
    }

    /// Adds the template of `query`; the mistakes found in it otherwise.
    pub(crate) fn add(
        &mut self,
        query: &QueryId,
        template: &str,
        columns: &[String],
    ) -> Result<(), Vec<String>> {
        let compiled = Template::compile(template)
            .map_err(|error| vec![format!("is no valid template: {}", one_line(&error))])?;
        let mut problems = Vec::new();
        for element in &compiled.elements {
            check_element(element, columns, &mut problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.registry.register_template(query.as_str(), compiled);
        Ok(())
    }

    /// The prompt of `query` for one stimulus, without white space at its end.
    ///
    /// # Errors
    ///
    /// Returns [`PromptError`] if the result is empty or the stimulus lacks a column that
    /// the template names; the latter cannot happen for stimuli checked against the experiment.
    pub fn render(&self, query: &QueryId, context: &PromptContext) -> Result<String, PromptError> {
        let mut prompt = self
            .registry
            .render_with_context(query.as_str(), &context.0)
            .map_err(|error| PromptError::Render {
                query: query.clone(),
                source: Box::new(error),
            })?;
        prompt.truncate(prompt.trim_end().len());
        if prompt.is_empty() {
            return Err(PromptError::Empty {
                query: query.clone(),
            });
        }
        Ok(prompt)
    }
}

impl PromptContext {
    /// Column names and values, in any order.
    pub fn new<'a>(columns: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let object = columns
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Self(Context::from(serde_json::Value::Object(object)))
    }
}

/// `<br>`, `<br/>` and `<br />` in any case become line breaks, with the blanks around them gone.
fn replace_breaks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        match tag.split_once('>') {
            Some((inside, after)) if is_break(inside) => {
                out.push_str(before.trim_end_matches([' ', '\t']));
                out.push('\n');
                rest = after.trim_start_matches([' ', '\t']);
            }
            _ => {
                out.push_str(before);
                out.push('<');
                rest = tag.strip_prefix('<').unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_break(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').trim_end_matches('/').trim();
    name.eq_ignore_ascii_case("br")
}

fn check_element(element: &TemplateElement, columns: &[String], problems: &mut Vec<String>) {
    match element {
        TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
        TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
            check_expression(helper, columns, problems);
        }
        _ => problems.push(String::from(
            "holds a block or partial (`{{#…}}`, `{{>…}}`), expected only `{{column}}`, \
             `{{line_breaks column}}` or `{{trim column}}`",
        )),
    }
}

fn check_expression(helper: &HelperTemplate, columns: &[String], problems: &mut Vec<String>) {
    let name = helper.name.as_name().unwrap_or_default();
    if helper.params.is_empty() && helper.hash.is_empty() {
        check_column(name, columns, problems);
    } else {
        check_helper(name, &helper.params, columns, problems);
    }
}

fn check_helper(
    name: &str,
    parameters: &[Parameter],
    columns: &[String],
    problems: &mut Vec<String>,
) {
    if !HELPERS.contains(&name) {
        problems.push(format!(
            "uses `{{{{{name} …}}}}`, expected the helper `line_breaks` or `trim`"
        ));
    }
    let [parameter] = parameters else {
        problems.push(format!(
            "gives `{name}` {} values, expected one",
            parameters.len()
        ));
        return;
    };
    match parameter {
        Parameter::Subexpression(inner) => check_element(inner.as_element(), columns, problems),
        Parameter::Literal(_) => {}
        named => check_column(named.as_name().unwrap_or_default(), columns, problems),
    }
}

fn check_column(name: &str, columns: &[String], problems: &mut Vec<String>) {
    // `{{[a column]}}` is how Handlebars writes names with spaces.
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if columns.iter().any(|column| column == name) {
        return;
    }
    let near = columns
        .iter()
        .map(|column| {
            (
                strsim::osa_distance(&column.to_lowercase(), &name.to_lowercase()),
                column,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= 2);
    let advice = near.map_or_else(
        || format!("expected one of `{}`", columns.join("`, `")),
        |(_, column)| format!("did you mean `{{{{{column}}}}}`?"),
    );
    problems.push(format!(
        "uses `{{{{{name}}}}}`, which is no column of the stimuli; {advice}"
    ));
}

fn one_line(error: &dyn std::fmt::Display) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<String> {
        ["speach", "setup"].map(String::from).to_vec()
    }

    fn render(template: &str, row: &[(&str, &str)]) -> Result<String, PromptError> {
        let query: QueryId = "q".parse().unwrap();
        let mut prompts = Prompts::new();
        prompts.add(&query, template, &columns()).unwrap();
        prompts.render(&query, &PromptContext::new(row.iter().copied()))
    }

    fn problems(template: &str) -> String {
        let query: QueryId = "q".parse().unwrap();
        Prompts::new()
            .add(&query, template, &columns())
            .unwrap_err()
            .join("; ")
    }

    const ROW: &[(&str, &str)] = &[
        ("setup", " Mark's <br> \"3\" exams & <b>. "),
        ("speach", "S"),
    ];

    #[test]
    fn nothing_is_escaped() {
        assert_eq!(
            render("{{setup}}|{{speach}}", ROW).unwrap(),
            " Mark's <br> \"3\" exams & <b>. |S"
        );
    }

    #[test]
    fn breaks_become_lines_and_edges_are_trimmed() {
        let prompt = render("{{trim (line_breaks setup)}}\nAnswer: \n", ROW).unwrap();
        assert_eq!(prompt, "Mark's\n\"3\" exams & <b>.\nAnswer:");
    }

    #[test]
    fn break_tags_come_in_several_spellings() {
        assert_eq!(
            replace_breaks("a<BR/> b <br />c < d <i>e<br>"),
            "a\nb\nc < d <i>e\n"
        );
    }

    #[test]
    fn unknown_columns_are_named_with_the_nearest_one() {
        assert!(problems("{{speech}}").contains("did you mean `{{speach}}`?"));
        assert!(problems("{{trim zebra}}").contains("expected one of `speach`, `setup`"));
    }

    #[test]
    fn logic_and_unknown_helpers_are_refused() {
        assert!(problems("{{#if setup}}x{{/if}}").contains("holds a block"));
        assert!(problems("{{upper setup}}").contains("`line_breaks` or `trim`"));
        assert!(problems("{{setup").contains("is no valid template"));
    }

    #[test]
    fn an_empty_prompt_is_an_error() {
        assert!(matches!(
            render("{{speach}}", &[("speach", "  "), ("setup", "")]),
            Err(PromptError::Empty { .. })
        ));
    }

    #[test]
    fn values_are_never_templates_themselves() {
        assert_eq!(
            render("{{speach}}", &[("speach", "{{setup}}"), ("setup", "x")]).unwrap(),
            "{{setup}}"
        );
    }
}
