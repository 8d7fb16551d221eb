//! The imported policy as a document.

use std::collections::BTreeMap;

use crate::openapi::{Import, ImportOptions, ImportedAccess, ImportedRoute, ImportedScopes};
use crate::schema::spec::{AccessSpec, AudienceSpec, IssuerSpec, PolicySpec, RouteSpec, ScopesSpec};

/// The document that the gate reads, without keys that have their default.
pub(crate) fn policy_spec(import: &Import, options: &ImportOptions) -> PolicySpec {
    let issuers = import.issuers.iter().map(|known| {
        let issuer = known.issuer.clone();
        (known.name.clone(), IssuerSpec { issuer, ..IssuerSpec::default() })
    });
    let origin = import.routes.iter().find_map(|route| route.rule.origin.as_ref());
    let audience = audience(&options.audience);
    PolicySpec {
        version: 1,
        origin: origin.cloned(),
        issuers: issuers.collect(),
        identity: None,
        cors: None,
        resources: BTreeMap::new(),
        limits: None,
        paths: None,
        log: None,
        status: None,
        revocation: None,
        routes: import.routes.iter().map(|read| route(read, import, origin, audience.as_ref())).collect(),
    }
}

fn audience(audience: &[String]) -> Option<AudienceSpec> {
    match audience {
        [] => None,
        [one] => Some(AudienceSpec::One(one.clone())),
        more => Some(AudienceSpec::More(more.to_vec())),
    }
}

fn route(read: &ImportedRoute, import: &Import, origin: Option<&String>, audience: Option<&AudienceSpec>) -> RouteSpec {
    let (access, requirement) = match &read.rule.access {
        ImportedAccess::Token(requirement) => (None, Some(requirement)),
        ImportedAccess::Optional(requirement) => (Some(AccessSpec::Optional), Some(requirement)),
        ImportedAccess::Public => (Some(AccessSpec::Public), None),
        ImportedAccess::Deny => (Some(AccessSpec::Deny), None),
    };
    let is_every = |names: &&Vec<String>| import.issuers.iter().all(|issuer| names.contains(&issuer.name));
    let names = requirement.map(|requirement| &requirement.issuers).filter(|names| !is_every(names));
    RouteSpec {
        path: read.path.clone(),
        methods: read.methods.clone(),
        hosts: read.hosts.clone(),
        access,
        issuers: names.cloned().unwrap_or_default(),
        audience: requirement.and(audience).cloned(),
        scopes: requirement.and_then(|requirement| scopes(&requirement.scopes)),
        origin: read.rule.origin.clone().filter(|own| Some(own) != origin),
        strip_prefix: read.rule.strip_prefix.clone(),
        ..RouteSpec::default()
    }
}

fn scopes(ImportedScopes { all, any }: &ImportedScopes) -> Option<ScopesSpec> {
    match (all.as_slice(), any.as_slice()) {
        ([], []) => None,
        (all, []) => Some(ScopesSpec::All(all.to_vec())),
        (all, any) => Some(ScopesSpec::Rule { all: all.to_vec(), any: any.to_vec() }),
    }
}
