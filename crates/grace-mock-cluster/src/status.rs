//! Refusals, in the words of a real API server (`testdata/k8s-api`).

use serde_json::{Value, json};

use crate::resource::{Resource, Target};

/// A refusal: HTTP code and `Status` object.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// A `Status` without a reason, if `reason` is empty.
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message.into(),
            "code": code,
        });
        if !reason.is_empty() {
            body["reason"] = reason.into();
        }
        Self {
            code,
            body,
            retry_after: None,
        }
    }

    fn with_details(mut self, details: Value) -> Self {
        self.body["details"] = details;
        self
    }

    /// auth-list-jobs-bad-token-401
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// auth-create-job-viewer-403, auth-nodes-403, auth-podlog-nobody-403
    pub(crate) fn forbidden(user: &str, verb: &str, target: &Target) -> Self {
        let resource = target.resource;
        let subject = if target.name().is_empty() {
            resource.qualified()
        } else {
            format!("{} \"{}\"", resource.qualified(), target.name())
        };
        let place = match &target.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" {place}",
            target.right(),
            resource.group,
        );
        Self::new(403, "Forbidden", message).with_details(details(resource, target.name()))
    }

    /// job-get-404
    pub(crate) fn not_found(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        Self::new(404, "NotFound", message).with_details(details(resource, name))
    }

    /// unknown-group-404
    pub(crate) fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(404, "NotFound", message).with_details(json!({}))
    }

    /// create-already-exists-409, create-while-deleting-409
    pub(crate) fn already_exists(resource: Resource, name: &str, deleting: bool) -> Self {
        let prefix = if deleting {
            "object is being deleted: "
        } else {
            ""
        };
        let message = format!("{prefix}{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).with_details(details(resource, name))
    }

    /// put-stale-409
    pub(crate) fn stale(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).with_details(details(resource, name))
    }

    /// ssa-conflict-409: `(manager, field)` of each conflict.
    pub(crate) fn conflicts(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|(manager, field)| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with \"{manager}\""),
                    "field": field,
                })
            })
            .collect();
        Self::new(409, "Conflict", conflict_message(conflicts))
            .with_details(json!({"causes": causes}))
    }

    /// job-template-immutable-422
    pub(crate) fn invalid(resource: Resource, name: &str, field: &str, problem: &str) -> Self {
        let of = match resource.group {
            "" => resource.kind.to_owned(),
            group => format!("{}.{group}", resource.kind),
        };
        let message = format!("{of} \"{name}\" is invalid: {field}: {problem}");
        let cause = json!({"reason": "FieldValueInvalid", "message": problem, "field": field});
        let mut details = details(resource, name);
        details["kind"] = resource.kind.into();
        details["causes"] = json!([cause]);
        Self::new(422, "Invalid", message).with_details(details)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }
}

fn conflict_message(conflicts: &[(String, String)]) -> String {
    if let [(manager, field)] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with \"{manager}\": {field}");
    }
    let mut managers: Vec<&String> = conflicts.iter().map(|(manager, _)| manager).collect();
    managers.sort();
    managers.dedup();
    let mut lines = Vec::new();
    for manager in managers {
        lines.push(format!("conflicts with \"{manager}\":"));
        let fields = conflicts.iter().filter(|(other, _)| other == manager);
        lines.extend(fields.map(|(_, field)| format!("- {field}")));
    }
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

/// What `details` of a refusal names.
pub(crate) fn details(resource: Resource, name: &str) -> Value {
    let mut details = json!({"kind": resource.plural});
    if !name.is_empty() {
        details["name"] = name.into();
    }
    if !resource.group.is_empty() {
        details["group"] = resource.group.into();
    }
    details
}
