//! Label and field selectors.

use serde_json::Value;

use crate::request::Query;
use crate::resource::Resource;
use crate::status::Refusal;

/// Which objects a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    pub(crate) fn of(query: &Query, resource: Resource) -> Result<Self, Refusal> {
        let labels = split(query.get("labelSelector").unwrap_or_default());
        let labels = labels.iter().map(|one| label_requirement(one));
        let fields = split(query.get("fieldSelector").unwrap_or_default());
        let fields = fields.iter().map(|one| field_requirement(one, resource));
        Ok(Self {
            labels: labels.collect::<Result<_, _>>()?,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str();
        let field = |key: &str| {
            let pointer = format!("/{}", key.replace('.', "/"));
            // A field that is not set is an empty string to a field selector.
            Some(
                object
                    .pointer(&pointer)
                    .and_then(Value::as_str)
                    .unwrap_or(""),
            )
        };
        self.labels
            .iter()
            .all(|one| one.test.holds(label(&one.key)))
            && self
                .fields
                .iter()
                .all(|one| one.test.holds(field(&one.key)))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|one| one == value)),
            Self::NotIn(refused) => {
                value.is_none_or(|value| refused.iter().all(|one| one != value))
            }
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn requirement(key: &str, test: Test) -> Requirement {
    Requirement {
        key: key.trim().to_owned(),
        test,
    }
}

fn label_requirement(text: &str) -> Result<Requirement, Refusal> {
    if let Some(found) = equality(text) {
        return well_formed(found);
    }
    if let Some((head, values)) = text.trim().trim_end_matches(')').split_once('(') {
        let values = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let head: Vec<&str> = head.split_whitespace().collect();
        return match head.as_slice() {
            [key, "in"] => Ok(requirement(key, Test::In(values))),
            [key, "notin"] => Ok(requirement(key, Test::NotIn(values))),
            _ => Err(cannot_parse(head.get(1).copied().unwrap_or_default())),
        };
    }
    well_formed(match text.trim().strip_prefix('!') {
        Some(key) => requirement(key, Test::Absent),
        None => requirement(text, Test::Exists),
    })
}

/// `a=b`, `a==b`, `a!=b`.
fn equality(text: &str) -> Option<Requirement> {
    if let Some((key, value)) = text.split_once("!=") {
        return Some(requirement(key, Test::NotIn(vec![value.trim().to_owned()])));
    }
    let (key, value) = text.split_once("==").or_else(|| text.split_once('='))?;
    Some(requirement(key, Test::In(vec![value.trim().to_owned()])))
}

fn well_formed(found: Requirement) -> Result<Requirement, Refusal> {
    match found.key.split_whitespace().nth(1) {
        Some(word) => Err(cannot_parse(word)),
        None => Ok(found),
    }
}

/// bad-selector-400
fn cannot_parse(word: &str) -> Refusal {
    Refusal::bad_request(format!(
        "unable to parse requirement: found '{word}', expected: in, notin, =, ==, !=, gt, lt"
    ))
}

fn field_requirement(text: &str, resource: Resource) -> Result<Requirement, Refusal> {
    let Some(found) = equality(text) else {
        return Err(Refusal::bad_request(format!(
            "invalid selector: '{text}'; can't understand '{text}'"
        )));
    };
    let known = ["metadata.name", "metadata.namespace"].contains(&found.key.as_str())
        || match resource.plural {
            "pods" => [
                "spec.nodeName",
                "status.phase",
                "spec.restartPolicy",
                "status.podIP",
            ]
            .contains(&found.key.as_str()),
            "events" => {
                found.key.starts_with("involvedObject.")
                    || ["type", "reason", "source"].contains(&found.key.as_str())
            }
            "jobs" => found.key == "status.successful",
            "secrets" => found.key == "type",
            "namespaces" => found.key == "status.phase",
            _ => false,
        };
    if known {
        Ok(found)
    } else {
        // bad-fieldselector-400
        Err(Refusal::bad_request(format!(
            "field label not supported: {}",
            found.key
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(labels: &str, fields: &str) -> bool {
        let pod = json!({
            "metadata": {"name": "p", "labels": {"app": "grace", "index": "3"}},
            "status": {"phase": "Running"},
        });
        let query = Query::new([("labelSelector", labels), ("fieldSelector", fields)]);
        Selector::of(&query, Resource::find("pods").unwrap())
            .unwrap()
            .matches(&pod)
    }

    #[test]
    fn labels_select() {
        for yes in [
            "",
            "app=grace",
            "app==grace,index=3",
            "app!=other",
            "index in (2, 3)",
            "app,index notin (1)",
            "!absent",
            "absent!=x",
        ] {
            assert!(selects(yes, ""), "{yes}");
        }
        for no in [
            "app=other",
            "app!=grace",
            "index in (1,2),app",
            "absent",
            "!app",
            "absent=x",
        ] {
            assert!(!selects(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_select() {
        assert!(selects("", "metadata.name=p,status.phase!=Failed"));
        assert!(!selects("", "metadata.name=q"));
        assert!(selects("", "spec.nodeName="));
    }

    #[test]
    fn what_the_api_refuses_is_refused() {
        let pods = Resource::find("pods").unwrap();
        let bad = Selector::of(&Query::new([("labelSelector", "a b=")]), pods).unwrap_err();
        let recorded = crate::recorded("bad-selector-400");
        assert_eq!(bad.body, recorded["response"]["body"]);
        let bad = Selector::of(&Query::new([("fieldSelector", "spec.foo=bar")]), pods).unwrap_err();
        let recorded = crate::recorded("bad-fieldselector-400");
        assert_eq!(bad.body, recorded["response"]["body"]);
    }
}
