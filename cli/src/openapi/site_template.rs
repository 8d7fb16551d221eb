//! The path templates of a document at their sites, with the rule of each operation.

use std::collections::HashMap;

use super::path::TemplatePath;
use super::security::ImportedAccess;
use super::tree::Pointer;
use crate::area::{Area, AreaHost, label_of};

/// What a route does with its requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RouteRule {
    /// Who is allowed.
    pub(crate) access: ImportedAccess,
    /// The origin behind the gate.
    pub(crate) origin: Option<String>,
    /// Leading segments that are stripped before requests go to the origin.
    pub(crate) strip_prefix: Option<String>,
}

impl RouteRule {
    /// The rule that denies everyone.
    pub(super) const DENY: Self = Self { access: ImportedAccess::Deny, origin: None, strip_prefix: None };
}

/// The rule of an operation.
#[derive(Clone, Debug)]
pub(super) struct OperationRule {
    /// The method; `None` for every method that no other operation of the path has.
    pub(super) method: Option<String>,
    pub(super) rule: RouteRule,
    /// Why it denies requests, if it does.
    pub(super) reason: Option<String>,
    pub(super) pointer: Pointer,
}

/// A path template of the document at a site.
#[derive(Clone, Debug)]
pub(super) struct SiteTemplate {
    /// As the document writes it.
    pub(super) text: String,
    /// The host as the policy writes it.
    pub(super) host: Option<String>,
    pub(super) path: TemplatePath,
    pub(super) area: Area,
    /// Why there is no route for it, if there is none. It then only prevents other routes from taking its requests.
    pub(super) left_out: Option<String>,
    pub(super) operations: Vec<OperationRule>,
}

impl SiteTemplate {
    pub(super) fn new(text: &str, host: Option<&str>, path: TemplatePath, left_out: Option<String>) -> Self {
        let area = path.area(AreaHost::of(host));
        Self { text: text.to_owned(), host: host.map(str::to_owned), path, area, left_out, operations: Vec::new() }
    }

    /// The name of the capture in its host.
    pub(super) fn label(&self) -> Option<&str> {
        self.host.as_deref().and_then(label_of)
    }

    /// Whether a route can match exactly its requests.
    pub(super) fn is_exact(&self) -> bool {
        self.left_out.is_none() && self.path.inexact.is_none()
    }

    /// Why no route matches exactly its requests.
    pub(super) fn problem(&self) -> Option<&String> {
        self.left_out.as_ref().or(self.path.inexact.as_ref())
    }

    /// Its rules for a method. GET includes HEAD (RFC 9110 §9.3.2), unless the path has a rule for HEAD.
    pub(super) fn operations(&self, method: Option<&str>) -> Vec<&OperationRule> {
        let covering = if method == Some("HEAD") { Some("GET") } else { None };
        let found = [method, None, covering].into_iter().map(|method| self.named(method));
        found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn named(&self, method: Option<&str>) -> Vec<&OperationRule> {
        self.operations.iter().filter(|operation| operation.method.as_deref() == method).collect()
    }

    /// Whether it can match requests in an area, given its tail.
    pub(super) fn reaches(&self, area: &Area) -> bool {
        self.path.tail.is_empty() || area.may_end(&self.area, &self.path.tail)
    }

    /// Whether another template is more specific by its path. Hosts do not count: in OpenAPI they have no order.
    pub(super) fn is_shadowed_by(&self, other: &Self) -> bool {
        let has_order = self.path.tail.is_empty() || other.area.is_literal();
        has_order
            && other.is_exact()
            && other.area.has_path_within(&self.area)
            && !self.area.has_path_within(&other.area)
    }
}

/// The templates of a document at all their sites.
#[derive(Debug, Default)]
pub(super) struct SiteTemplates {
    templates: Vec<SiteTemplate>,
    by_key: HashMap<(String, Option<String>, String, Option<String>), usize>,
}

impl SiteTemplates {
    /// Adds the rule of an operation to a template, which may be known already.
    pub(super) fn add(&mut self, template: SiteTemplate, operation: OperationRule) {
        let SiteTemplate { text, host, path, left_out, .. } = &template;
        let key = (text.clone(), host.clone(), path.text(), left_out.clone());
        let inexact = template.path.inexact.clone();
        let index = *self.by_key.entry(key).or_insert(self.templates.len());
        if index == self.templates.len() {
            self.templates.push(template);
        }
        if let Some(known) = self.templates.get_mut(index) {
            known.path.inexact = known.path.inexact.take().or(inexact);
            known.operations.push(operation);
        }
    }

    /// All templates, those with exact routes first.
    pub(super) fn into_sorted(mut self) -> Vec<SiteTemplate> {
        self.leave_named();
        self.templates.sort_by_key(|template| (template.left_out.is_some(), !template.is_exact()));
        self.templates
    }

    /// A rule for all methods does not apply to methods that the path has only at other servers; nor does GET include
    /// HEAD if the path has a rule for HEAD there.
    fn leave_named(&mut self) {
        let mut known: HashMap<String, Vec<Option<String>>> = HashMap::new();
        for template in self.templates.iter().filter(|template| template.left_out.is_none()) {
            let methods = template.operations.iter().map(|operation| operation.method.clone());
            known.entry(template.text.clone()).or_default().extend(methods);
        }
        for template in self.templates.iter_mut().filter(|template| template.left_out.is_none()) {
            let has_all = !template.named(None).is_empty();
            for named in known.get(&template.text).into_iter().flatten() {
                // A rule for all methods is also a rule for HEAD at its own servers.
                let Some(method) = named.as_deref().or(Some("HEAD").filter(|_| !has_all)) else { continue };
                let Some(taken) = template.operations(Some(method)).first().map(|operation| (*operation).clone())
                else {
                    continue;
                };
                if taken.method.as_deref() != Some(method) {
                    let reason = Some(format!("the path has {method} on other servers"));
                    template.operations.push(OperationRule {
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
