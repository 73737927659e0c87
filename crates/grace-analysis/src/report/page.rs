//! The page as HTML.
//!
//! The only file that knows Handlebars. Everything is escaped but the pictures, which are made here.

use handlebars::{Handlebars, RenderError};

use super::view::Page;

const TEMPLATE: &str = include_str!("page.hbs");
const STYLE: &str = include_str!("page.css");
const TABLE: &str = include_str!("table.hbs");

/// Fills the page in.
pub(super) fn fill(page: &Page) -> Result<String, Box<RenderError>> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    let failed = |error: handlebars::TemplateError| Box::new(RenderError::from(error));
    registry.register_partial("style", STYLE).map_err(failed)?;
    registry.register_partial("table", TABLE).map_err(failed)?;
    registry
        .register_template_string("page", TEMPLATE)
        .map_err(failed)?;
    registry.render("page", page).map_err(Box::new)
}
