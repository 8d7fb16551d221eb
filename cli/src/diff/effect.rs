//! What a route does with its requests, so that routes of two policies can be compared.

use std::collections::BTreeMap;

use portcullis::policy::url::Origin;
use portcullis::policy::{AccessKind, Assertions, Cors, Identity, OriginPattern, Policy, Route, WebOrigins};
use portcullis::route::url::Url;

use super::change::{Change, Leaning};
use super::check::TokenCheck;
use super::issuers::{IssuerId, Issuers};
use super::symbols::SymbolicRequest;

/// The URL of requests whose origin is their own.
const OWN_URL: &str = "https://HOST";

/// What a route does with its requests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Effect {
    access: AccessKind,
    /// Whether it refuses what it does not allow.
    is_enforced: bool,
    /// The check of a token, if the route looks at one.
    check: Option<TokenCheck>,
    /// What the origin and browsers receive, by aspect.
    forwarding: BTreeMap<&'static str, String>,
    /// The page origins that the gate itself lets through; `None` for all.
    pages: Option<WebOrigins>,
    /// Whether encoded slashes may be part of what the route captures, which decides whether it takes a request at all.
    keeps_slashes: bool,
}

impl Effect {
    /// The effect of a route. `ids` are those of the policy's issuers.
    pub(super) fn new(route: &Route, policy: &Policy, ids: &[IssuerId], request: &SymbolicRequest<'_>) -> Self {
        let header = route.forwarding().and_then(|forwarding| forwarding.token_header.as_deref());
        let check = route
            .requirement()
            .map(|requirement| TokenCheck::new(requirement, request, header, policy.max_token_bytes, ids));
        Self {
            access: route.access(),
            is_enforced: route.is_enforced,
            check,
            forwarding: forwarding(route, policy),
            pages: route.enforced_cors().map(|cors| cors.origins.clone()),
            keeps_slashes: route.keeps_encoded_slashes,
        }
    }

    /// Whose requests are forwarded, whatever is required of tokens.
    pub(super) fn access(&self) -> AccessKind {
        if self.is_enforced { self.access } else { AccessKind::Public }
    }

    /// Whether it refuses every request.
    pub(super) fn denies(&self) -> bool {
        self.access() == AccessKind::Deny
    }

    /// Who may use the route.
    pub(super) fn words(&self, issuers: &Issuers) -> String {
        if self.is_enforced {
            return self.words_of_rule(issuers);
        }
        format!("open to everyone, and only tried: {}", self.words_of_rule(issuers))
    }

    fn words_of_rule(&self, issuers: &Issuers) -> String {
        match (self.access, &self.check) {
            (AccessKind::Token, Some(check)) => format!("open to tokens {}", check.words(issuers)),
            (AccessKind::Optional, Some(check)) => {
                format!("open without a token, or to tokens {}", check.words(issuers))
            }
            (AccessKind::Deny, _) => "refused (403, denied)".to_owned(),
            _ => "public".to_owned(),
        }
    }

    /// What changes for requests that another route took before. Neither denies.
    pub(super) fn changes(&self, new: &Self, issuers: &Issuers) -> Vec<Change> {
        let mut changes = match (self.is_enforced, new.is_enforced) {
            (true, true) => self.changes_of_rule(new, issuers),
            (old, new_one) => self.changes_of_trial(new, Leaning { opens: old, closes: new_one }, issuers),
        };
        let aspects =
            self.forwarding.keys().chain(new.forwarding.keys().filter(|key| !self.forwarding.contains_key(*key)));
        let value =
            |effect: &Self, aspect: &str| effect.forwarding.get(aspect).map_or("none", String::as_str).to_owned();
        changes.extend(
            aspects.filter_map(|aspect| Change::of_forwarding(aspect, &value(self, aspect), &value(new, aspect))),
        );
        changes
    }

    /// What changes if both are enforced.
    fn changes_of_rule(&self, new: &Self, issuers: &Issuers) -> Vec<Change> {
        let mut changes: Vec<Change> = self.change_of_access(new, issuers).into_iter().collect();
        if let (Some(old), Some(new)) = (&self.check, &new.check) {
            changes.extend(old.changes(new, issuers));
        }
        let pages = pages_leaning(self.pages.as_ref(), new.pages.as_ref());
        let words = |effect: &Self| effect.pages.as_ref().map_or_else(|| "all".to_owned(), origins);
        changes.extend(Change::unless_neither("page origins", words(self), words(new), pages));
        changes
    }

    /// What changes if one of them is only tried: who is refused, and whose identity the origin learns.
    fn changes_of_trial(&self, new: &Self, leaning: Leaning, issuers: &Issuers) -> Vec<Change> {
        let (old_words, new_words) = (self.words(issuers), new.words(issuers));
        let is_same = self.is_enforced == new.is_enforced
            && self.access == new.access
            && self.check == new.check
            && self.pages == new.pages;
        if is_same { Vec::new() } else { vec![Change::new("enforcement", old_words, new_words, leaning)] }
    }

    fn change_of_access(&self, new: &Self, issuers: &Issuers) -> Option<Change> {
        let leaning = Leaning::between(self.access, new.access);
        let change = match (self.access, new.access) {
            (AccessKind::Token, AccessKind::Optional) => {
                Change::new("access", "token required".to_owned(), "token optional".to_owned(), leaning)
            }
            (AccessKind::Optional, AccessKind::Token) => {
                Change::new("access", "token optional".to_owned(), "token required".to_owned(), leaning)
            }
            _ => Change::of_outcome(self.words(issuers), new.words(issuers), leaning),
        };
        (leaning != Leaning::NEITHER).then_some(change)
    }
}

fn forwarding(route: &Route, policy: &Policy) -> BTreeMap<&'static str, String> {
    let mut aspects = BTreeMap::new();
    let Some(forwarding) = route.forwarding() else { return aspects };
    aspects.insert("origin", forwarding.origin.to_string());
    if !forwarding.strip_prefix.is_empty() {
        aspects.insert("strip_prefix", format!("/{}", forwarding.strip_prefix.join("/")));
    }
    if let Some(timeout) = forwarding.timeout_ms {
        aspects.insert("timeout", format!("{timeout} ms"));
    }
    aspects.insert("cache", if forwarding.cache { "allowed" } else { "not allowed" }.to_owned());
    if let Some(cors) = &route.cors {
        aspects.insert("cors", cors_words(cors));
    }
    if let Some(resource) = route.resource.and_then(|index| policy.resources.get(index)) {
        aspects.insert("resource metadata", resource.metadata_url.clone());
    }
    let identity = &policy.identity;
    aspects.insert("prefix of identity headers", identity.prefix.clone());
    aspects.insert("the caller's token", if identity.forward_token { "forwarded" } else { "removed" }.to_owned());
    if let Some(secret) = &identity.secret {
        aspects.insert("secret", format!("{} in {}", secret.binding, secret.header));
    }
    if route.requirement().is_some() {
        identify(identity, &forwarding.origin, &mut aspects);
    }
    aspects
}

/// What the origin learns about a caller with a token.
fn identify(identity: &Identity, origin: &Origin, aspects: &mut BTreeMap<&'static str, String>) {
    if identity.payload_header {
        aspects.insert("header with all claims", identity.headers.claims.clone());
    }
    let mut claims: Vec<String> =
        identity.claims.iter().map(|extra| format!("{} in {}", extra.claim, extra.header)).collect();
    claims.sort_unstable();
    if !claims.is_empty() {
        aspects.insert("headers of claims", claims.join(", "));
    }
    if let Some(assertion) = &identity.assertion {
        aspects.insert("assertion", assertion_words(assertion, origin));
    }
}

fn assertion_words(assertion: &Assertions, origin: &Origin) -> String {
    let Assertions { header, issuer, keys, algorithm, ttl, .. } = assertion;
    let audience = assertion.audience(origin, &Url::split(OWN_URL));
    format!("{} by {issuer} for {audience}, {} with {}, {ttl} s", header, algorithm.name(), keys.join(" and "))
}

fn cors_words(cors: &Cors) -> String {
    let Cors { origins: pages, headers, methods, expose, credentials, max_age } = cors;
    let sorted = |list: &str| {
        let mut names: Vec<&str> = list.split(", ").collect();
        names.sort_unstable();
        names.join(" ")
    };
    let methods = methods.as_ref().map(|methods| format!(", methods {}", sorted(&methods.join(", "))));
    let expose = (!expose.is_empty()).then(|| format!(", readable {}", sorted(expose)));
    let credentials = if *credentials { ", with credentials" } else { "" };
    let (methods, expose) = (methods.unwrap_or_default(), expose.unwrap_or_default());
    format!("{} (headers {}{methods}{expose}{credentials}, {max_age} s)", origins(pages), sorted(headers))
}

fn origins(pages: &WebOrigins) -> String {
    match pages {
        WebOrigins::Any => "all".to_owned(),
        WebOrigins::OneOf(patterns) => {
            let mut words: Vec<String> = patterns.iter().map(pattern).collect();
            words.sort_unstable();
            words.join(" ")
        }
    }
}

fn pattern(pattern: &OriginPattern) -> String {
    match pattern {
        OriginPattern::Exact(origin) => origin.clone(),
        OriginPattern::Below { scheme, parent } => format!("{scheme}*{parent}"),
    }
}

/// `None` and [`WebOrigins::Any`] let all pages through.
fn pages_leaning(old: Option<&WebOrigins>, new: Option<&WebOrigins>) -> Leaning {
    let limited = |pages: Option<&WebOrigins>| match pages {
        Some(WebOrigins::OneOf(patterns)) => Some(patterns.iter().map(pattern).collect::<Vec<_>>()),
        Some(WebOrigins::Any) | None => None,
    };
    match (limited(old), limited(new)) {
        (None, None) => Leaning::NEITHER,
        (None, Some(_)) => Leaning::CLOSES,
        (Some(_), None) => Leaning::OPENS,
        (Some(old), Some(new)) => Leaning {
            opens: new.iter().any(|page| !old.contains(page)),
            closes: old.iter().any(|page| !new.contains(page)),
        },
    }
}
