//! The differences between a new policy and the current one.

use std::collections::BTreeMap;

use portcullis::policy::Policy;
use serde_json::Value;

use crate::output::{GREEN, Output, RED, YELLOW};

/// The maximum number of lines that are shown.
const MAX_LINES: usize = 40;

/// The parts of a policy that differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    before: OldPolicy,
    lines: Vec<(ChangeKind, String)>,
}

/// The state of the current policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OldPolicy {
    #[default]
    Nothing,
    /// A document that the gate refuses. It is always replaced, even if nothing seems to differ.
    Bad,
    Good,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChangeKind {
    Added,
    Removed,
    Changed,
}

impl Changes {
    /// Compares `new` with the current policy.
    pub(super) fn between(old: Option<&str>, new: &str) -> Self {
        let parts = |text: &str| serde_json::from_str(text).ok().as_ref().and_then(parts);
        let before = match old.map(Policy::parse) {
            None => OldPolicy::Nothing,
            Some(Ok(_)) => OldPolicy::Good,
            Some(Err(_)) => OldPolicy::Bad,
        };
        let (old, new) = (old.and_then(parts).unwrap_or_default(), parts(new).unwrap_or_default());
        let removed =
            old.keys().filter(|name| !new.contains_key(*name)).map(|name| (ChangeKind::Removed, name.clone()));
        let others = new.iter().filter_map(|(name, part)| match old.get(name) {
            None => Some((ChangeKind::Added, name.clone())),
            Some(known) if known != part => Some((ChangeKind::Changed, name.clone())),
            Some(_) => None,
        });
        Self { before, lines: removed.chain(others).collect() }
    }

    /// Whether both policies are the same.
    pub(super) fn is_none(&self) -> bool {
        self.before == OldPolicy::Good && self.lines.is_empty()
    }

    /// Lists the changes, one per line.
    pub(super) fn tell(&self, output: &Output) {
        match self.before {
            OldPolicy::Nothing => return output.line("There was no policy."),
            OldPolicy::Bad => output.line("The policy there has errors: the gate refuses it."),
            OldPolicy::Good => {}
        }
        for (kind, name) in self.lines.iter().take(MAX_LINES) {
            let (sign, style) = match kind {
                ChangeKind::Added => ("+", GREEN),
                ChangeKind::Removed => ("-", RED),
                ChangeKind::Changed => ("~", YELLOW),
            };
            output.line(&output.paint(style, &format!("{sign} {name}")));
        }
        if self.lines.len() > MAX_LINES {
            output.line(&format!("  and {} more", self.lines.len() - MAX_LINES));
        }
    }
}

/// The parts of a policy: routes by what they match, issuers by name, and all other keys.
fn parts(policy: &Value) -> Option<BTreeMap<String, Value>> {
    let mut parts = BTreeMap::new();
    for (key, value) in policy.as_object()? {
        match (key.as_str(), value) {
            ("routes", Value::Array(routes)) => {
                parts.extend(routes.iter().map(|route| (name(route), route.clone())));
            }
            ("issuers", Value::Object(issuers)) => {
                parts.extend(issuers.iter().map(|(name, issuer)| (format!("issuer {name}"), issuer.clone())));
            }
            _ => {
                parts.insert(key.clone(), value.clone());
            }
        }
    }
    Some(parts)
}

fn name(route: &Value) -> String {
    let list = |key: &str| {
        let items = route.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut items: Vec<&str> = items.filter_map(Value::as_str).collect();
        items.sort_unstable();
        items.join(",")
    };
    let path = route.get("path").and_then(Value::as_str).unwrap_or_default();
    let words = ["route".to_owned(), list("methods"), format!("{}{path}", list("hosts"))];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"{"version":1,"origin":"https://o","issuers":{"a":{"issuer":"https://a"},"b":{"issuer":"https://b"}},
        "routes":[{"path":"/a","access":"public"},{"path":"/b","methods":["PUT","GET"],"audience":"x"}]}"#;

    fn lines(old: &str, new: &str) -> Vec<(ChangeKind, String)> {
        Changes::between(Some(old), new).lines
    }

    #[test]
    fn the_same_policy_in_another_order_is_no_change() {
        let other = r#"{"issuers":{"b":{"issuer":"https://b"},"a":{"issuer":"https://a"}},"origin":"https://o","version":1,
            "routes":[{"methods":["PUT","GET"],"audience":"x","path":"/b"},{"path":"/a","access":"public"}]}"#;
        assert!(Changes::between(Some(OLD), OLD).is_none());
        assert!(Changes::between(Some(OLD), other).is_none());
    }

    #[test]
    fn routes_are_known_by_what_they_match_and_issuers_by_name() {
        let new = r#"{"version":1,"origin":"https://p","issuers":{"a":{"issuer":"https://c"},"d":{"issuer":"https://d"}},
            "routes":[{"path":"/b","methods":["GET","PUT"],"audience":"y"},{"path":"/a","hosts":["h"],"access":"public"}]}"#;
        let expected = [
            (ChangeKind::Removed, "issuer b"),
            (ChangeKind::Removed, "route /a"),
            (ChangeKind::Changed, "issuer a"),
            (ChangeKind::Added, "issuer d"),
            (ChangeKind::Changed, "origin"),
            (ChangeKind::Changed, "route GET,PUT /b"),
            (ChangeKind::Added, "route h/a"),
        ];
        assert_eq!(lines(OLD, new), expected.map(|(kind, name)| (kind, name.to_owned())));
    }

    #[test]
    fn what_the_gate_refuses_is_replaced_also_by_what_looks_the_same() {
        let route = r#"{"path":"/a","access":"public"},"#;
        let twice = OLD.replace(route, &route.repeat(2));
        let hidden = OLD.replace(r#""origin":"https://o""#, r#""origin":"https://evil","origin":"https://o""#);
        for old in ["{}", "", "[]", "version = 1", &twice, &hidden] {
            let changes = Changes::between(Some(old), OLD);
            assert!(changes.before == OldPolicy::Bad && !changes.is_none(), "{old}");
        }
        assert_eq!((lines(&twice, OLD), lines(&hidden, OLD)), (Vec::new(), Vec::new()));
        assert!(!Changes::between(None, OLD).is_none());
    }
}
