//! Spots: areas that a route can have, the operations whose requests are in them, and what happens to these.

use super::names::unique;
use super::remarks::{RemarkKind, Remarks};
use super::route::ImportedRoute;
use super::site_template::{OperationRule, RouteRule, SiteTemplate};
use crate::area::Area;

static DENY: RouteRule = RouteRule::DENY;

/// An area that a route can have, and the operations in it.
#[derive(Debug)]
pub(super) struct Spot<'t> {
    pub(super) area: Area,
    pub(super) kind: SpotKind,
    entries: Vec<MethodRules<'t>>,
}

/// Why there is a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SpotKind {
    /// The document has a path for it.
    Own,
    /// It is only for paths without routes of their own, whose requests other routes must not take.
    LeftOut,
    /// It is the intersection of paths with different rules.
    Shared,
}

/// The operations for a method; `None` is every other method.
#[derive(Debug)]
struct MethodRules<'t> {
    method: Option<&'t str>,
    operations: Vec<(&'t SiteTemplate, &'t OperationRule)>,
}

impl<'t> Spot<'t> {
    /// A spot, and the templates that cover it, of which only the most specific count. `otherwise` is its kind if the
    /// document has no path for it.
    pub(super) fn new(area: Area, mut over: Vec<&'t SiteTemplate>, otherwise: SpotKind) -> Self {
        over.retain(|template| template.reaches(&area));
        let is_shadowed = |template: &&SiteTemplate| over.iter().any(|other| template.is_shadowed_by(other));
        let mut templates: Vec<&SiteTemplate> =
            over.iter().filter(|template| !is_shadowed(template)).copied().collect();
        // Templates of exactly this area come first: the route gets the names of their parameters.
        templates.sort_by_key(|template| template.area.cover() != area);
        let is_own = |template: &&SiteTemplate| template.left_out.is_none() && template.area.cover() == area;
        let kind = if templates.iter().any(is_own) { SpotKind::Own } else { otherwise };
        let entries = methods(&templates).into_iter().map(|method| MethodRules::new(method, &templates)).collect();
        Self { area, kind, entries }
    }

    /// Whether the two treat some request differently.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.entries.iter().chain(&other.entries).any(|entry| {
            let both = self.rule_for(entry.method).zip(other.rule_for(entry.method));
            both.is_some_and(|(one, two)| one != two)
        })
    }

    /// The intersection with an overlapping spot, if the two differ and neither contains the other.
    pub(super) fn shared_with(&self, other: &Self) -> Option<Area> {
        let is_nested = self.area.is_within(&other.area) || other.area.is_within(&self.area);
        (!is_nested && self.differs_from(other)).then(|| self.area.meet(&other.area))
    }

    /// Its rules by method. Two spots with equal rules do not differ.
    pub(super) fn rules(&self) -> Vec<(Option<&'t str>, &'t RouteRule)> {
        let mut rules: Vec<_> =
            self.entries.iter().map(|entry| (entry.method, entry.agreed().unwrap_or(&DENY))).collect();
        rules.sort_unstable_by_key(|(method, _)| *method);
        rules
    }

    /// The rule for a method: that of its operations, or one that denies if they do not agree.
    fn rule_for(&self, method: Option<&str>) -> Option<&'t RouteRule> {
        let named = |method: Option<&str>| self.entries.iter().find(|entry| entry.method == method);
        Some(named(method).or_else(|| named(None))?.agreed().unwrap_or(&DENY))
    }

    /// Its routes, one for each method, with remarks.
    pub(super) fn routes(&self, remarks: &mut Remarks) -> Vec<ImportedRoute> {
        let get = self.entries.iter().find(|entry| entry.method == Some("GET")).map(MethodRules::rule);
        // In the gate, GET covers HEAD.
        let is_covered = |entry: &MethodRules<'_>| {
            entry.method == Some("HEAD") && !entry.is_named() && get.is_some_and(|get| get == entry.rule())
        };
        // The gate refuses methods of a path that no route takes.
        let is_left_out = |entry: &MethodRules<'_>| {
            self.kind != SpotKind::LeftOut && entry.operations.iter().all(|(template, _)| template.left_out.is_some())
        };
        let entries = self.entries.iter().filter(|entry| !is_covered(entry) && !is_left_out(entry));
        entries.filter_map(|entry| self.route(entry, remarks)).collect()
    }

    fn route(&self, entry: &MethodRules<'_>, remarks: &mut Remarks) -> Option<ImportedRoute> {
        let (template, _) = entry.operations.first()?;
        let unused = unique("label", |name| !template.path.names().any(|known| known == name));
        let label = template.label().unwrap_or(&unused);
        let names_all = |template: &&SiteTemplate| template.path.segments.len() == self.area.parts.len();
        let template = entry.operations.iter().map(|(template, _)| *template).find(names_all).unwrap_or(template);
        let path = template.path.within_area(&self.area, Some(label)).text();
        let reasons: Vec<String> =
            entry.operations.iter().filter_map(|operation| self.tell(entry, operation, &path, remarks)).collect();
        Some(ImportedRoute {
            path,
            methods: entry.method.map(str::to_owned).into_iter().collect(),
            hosts: self.area.host.text(label).into_iter().collect(),
            rule: entry.rule().clone(),
            reasons: reasons.into_iter().take(1).collect(),
        })
    }

    /// Adds a remark on what happened to an operation. Returns why it is denied, if it is.
    fn tell(
        &self,
        entry: &MethodRules<'_>,
        (template, operation): &(&SiteTemplate, &OperationRule),
        path: &str,
        remarks: &mut Remarks,
    ) -> Option<String> {
        if operation.rule == RouteRule::DENY {
            return operation.reason.clone();
        }
        let is_here = |template: &SiteTemplate| template.area.cover() == self.area;
        let is_whole = is_here(template) && operation.method.as_deref() == entry.method;
        let reason = match (entry.other_than(&operation.rule), template.problem()) {
            (Some((other, _)), Some(problem)) if template.left_out.is_some() || !is_here(other) => problem.clone(),
            (Some((_, other)), _) if is_whole => {
                format!("takes the same requests as {}, which has other access rules", other.pointer)
            }
            (Some((_, other)), _) => {
                let method = entry.method.map(|method| format!("{method} ")).unwrap_or_default();
                format!("{method}{path} is also for {}, which has other access rules", other.pointer)
            }
            (None, problem) if *entry.rule() == RouteRule::DENY => problem?.clone(),
            (None, _) => {
                let first = entry.operations.first().map(|(_, first)| &first.pointer);
                if let Some(first) =
                    first.filter(|first| is_whole && template.left_out.is_none() && **first != operation.pointer)
                {
                    let message = format!("takes the same requests as {first}, and shares its route");
                    remarks.add(RemarkKind::Changed, &message, &operation.pointer);
                }
                return None;
            }
        };
        remarks.add(RemarkKind::Denied, &reason, &operation.pointer);
        Some(reason)
    }
}

impl<'t> MethodRules<'t> {
    fn new(method: Option<&'t str>, templates: &[&'t SiteTemplate]) -> Self {
        let operations = |template: &&'t SiteTemplate| {
            let template = *template;
            template.operations(method).into_iter().map(move |operation| (template, operation))
        };
        Self { method, operations: templates.iter().flat_map(operations).collect() }
    }

    /// The rule of all operations, if they have the same.
    fn agreed(&self) -> Option<&'t RouteRule> {
        let (_, first) = self.operations.first()?;
        self.operations.iter().all(|(_, operation)| operation.rule == first.rule).then_some(&first.rule)
    }

    /// The rule of the route: that of all operations, if one of them is for exactly its requests.
    fn rule(&self) -> &'t RouteRule {
        let is_said = self.operations.iter().any(|(template, _)| template.is_exact());
        self.agreed().filter(|_| is_said).unwrap_or(&DENY)
    }

    /// An operation with another rule.
    fn other_than(&self, rule: &RouteRule) -> Option<&(&'t SiteTemplate, &'t OperationRule)> {
        self.operations.iter().find(|(_, operation)| operation.rule != *rule)
    }

    fn is_named(&self) -> bool {
        self.operations.iter().any(|(_, operation)| operation.method.as_deref() == self.method)
    }
}

/// The methods that these have rules for; last `None`, for every other method.
fn methods<'t>(templates: &[&'t SiteTemplate]) -> Vec<Option<&'t str>> {
    let operations = || templates.iter().flat_map(|template| &template.operations);
    let mut methods: Vec<Option<&str>> = Vec::new();
    let named = operations().filter_map(|operation| operation.method.as_deref());
    let head = operations().any(|operation| operation.method.as_deref() == Some("GET")).then_some("HEAD");
    let other = operations().any(|operation| operation.method.is_none()).then_some(None);
    for method in named.chain(head).map(Some).chain(other) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}
