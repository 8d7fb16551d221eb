//! Converts an OpenAPI document to a policy. Pure: a value in, routes and remarks out.
//!
//! The policy never allows more than the document. What it cannot express is denied, narrowed or left out, and each
//! such place is in the remarks. Leaving something out is safe only if no route takes its requests: without a route of
//! its own, a path could be taken by a less specific route. Otherwise there is a route that denies it.

#[cfg(test)]
mod model;
mod names;
mod operation;
mod options;
mod parse_path;
mod path;
mod readings;
mod remarks;
mod route;
#[cfg(test)]
mod samples;
mod schemes;
mod scopes;
mod security;
mod server;
mod settle;
mod site;
mod site_template;
mod spot;
mod swagger;
mod tree;

pub(crate) use options::{DefaultAccess, ImportOptions};
pub(crate) use remarks::{MissingOption, Remark, RemarkKind};
pub(crate) use route::ImportedRoute;
pub(crate) use scopes::ImportedScopes;
pub(crate) use security::{ImportedAccess, ImportedIssuer};
pub(crate) use site_template::RouteRule;

use crate::area::template::{rewritten, segments};
use operation::{Operation, operations};
use path::TemplatePath;
use remarks::Remarks;
use security::Security;
use server::Server;
use settle::settle;
use site::{Site, Sites};
use site_template::{OperationRule, SiteTemplate, SiteTemplates};
use tree::TreeNode;

use crate::document::SourceValue;

/// The result of a conversion.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The routes, in the order of the document.
    pub(crate) routes: Vec<ImportedRoute>,
    /// The issuers that the routes refer to.
    pub(crate) issuers: Vec<ImportedIssuer>,
    /// What the user should know.
    pub(crate) remarks: Vec<Remark>,
    /// Options that the user must give; without them the routes are not a policy.
    pub(crate) missing: Vec<MissingOption>,
    /// The number of operations in the document.
    pub(crate) operations: usize,
}

/// Converts a document to routes.
///
/// # Errors
/// Why the document as a whole cannot be converted.
pub(crate) fn import(document: &SourceValue, options: &ImportOptions) -> Result<Import, String> {
    let version = version(document)?;
    check_tables(document, version)?;
    let mut remarks = Remarks::default();
    let rewritten;
    let document = match version {
        SpecVersion::OpenApi3 => document,
        SpecVersion::Swagger2 => {
            rewritten = from_swagger(document, options, &mut remarks)?;
            &rewritten
        }
    };
    let mut converter = Converter::new(document, options, &mut remarks)?;
    let operations = operations(document, &mut remarks);
    if operations.is_empty() {
        return Err("the document has no operations".to_owned());
    }
    let count = operations.len();
    operations.iter().try_for_each(|operation| converter.convert(operation, &mut remarks))?;
    let routes = settle(&converter.templates.into_sorted(), &mut remarks)?;
    let mut issuers = converter.security.into_issuers();
    issuers.retain(|issuer| routes.iter().any(|route| route.takes_tokens_of(&issuer.name)));
    find_missing(&routes, options, &mut remarks);
    let (remarks, missing) = remarks.into_parts();
    Ok(Import { routes, issuers, remarks, missing, operations: count })
}

/// The specification that a document follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpecVersion {
    Swagger2,
    OpenApi3,
}

fn version(document: &SourceValue) -> Result<SpecVersion, String> {
    let document = TreeNode::root(document);
    let expected = "expected OpenAPI 3.0, 3.1 or Swagger 2.0";
    let version = |name| document.member(name).map(|version| version.scalar().unwrap_or_default());
    match (version("swagger"), version("openapi")) {
        (Some(_), Some(_)) => Err(format!("{expected}, found both `openapi` and `swagger`")),
        (Some(version), None) if ["2", "2.0"].contains(&version.as_str()) => Ok(SpecVersion::Swagger2),
        (None, Some(version))
            if ["3.0", "3.1"].iter().any(|known| version == *known || version.starts_with(&format!("{known}."))) =>
        {
            Ok(SpecVersion::OpenApi3)
        }
        (Some(version), None) | (None, Some(version)) => Err(format!("{expected}, found {version:?}")),
        (None, None) => Err(format!("{expected}, found no `openapi`")),
    }
}

fn from_swagger(document: &SourceValue, options: &ImportOptions, remarks: &mut Remarks) -> Result<SourceValue, String> {
    let root = TreeNode::root(document);
    if let Some(host) = root.member("host").filter(|_| swagger::assumes_https(&root)) {
        remarks.add(RemarkKind::Noted, "no `schemes`: the origin is assumed to have https", &host.pointer);
    }
    let named: Vec<&str> = options.issuers.iter().map(|(name, _)| name.as_str()).collect();
    for (name, place) in swagger::unnamed_keys(&root, &named) {
        let message = format!(
            "the security scheme {name:?} is an API key in the header Authorization: if its values are bearer tokens, \
             name their issuer with --issuer {name}=URL"
        );
        remarks.add(RemarkKind::Noted, &message, &place);
    }
    swagger::rewritten(document, &named)
}

/// Checks the tables whose members are read. If some of their members were elsewhere, they would be missed.
fn check_tables(document: &SourceValue, version: SpecVersion) -> Result<(), String> {
    let root = TreeNode::root(document);
    let (components, schemes) = match version {
        SpecVersion::Swagger2 => (None, root.member("securityDefinitions")),
        SpecVersion::OpenApi3 => {
            let components = root.member("components");
            let schemes = components.as_ref().and_then(|components| components.member("securitySchemes"));
            (components, schemes)
        }
    };
    let paths = root.member("paths");
    for place in [Some(root), components, schemes, paths].into_iter().flatten() {
        let pointer = place.pointer.clone();
        let place = place.unmerged().map_err(|problem| format!("{pointer}: {problem}"))?;
        if let Some(reference) = place.member("$ref") {
            let target = reference.scalar().unwrap_or_default();
            return Err(format!("{pointer} refers to {target:?}; bundle the document first"));
        }
    }
    Ok(())
}

fn find_missing(routes: &[ImportedRoute], options: &ImportOptions, remarks: &mut Remarks) {
    if options.audience.is_empty() && routes.iter().any(|route| route.requirement().is_some()) {
        remarks.need("--audience URL", "the document does not say which `aud` tokens must have");
    }
    let goes_nowhere = |route: &ImportedRoute| route.rule.access != ImportedAccess::Deny && route.rule.origin.is_none();
    if routes.iter().any(goes_nowhere) {
        remarks.need("--origin URL", "the document's servers are relative to its own URL");
    }
}

/// Converts operations to templates with rules.
struct Converter<'d> {
    security: Security<'d>,
    sites: Sites<'d>,
    options: &'d ImportOptions,
    templates: SiteTemplates,
}

impl<'d> Converter<'d> {
    fn new(document: &'d SourceValue, options: &'d ImportOptions, remarks: &mut Remarks) -> Result<Self, String> {
        let security = Security::read(document, options);
        let is_known = |name: &String| security.names().any(|known| known == name);
        if let Some((name, _)) = options.issuers.iter().find(|(name, _)| !is_known(name)) {
            let known: Vec<String> = security.names().map(|name| format!("{name:?}")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("--issuer {name}=…: the document has no security scheme {name:?}; it has {known}"));
        }
        let sites = Sites::read(&TreeNode::root(document), options, remarks)?;
        Ok(Self { security, sites, options, templates: SiteTemplates::default() })
    }

    /// Adds the rule of an operation at each of its sites, unless the gate refuses its method anyway.
    ///
    /// # Errors
    /// Which of its servers cannot be read.
    fn convert(&mut self, operation: &Operation<'d>, remarks: &mut Remarks) -> Result<(), String> {
        if let Some(method) = operation.refused() {
            let message = format!("the gate refuses the method {method}");
            remarks.add(RemarkKind::LeftOut, &message, &operation.place.pointer);
            return Ok(());
        }
        let (sites, no_site) = self.sites.of(operation, remarks)?;
        let problem = operation.problem.clone().or(no_site);
        let access = problem.map_or_else(|| self.security.access(&operation.place, remarks), Err);
        if let Err(reason) = &access {
            remarks.add(RemarkKind::Denied, reason, &operation.place.pointer);
        }
        for segment in segments(operation.path).into_iter().filter(|segment| is_foreign_wildcard(segment)) {
            let message =
                format!("{segment:?} is literal text in OpenAPI, not a parameter: the route matches only that");
            remarks.add(RemarkKind::Noted, &message, &operation.place.pointer);
        }
        sites.iter().for_each(|site| self.add_rule(operation, site, &access, remarks));
        Ok(())
    }

    fn add_rule(
        &mut self,
        operation: &Operation<'d>,
        site: &Site,
        access: &Result<ImportedAccess, String>,
        remarks: &mut Remarks,
    ) {
        let pointer = &operation.place.pointer;
        let (rule, reason) = match access {
            Ok(access) => (self.rule(access, site), None),
            Err(reason) => (RouteRule::DENY, Some(reason.clone())),
        };
        let operation_rule = OperationRule { method: operation.method.clone(), rule, reason, pointer: pointer.clone() };
        let mut add = |path: TemplatePath, left_out: Option<String>| {
            self.templates
                .add(SiteTemplate::new(operation.path, site.host.as_deref(), path, left_out), operation_rule.clone());
        };
        let slash = if operation.path.starts_with('/') { "" } else { "/" };
        let full = format!("{}{slash}{}", site.base, operation.path);
        let mut path = match TemplatePath::parse(&full, site.host_label()) {
            Ok(path) => path,
            Err(problem) => {
                remarks.add(RemarkKind::LeftOut, &problem, pointer);
                let rewritten = TemplatePath::parse(&rewritten(&full), site.host_label());
                return rewritten.into_iter().for_each(|path| add(path, Some(problem.clone())));
            }
        };
        if operation.has_styled_parameter() {
            path.inexact = Some("a route takes only parameters of the style \"simple\"".to_owned());
        }
        for (other, why) in std::mem::take(&mut path.others) {
            if site.left_out.is_none() && path.inexact.is_none() {
                remarks.add(RemarkKind::Narrowed, &why, pointer);
            }
            add(other, Some(why));
        }
        if site.left_out.is_none() {
            for (written, capture) in &path.renamed {
                remarks.add(RemarkKind::Changed, &format!("the parameter {written} becomes {capture}"), pointer);
            }
        }
        add(path, site.left_out.clone());
    }

    fn rule(&self, access: &ImportedAccess, site: &Site) -> RouteRule {
        if *access == ImportedAccess::Deny {
            return RouteRule::DENY;
        }
        let strip = self.options.strip_base && !site.base.is_empty();
        let base = TemplatePath::parse(&site.base, None).ok().filter(|_| strip);
        RouteRule { access: access.clone(), origin: site.origin.clone(), strip_prefix: base.map(|base| base.text()) }
    }
}

/// Whether a segment is a parameter in other notations: `*`, `**`, `:name`.
fn is_foreign_wildcard(segment: &str) -> bool {
    matches!(segment, "*" | "**") || (segment.len() > 1 && segment.starts_with(':'))
}

/// Checks the value of `--server`.
///
/// # Errors
/// Why it is not a usable server.
pub(crate) fn server(url: &str) -> Result<String, String> {
    Server::parse(url, None).map(|_| url.to_owned())
}
