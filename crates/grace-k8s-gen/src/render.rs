//! The only place that knows Handlebars: templates in, YAML text out.
//!
//! What a template inserts is a quoted YAML string, always: quoting is the escape function of the registry. Only the
//! helpers `int` (a whole number), `arg` (quoted, and safe from Kubernetes' own `$(NAME)`) and `block` (long text) write
//! anything else, and no template uses `{{{`.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason,
};
use serde::Serialize;

use crate::quote::{block, quoted, unexpanded};

/// A kind of manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    Job,
    Prefetch,
    Claim,
    ConfigMap,
    Kustomization,
    Reader,
}

const TEMPLATES: [(Template, &str, &str); 6] = [
    (
        Template::Job,
        "job",
        include_str!("../templates/job.yaml.hbs"),
    ),
    (
        Template::Prefetch,
        "prefetch",
        include_str!("../templates/prefetch.yaml.hbs"),
    ),
    (
        Template::Claim,
        "claim",
        include_str!("../templates/claim.yaml.hbs"),
    ),
    (
        Template::ConfigMap,
        "config_map",
        include_str!("../templates/config_map.yaml.hbs"),
    ),
    (
        Template::Kustomization,
        "kustomization",
        include_str!("../templates/kustomization.yaml.hbs"),
    ),
    (
        Template::Reader,
        "reader",
        include_str!("../templates/reader.yaml.hbs"),
    ),
];

/// All templates, parsed.
#[derive(Debug)]
pub(crate) struct Renderer(Handlebars<'static>);

impl Renderer {
    /// Parses the templates.
    pub(crate) fn new() -> Result<Self, RenderError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(quoted);
        registry.register_helper("int", Box::new(int));
        registry.register_helper("arg", Box::new(arg));
        registry.register_helper("block", Box::new(block_under_two_spaces));
        for (_, name, text) in TEMPLATES {
            registry
                .register_template_string(name, text)
                .map_err(RenderErrorReason::from)?;
        }
        Ok(Self(registry))
    }

    /// Fills a template.
    pub(crate) fn render(
        &self,
        template: Template,
        facts: &impl Serialize,
    ) -> Result<String, RenderError> {
        let (_, name, _) = TEMPLATES[template as usize];
        self.0.render(name, facts)
    }
}

type Registry<'a> = &'a Handlebars<'a>;

fn int(
    helper: &Helper<'_>,
    _: Registry<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let number = helper.param(0).and_then(|param| param.value().as_u64());
    let Some(number) = number else {
        return Err(RenderErrorReason::Other(String::from("`int` needs a whole number")).into());
    };
    Ok(out.write(&number.to_string())?)
}

fn arg(
    helper: &Helper<'_>,
    _: Registry<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    Ok(out.write(&quoted(&unexpanded(text(helper)?)))?)
}

fn block_under_two_spaces(
    helper: &Helper<'_>,
    _: Registry<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    Ok(out.write(&block(text(helper)?, 2))?)
}

fn text<'h>(helper: &'h Helper<'_>) -> Result<&'h str, RenderError> {
    let text = helper.param(0).and_then(|param| param.value().as_str());
    text.ok_or_else(|| RenderErrorReason::Other(format!("`{}` needs a text", helper.name())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_insert_quoted_text_alone() {
        for (template, name, text) in TEMPLATES {
            assert!(!text.contains("{{{") && !text.contains("{{&"), "{name}");
            assert!(
                !text.contains("\"{{") && !text.contains("'{{"),
                "{name} quotes what is quoted already"
            );
            assert_eq!(TEMPLATES[template as usize].1, name);
        }
    }

    #[test]
    fn what_a_template_needs_must_be_there() {
        let renderer = Renderer::new().unwrap();
        let empty = serde_json::json!({});
        for (template, name, _) in TEMPLATES {
            if template != Template::Kustomization {
                assert!(renderer.render(template, &empty).is_err(), "{name}");
            }
        }
    }
}
