//! The policy document of an import.

use std::collections::BTreeMap;

use crate::openapi::{Access, Import, Options, Route, Scopes};
use crate::schema::policy::{
    Access as Kind, Issuer, OneOrMore, Policy, Route as RouteDocument, Scopes as ScopesDocument,
};

/// The document that the gate reads. What has its default is not in it.
pub(crate) fn document(import: &Import, options: &Options) -> Policy {
    let issuers = import.issuers.iter().map(|known| {
        let issuer = known.issuer.clone();
        (known.name.clone(), Issuer { issuer, ..Issuer::default() })
    });
    let origin = import.routes.iter().find_map(|route| route.rule.origin.as_ref());
    let audience = audience(&options.audience);
    Policy {
        version: 1,
        origin: origin.cloned(),
        issuers: issuers.collect(),
        identity: None,
        cors: None,
        resources: BTreeMap::new(),
        limits: None,
        paths: None,
        routes: import.routes.iter().map(|read| route(read, import, origin, audience.as_ref())).collect(),
    }
}

fn audience(audience: &[String]) -> Option<OneOrMore> {
    match audience {
        [] => None,
        [one] => Some(OneOrMore::One(one.clone())),
        more => Some(OneOrMore::More(more.to_vec())),
    }
}

fn route(read: &Route, import: &Import, origin: Option<&String>, audience: Option<&OneOrMore>) -> RouteDocument {
    let (access, requirement) = match &read.rule.access {
        Access::Token(requirement) => (None, Some(requirement)),
        Access::Optional(requirement) => (Some(Kind::Optional), Some(requirement)),
        Access::Public => (Some(Kind::Public), None),
        Access::Deny => (Some(Kind::Deny), None),
    };
    let is_every = |names: &&Vec<String>| import.issuers.iter().all(|issuer| names.contains(&issuer.name));
    let names = requirement.map(|requirement| &requirement.issuers).filter(|names| !is_every(names));
    RouteDocument {
        path: read.path.clone(),
        methods: read.methods.clone(),
        hosts: read.hosts.clone(),
        access,
        issuers: names.cloned().unwrap_or_default(),
        audience: requirement.and(audience).cloned(),
        scopes: requirement.and_then(|requirement| scopes(&requirement.scopes)),
        origin: read.rule.origin.clone().filter(|own| Some(own) != origin),
        strip_prefix: read.rule.strip_prefix.clone(),
        ..RouteDocument::default()
    }
}

fn scopes(Scopes { all, any }: &Scopes) -> Option<ScopesDocument> {
    match (all.as_slice(), any.as_slice()) {
        ([], []) => None,
        (all, []) => Some(ScopesDocument::All(all.to_vec())),
        (all, any) => Some(ScopesDocument::Rule { all: all.to_vec(), any: any.to_vec() }),
    }
}
