//! What a document claims: a template of it at one place, and what it asks for each method there.

use std::collections::HashMap;

use super::area::{Area, AreaHost, label_of};
use super::path::TemplatePath;
use super::security::ImportedAccess;
use super::tree::Pointer;

/// What a route does with requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteRule {
    /// Who may pass.
    pub(crate) access: ImportedAccess,
    /// What stands behind the gate.
    pub(crate) origin: Option<String>,
    /// Leading segments that the origin does not see.
    pub(crate) strip_prefix: Option<String>,
}

impl RouteRule {
    /// No one may pass.
    pub(super) const DENY: Self = Self { access: ImportedAccess::Deny, origin: None, strip_prefix: None };
}

/// A claim of an operation.
#[derive(Clone, Debug)]
pub(super) struct OperationRule {
    /// `None` is every method that nothing else of the same path has.
    pub(super) method: Option<String>,
    pub(super) rule: RouteRule,
    /// Why it denies, if it does.
    pub(super) reason: Option<String>,
    pub(super) pointer: Pointer,
}

/// A path of the document at a place where its requests come in.
#[derive(Clone, Debug)]
pub(super) struct SiteTemplate {
    /// As the document writes it.
    pub(super) text: String,
    /// The host as the policy writes it.
    pub(super) host: Option<String>,
    pub(super) path: TemplatePath,
    pub(super) area: Area,
    /// Why no route is made for it, if none is. It then only keeps others from taking its requests.
    pub(super) left_out: Option<String>,
    pub(super) claims: Vec<OperationRule>,
}

impl SiteTemplate {
    pub(super) fn new(text: &str, host: Option<&str>, path: TemplatePath, left_out: Option<String>) -> Self {
        let area = path.area(AreaHost::of(host));
        Self { text: text.to_owned(), host: host.map(str::to_owned), path, area, left_out, claims: Vec::new() }
    }

    /// The name of the capture in its host.
    pub(super) fn label(&self) -> Option<&str> {
        self.host.as_deref().and_then(label_of)
    }

    /// Whether a route can be for its requests and no others.
    pub(super) fn is_exact(&self) -> bool {
        self.left_out.is_none() && self.path.inexact.is_none()
    }

    /// Why there is no route for it alone.
    pub(super) fn problem(&self) -> Option<&String> {
        self.left_out.as_ref().or(self.path.inexact.as_ref())
    }

    /// Its claims for a method. GET has HEAD with it (RFC 9110 §9.3.2), unless the path says what HEAD is.
    pub(super) fn claims(&self, method: Option<&str>) -> Vec<&OperationRule> {
        let covering = if method == Some("HEAD") { Some("GET") } else { None };
        let found = [method, None, covering].into_iter().map(|method| self.named(method));
        found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn named(&self, method: Option<&str>) -> Vec<&OperationRule> {
        self.claims.iter().filter(|claim| claim.method.as_deref() == method).collect()
    }

    /// Whether it has requests there, as far as its tail says.
    pub(super) fn reaches(&self, area: &Area) -> bool {
        self.path.tail.is_empty() || area.may_end(&self.area, &self.path.tail)
    }

    /// Whether another one is more specific by its path. By its host none is: documents do not say so.
    pub(super) fn is_shadowed_by(&self, other: &Self) -> bool {
        let has_order = self.path.tail.is_empty() || other.area.is_literal();
        has_order
            && other.is_exact()
            && other.area.has_path_within(&self.area)
            && !self.area.has_path_within(&other.area)
    }
}

/// The templates of a document, each at each of its places.
#[derive(Debug, Default)]
pub(super) struct SiteTemplates {
    templates: Vec<SiteTemplate>,
    by_key: HashMap<(String, Option<String>, String, Option<String>), usize>,
}

impl SiteTemplates {
    /// Adds a claim to a template, which may be known.
    pub(super) fn add(&mut self, template: SiteTemplate, claim: OperationRule) {
        let SiteTemplate { text, host, path, left_out, .. } = &template;
        let key = (text.clone(), host.clone(), path.text(), left_out.clone());
        let inexact = template.path.inexact.clone();
        let index = *self.by_key.entry(key).or_insert(self.templates.len());
        if index == self.templates.len() {
            self.templates.push(template);
        }
        if let Some(known) = self.templates.get_mut(index) {
            known.path.inexact = known.path.inexact.take().or(inexact);
            known.claims.push(claim);
        }
    }

    /// All templates; those first for which routes can be made.
    pub(super) fn into_sorted(mut self) -> Vec<SiteTemplate> {
        self.leave_named();
        self.templates.sort_by_key(|template| (template.left_out.is_some(), !template.is_exact()));
        self.templates
    }

    /// A claim to all methods is not one to those that the path has at other servers; nor does GET have HEAD with it,
    /// where the path says elsewhere what HEAD is.
    fn leave_named(&mut self) {
        let mut known: HashMap<String, Vec<Option<String>>> = HashMap::new();
        for template in self.templates.iter().filter(|template| template.left_out.is_none()) {
            let methods = template.claims.iter().map(|claim| claim.method.clone());
            known.entry(template.text.clone()).or_default().extend(methods);
        }
        for template in self.templates.iter_mut().filter(|template| template.left_out.is_none()) {
            let has_all = !template.named(None).is_empty();
            for named in known.get(&template.text).into_iter().flatten() {
                // A claim to all methods says what HEAD is, at its own servers too.
                let Some(method) = named.as_deref().or(Some("HEAD").filter(|_| !has_all)) else { continue };
                let Some(taken) = template.claims(Some(method)).first().map(|claim| (*claim).clone()) else { continue };
                if taken.method.as_deref() != Some(method) {
                    let reason = Some(format!("the path has {method} on other servers"));
                    template.claims.push(OperationRule {
                        method: Some(method.to_owned()),
                        rule: RouteRule::DENY,
                        reason,
                        ..taken
                    });
                }
            }
        }
    }
}
