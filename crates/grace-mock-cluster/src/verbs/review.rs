//! Questions about oneself: who am I, and may I.

use serde_json::json;

use super::Call;
use crate::answer::{Answer, json as answer};
use crate::clock;
use crate::state::State;

/// auth-ssar-viewer, auth-selfsubjectreview
pub(super) fn review(state: &State, call: &Call) -> Answer {
    let resource = call.target.resource;
    let mut review = call.body.clone();
    resource.mark(&mut review);
    if resource.plural == "selfsubjectreviews" {
        review["metadata"]["creationTimestamp"] = clock::now().into();
        review["status"] = json!({"userInfo": {
            "username": state.user,
            "uid": "u2",
            "groups": ["lemn-users", "system:authenticated"],
        }});
        return answer(201, &review);
    }
    let asked = &call.body["spec"]["resourceAttributes"];
    let plural = asked["resource"].as_str().unwrap_or_default();
    let right = match asked["subresource"].as_str() {
        Some(sub) if !sub.is_empty() => format!("{plural}/{sub}"),
        _ => plural.to_owned(),
    };
    let allowed = state.may(asked["verb"].as_str().unwrap_or_default(), &right);
    review["metadata"] = json!({});
    review["status"] = json!({"allowed": allowed});
    answer(201, &review)
}
