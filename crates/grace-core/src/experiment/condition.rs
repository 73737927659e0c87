//! Conditions: cells of the design, derived from columns of the stimuli.

/// A factor of the design and how its level follows from a column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Condition {
    /// The factor, such as `goal`.
    pub name: String,
    /// The column that it is read from.
    pub column: String,
    /// Tried in order, the first that matches gives the level; empty: the value itself.
    pub rules: Vec<Rule>,
}

/// One rule of a [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What the column must satisfy.
    pub test: RuleTest,
    /// The level if it does.
    pub label: String,
}

/// What a column must satisfy; upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleTest {
    /// The text occurs in the value.
    Contains(String),
    /// The value is the text.
    Equals(String),
}

impl Condition {
    /// The level for a stimulus whose column holds `value`; `None` if no rule matches.
    pub fn level<'a>(&'a self, value: &'a str) -> Option<&'a str> {
        if self.rules.is_empty() {
            return Some(value);
        }
        let matching = |rule: &&Rule| match &rule.test {
            RuleTest::Contains(part) => value.contains(part.as_str()),
            RuleTest::Equals(whole) => value == whole,
        };
        self.rules
            .iter()
            .find(matching)
            .map(|rule| rule.label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal() -> Condition {
        let rule = |part: &str, label: &str| Rule {
            test: RuleTest::Contains(part.into()),
            label: label.into(),
        };
        Condition {
            name: "goal".into(),
            column: "Goal".into(),
            rules: vec![rule("BOTH", "both"), rule("feel good", "social")],
        }
    }

    #[test]
    fn the_first_matching_rule_gives_the_level() {
        assert_eq!(goal().level("to BOTH feel good and inform"), Some("both"));
        assert_eq!(goal().level("to make her feel good"), Some("social"));
    }

    #[test]
    fn a_value_that_no_rule_matches_has_no_level() {
        assert_eq!(goal().level("to inform"), None);
    }

    #[test]
    fn without_rules_the_value_is_the_level() {
        let state = Condition {
            rules: Vec::new(),
            ..goal()
        };
        assert_eq!(state.level("2 hearts"), Some("2 hearts"));
    }
}
