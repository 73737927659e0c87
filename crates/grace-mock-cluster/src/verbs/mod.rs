//! What each verb of the API does to the state.

mod apply;
mod create;
pub(crate) mod delete;
mod patch;
mod read;
mod review;

use serde_json::Value;

use crate::answer::Answer;
use crate::request::Query;
use crate::resource::Target;
use crate::state::State;
use crate::status::Refusal;

/// A request that was understood and allowed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: &'static str,
    pub(crate) target: Target,
    pub(crate) query: Query,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    pub(crate) body: Value,
    pub(crate) size: usize,
}

impl Call {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.query.get("dryRun") == Some("All") || self.body["dryRun"][0] == "All"
    }

    /// Who a change is by: `fieldManager`, else the first part of the user agent.
    fn manager(&self) -> &str {
        let of_agent = self.user_agent.split('/').next();
        let manager = self.query.get("fieldManager").or(of_agent);
        manager.filter(|one| !one.is_empty()).unwrap_or("unknown")
    }
}

/// Answers what is neither a watch nor a log nor an exec.
pub(crate) fn answer(state: &mut State, call: &Call) -> Result<Answer, Refusal> {
    match (call.verb, call.target.subresource.as_deref()) {
        ("create", Some("eviction")) => delete::evict(state, call),
        ("get", Some("status") | None) => read::get(state, call),
        ("list", None) => read::list(state, call),
        ("create", None) if call.target.resource.plural.starts_with("selfsubject") => {
            Ok(review::review(state, call))
        }
        ("create", None) => create::create(state, call),
        ("update", None) => patch::update(state, call),
        ("patch", None | Some("status")) if call.content_type.contains("apply-patch") => {
            apply::apply(state, call)
        }
        ("patch", None | Some("status")) => patch::merge_patch(state, call),
        ("delete", None) => delete::delete(state, call),
        _ => Err(Refusal::no_such_path()),
    }
}
