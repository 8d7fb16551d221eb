//! Routes, and how those with the same rule are put together.

use std::collections::HashMap;
use std::hash::Hash;

use super::claim::Rule;
use super::security::{Access, Requirement};

/// A route of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The path pattern.
    pub(crate) path: String,
    /// Methods; none are all.
    pub(crate) methods: Vec<String>,
    /// Hosts; none are all.
    pub(crate) hosts: Vec<String>,
    /// What it does.
    pub(crate) rule: Rule,
    /// Why it denies, if it does.
    pub(crate) reasons: Vec<String>,
}

/// The same routes, put together where they differ by methods or hosts alone.
pub(super) fn together(single: Vec<Route>) -> Vec<Route> {
    let by_methods =
        group(single, |route| (route.path.clone(), route.hosts.clone(), route.rule.clone(), route.methods.is_empty()));
    group(by_methods, |route| {
        let mut methods = route.methods.clone();
        methods.sort_unstable();
        (route.path.clone(), methods, route.rule.clone(), route.hosts.is_empty())
    })
}

/// Puts routes of the same kind together, where the first one stood.
fn group<K: Eq + Hash>(routes: impl IntoIterator<Item = Route>, kind: impl Fn(&Route) -> K) -> Vec<Route> {
    let mut grouped: Vec<Route> = Vec::new();
    let mut by_kind: HashMap<K, usize> = HashMap::new();
    for route in routes {
        let next = grouped.len();
        let index = *by_kind.entry(kind(&route)).or_insert(next);
        match grouped.get_mut(index) {
            Some(known) => known.join(route),
            None => grouped.push(route),
        }
    }
    grouped
}

impl Route {
    /// What tokens must be and hold, where it takes some.
    pub(super) fn requirement(&self) -> Option<&Requirement> {
        match &self.rule.access {
            Access::Token(requirement) | Access::Optional(requirement) => Some(requirement),
            Access::Public | Access::Deny => None,
        }
    }

    /// Whether it takes tokens of this issuer.
    pub(super) fn takes_tokens_of(&self, issuer: &String) -> bool {
        self.requirement().is_some_and(|requirement| requirement.issuers.contains(issuer))
    }

    fn join(&mut self, other: Self) {
        join(&mut self.methods, other.methods);
        join(&mut self.hosts, other.hosts);
        join(&mut self.reasons, other.reasons);
    }
}

fn join(known: &mut Vec<String>, others: Vec<String>) {
    for other in others {
        if !known.contains(&other) {
            known.push(other);
        }
    }
}
