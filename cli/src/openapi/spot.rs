//! Spots: what a route can be for, the operations whose requests are there, and what becomes of them.

use super::area::Area;
use super::names::unique;
use super::remarks::{RemarkKind, Remarks};
use super::route::ImportedRoute;
use super::site_template::{OperationRule, RouteRule, SiteTemplate};

static DENY: RouteRule = RouteRule::DENY;

/// What a route can be for.
#[derive(Debug)]
pub(super) struct Spot<'t> {
    pub(super) area: Area,
    pub(super) kind: SpotKind,
    entries: Vec<MethodRules<'t>>,
}

/// Why there is a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SpotKind {
    /// The document has a path there.
    Own,
    /// Only paths without routes are there; others take no requests from there that these deny.
    LeftOut,
    /// Paths of different rules have it in common.
    Shared,
}

/// What claims there are for a method; `None` is every other one.
#[derive(Debug)]
struct MethodRules<'t> {
    method: Option<&'t str>,
    claims: Vec<(&'t SiteTemplate, &'t OperationRule)>,
}

impl<'t> Spot<'t> {
    /// A spot, and the templates that lie over it. Of these only the most specific count.
    pub(super) fn new(area: Area, mut over: Vec<&'t SiteTemplate>, is_shared: bool) -> Self {
        over.retain(|template| template.reaches(&area));
        let is_shadowed = |template: &&SiteTemplate| over.iter().any(|other| template.is_shadowed_by(other));
        let mut templates: Vec<&SiteTemplate> =
            over.iter().filter(|template| !is_shadowed(template)).copied().collect();
        // Those that are there alone come first: the route is named as they are.
        templates.sort_by_key(|template| template.area.cover() != area);
        let is_own = |template: &&SiteTemplate| template.left_out.is_none() && template.area.cover() == area;
        let kind = match is_shared {
            _ if templates.iter().any(is_own) => SpotKind::Own,
            true => SpotKind::Shared,
            false => SpotKind::LeftOut,
        };
        let entries = methods(&templates).into_iter().map(|method| MethodRules::new(method, &templates)).collect();
        Self { area, kind, entries }
    }

    /// Whether a request for what both have may be treated in two ways.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.entries.iter().chain(&other.entries).any(|entry| {
            let both = self.asked(entry.method).zip(other.asked(entry.method));
            both.is_some_and(|(one, two)| one != two)
        })
    }

    /// What tells it from others: two that say the same here do not differ.
    pub(super) fn asks(&self) -> Vec<(Option<&'t str>, &'t RouteRule)> {
        let mut asks: Vec<_> =
            self.entries.iter().map(|entry| (entry.method, entry.agreed().unwrap_or(&DENY))).collect();
        asks.sort_unstable_by_key(|(method, _)| *method);
        asks
    }

    /// What its claims ask; no one may pass where they do not agree.
    fn asked(&self, method: Option<&str>) -> Option<&'t RouteRule> {
        let named = |method: Option<&str>| self.entries.iter().find(|entry| entry.method == method);
        Some(named(method).or_else(|| named(None))?.agreed().unwrap_or(&DENY))
    }

    /// Its routes, one for each method.
    pub(super) fn routes(&self, remarks: &mut Remarks) -> Vec<ImportedRoute> {
        let get = self.entries.iter().find(|entry| entry.method == Some("GET")).map(MethodRules::rule);
        // GET covers HEAD in the gate.
        let is_covered = |entry: &MethodRules<'_>| {
            entry.method == Some("HEAD") && !entry.is_named() && get.is_some_and(|get| get == entry.rule())
        };
        // Other methods of its path than those of its routes the gate refuses.
        let is_left_out = |entry: &MethodRules<'_>| {
            self.kind != SpotKind::LeftOut && entry.claims.iter().all(|(template, _)| template.left_out.is_some())
        };
        let entries = self.entries.iter().filter(|entry| !is_covered(entry) && !is_left_out(entry));
        entries.filter_map(|entry| self.route(entry, remarks)).collect()
    }

    fn route(&self, entry: &MethodRules<'_>, remarks: &mut Remarks) -> Option<ImportedRoute> {
        let (template, _) = entry.claims.first()?;
        let unused = unique("label", |name| !template.path.names().any(|known| known == name));
        let label = template.label().unwrap_or(&unused);
        let names_all = |template: &&SiteTemplate| template.path.segments.len() == self.area.parts.len();
        let template = entry.claims.iter().map(|(template, _)| *template).find(names_all).unwrap_or(template);
        let path = template.path.within_area(&self.area, Some(label)).text();
        let reasons: Vec<String> =
            entry.claims.iter().filter_map(|claim| self.tell(entry, claim, &path, remarks)).collect();
        Some(ImportedRoute {
            path,
            methods: entry.method.map(str::to_owned).into_iter().collect(),
            hosts: self.area.host.text(label).into_iter().collect(),
            rule: entry.rule().clone(),
            reasons: reasons.into_iter().take(1).collect(),
        })
    }

    /// Reports what became of a claim in an entry; says why it is denied, if it is.
    fn tell(
        &self,
        entry: &MethodRules<'_>,
        (template, claim): &(&SiteTemplate, &OperationRule),
        path: &str,
        remarks: &mut Remarks,
    ) -> Option<String> {
        if claim.rule == RouteRule::DENY {
            return claim.reason.clone();
        }
        let is_here = |template: &SiteTemplate| template.area.cover() == self.area;
        let is_whole = is_here(template) && claim.method.as_deref() == entry.method;
        let reason = match (entry.other_than(&claim.rule), template.problem()) {
            (Some((other, _)), Some(problem)) if template.left_out.is_some() || !is_here(other) => problem.clone(),
            (Some((_, other)), _) if is_whole => {
                format!("takes the same requests as {}, which says otherwise who may", other.pointer)
            }
            (Some((_, other)), _) => {
                let method = entry.method.map(|method| format!("{method} ")).unwrap_or_default();
                format!("{method}{path} is for {} too, which says otherwise who may", other.pointer)
            }
            (None, problem) if *entry.rule() == RouteRule::DENY => problem?.clone(),
            (None, _) => {
                let first = entry.claims.first().map(|(_, first)| &first.pointer);
                if let Some(first) =
                    first.filter(|first| is_whole && template.left_out.is_none() && **first != claim.pointer)
                {
                    let message = format!("takes the same requests as {first}, and so has the same route");
                    remarks.add(RemarkKind::Changed, &message, &claim.pointer);
                }
                return None;
            }
        };
        remarks.add(RemarkKind::Denied, &reason, &claim.pointer);
        Some(reason)
    }
}

impl<'t> MethodRules<'t> {
    fn new(method: Option<&'t str>, templates: &[&'t SiteTemplate]) -> Self {
        let claims = |template: &&'t SiteTemplate| {
            let template = *template;
            template.claims(method).into_iter().map(move |claim| (template, claim))
        };
        Self { method, claims: templates.iter().flat_map(claims).collect() }
    }

    /// What all claims ask, if they ask the same.
    fn agreed(&self) -> Option<&'t RouteRule> {
        let (_, first) = self.claims.first()?;
        self.claims.iter().all(|(_, claim)| claim.rule == first.rule).then_some(&first.rule)
    }

    /// What the route does: what all ask, if one of them is for all of its requests.
    fn rule(&self) -> &'t RouteRule {
        let is_said = self.claims.iter().any(|(template, _)| template.is_exact());
        self.agreed().filter(|_| is_said).unwrap_or(&DENY)
    }

    /// A claim that asks something else.
    fn other_than(&self, rule: &RouteRule) -> Option<&(&'t SiteTemplate, &'t OperationRule)> {
        self.claims.iter().find(|(_, claim)| claim.rule != *rule)
    }

    fn is_named(&self) -> bool {
        self.claims.iter().any(|(_, claim)| claim.method.as_deref() == self.method)
    }
}

/// The methods of which these say something; the last is every other one.
fn methods<'t>(templates: &[&'t SiteTemplate]) -> Vec<Option<&'t str>> {
    let claims = || templates.iter().flat_map(|template| &template.claims);
    let mut methods: Vec<Option<&str>> = Vec::new();
    let named = claims().filter_map(|claim| claim.method.as_deref());
    let head = claims().any(|claim| claim.method.as_deref() == Some("GET")).then_some("HEAD");
    let other = claims().any(|claim| claim.method.is_none()).then_some(None);
    for method in named.chain(head).map(Some).chain(other) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}
