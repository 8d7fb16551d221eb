//! Imported routes, and how those with the same rule are merged.

use std::collections::HashMap;
use std::hash::Hash;

use super::security::{ImportedAccess, ImportedRequirement};
use super::site_template::RouteRule;

/// A route of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportedRoute {
    /// The path pattern.
    pub(crate) path: String,
    /// Methods; empty for all.
    pub(crate) methods: Vec<String>,
    /// Hosts; empty for all.
    pub(crate) hosts: Vec<String>,
    /// Its rule.
    pub(crate) rule: RouteRule,
    /// Why it denies requests, if it does.
    pub(crate) reasons: Vec<String>,
}

/// Merges routes that differ only by their methods or hosts.
pub(super) fn together(single: Vec<ImportedRoute>) -> Vec<ImportedRoute> {
    let by_methods =
        group(single, |route| (route.path.clone(), route.hosts.clone(), route.rule.clone(), route.methods.is_empty()));
    group(by_methods, |route| {
        let mut methods = route.methods.clone();
        methods.sort_unstable();
        (route.path.clone(), methods, route.rule.clone(), route.hosts.is_empty())
    })
}

/// Merges routes of the same kind, at the position of the first one.
fn group<K: Eq + Hash>(
    routes: impl IntoIterator<Item = ImportedRoute>,
    kind: impl Fn(&ImportedRoute) -> K,
) -> Vec<ImportedRoute> {
    let mut grouped: Vec<ImportedRoute> = Vec::new();
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

impl ImportedRoute {
    /// The requirement on tokens, if it accepts any.
    pub(super) fn requirement(&self) -> Option<&ImportedRequirement> {
        match &self.rule.access {
            ImportedAccess::Token(requirement) | ImportedAccess::Optional(requirement) => Some(requirement),
            ImportedAccess::Public | ImportedAccess::Deny => None,
        }
    }

    /// Whether it accepts tokens of this issuer.
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
