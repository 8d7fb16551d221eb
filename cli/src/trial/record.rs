//! Records the steps of a decision, in words for people.

use portcullis::denial::InvalidToken;
use portcullis::platform::{Fault, Fetched};
use portcullis::policy::{AccessKind, Issuer, KeySource, Requirement};
use portcullis::reason::Reason;
use portcullis::route::header::AUTHORIZATION;
use portcullis::route::table::{Captures, RouteIndex};
use portcullis::time::UnixSeconds;
use portcullis::token::bearer;
use portcullis::trace::Step;

use super::check::{ALGORITHM, BINDING, Check, CheckOutcome, SIGNATURE, check, denying_check};
use super::peek::UnverifiedToken;
use super::request::describe;
use super::time;
use super::words::{self, quoted};

/// The facts about a request that are known before it is decided.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestFacts {
    pub(super) authority: String,
    /// The value of the header `Host`.
    pub(super) host: Option<String>,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) method: String,
    /// Names in lower case, and values.
    pub(super) headers: Vec<(String, String)>,
    /// What a preflight asks for, in words.
    pub(super) preflight: String,
    pub(super) now: UnixSeconds,
    pub(super) max_token_bytes: usize,
    /// Whether claims are taken as verified.
    pub(super) trusts: bool,
    /// The issuers of the policy, in words.
    pub(super) issuers: Vec<String>,
}

/// The steps of a decision so far.
#[derive(Debug, Default)]
pub(super) struct StepRecord {
    given: RequestFacts,
    /// The caller's token, from the header where the route looks for it. Empty without one: such a request never comes to
    /// a step that reads it.
    peek: UnverifiedToken,
    /// The checks of each step, in order.
    steps: Vec<Vec<Check>>,
    pub(super) route: Option<(RouteIndex, Captures)>,
    needs_token: bool,
    /// Where the issuer's tokens have their scopes.
    scope_claims: Vec<String>,
    /// What was fetched, and what the gate logged.
    pub(super) log: Vec<String>,
}

impl StepRecord {
    pub(super) fn new(given: RequestFacts) -> Self {
        Self { given, ..Self::default() }
    }

    pub(super) fn fetched(&mut self, url: &str, fetched: &Result<Fetched, Fault>) {
        self.log.push(match fetched {
            Ok(Fetched::Document { body, .. }) => format!("fetched {url}{}", words::keys_of(body)),
            Ok(Fetched::NotModified { .. }) => format!("fetched {url}: not modified"),
            Err(fault) => format!("could not fetch {url}: {fault}"),
        });
    }

    pub(super) fn logged(&mut self, line: &str) {
        self.log.push(line.to_owned());
    }

    /// The checks, given the decision: the last step has passed, or one of its checks has denied the request.
    pub(super) fn into_checks(self, reason: Option<Reason>) -> Vec<Check> {
        let mut steps = self.steps;
        if let (Some(reason), Some(last)) = (reason, steps.last_mut()) {
            let name = denying_check(reason);
            let refused = last.iter().position(|check| Some(check.name.as_str()) == name).unwrap_or_default();
            last.truncate(refused + 1);
            if let Some(check) = last.get_mut(refused) {
                check.outcome = CheckOutcome::Refused;
                if reason == Reason::InvalidToken(InvalidToken::AmbiguousKey) {
                    check.found = check.found.take().map(|found| found + ", which several keys fit");
                }
            }
        }
        let mut checks: Vec<Check> = steps.into_iter().flatten().collect();
        // The gate checks what depends on the issuer after the issuer; answers do not show the order.
        checks.sort_by_key(|check| check.step);
        if let Some(refused) = checks.iter().position(|check| check.outcome == CheckOutcome::Refused) {
            checks.truncate(refused + 1);
        }
        if checks.iter().any(|check| check.name == SIGNATURE && check.outcome == CheckOutcome::Passed) {
            // The valid signature also covers what was checked before it.
            checks.iter_mut().for_each(|check| check.unverified = false);
        }
        checks
    }

    pub(super) fn note(&mut self, step: Step<'_>) {
        let RequestFacts { path, method, query, .. } = &self.given;
        let checks = match step {
            Step::Host => vec![check(1, "host", "a host, with or without a port", self.host())],
            Step::Path => vec![check(1, "path", "an unambiguous path", quoted(path))],
            Step::Query => {
                let found = quoted(query.as_deref().unwrap_or_default());
                vec![check(1, "query", "no control character and no \"#\"", found)]
            }
            Step::Own(methods) => vec![check(1, "document", methods.join(" or "), method.clone())],
            Step::Preflight => {
                vec![check(1, "preflight", "an origin and a method that cors allows", self.given.preflight.clone())]
            }
            Step::Route { host, .. } => {
                vec![Check {
                    found: None,
                    ..check(1, "route", format!("a route for {method} on {host}"), String::new())
                }]
            }
            Step::Case { index, otherwise } => {
                if let Some(check) = self.steps.last_mut().and_then(|checks| checks.first_mut()) {
                    check.found = Some(format!("routes[{index}]"));
                }
                self.route = Some((index, Captures::default()));
                let expected = format!("routes[{index}] for case-insensitive origins, too");
                vec![check(1, "case", expected, words::route(otherwise))]
            }
            Step::EncodedSlash { index, otherwise } => {
                if let Some(check) = self.steps.last_mut().and_then(|checks| checks.first_mut()) {
                    check.found = Some(format!("routes[{index}]"));
                }
                self.route = Some((index, Captures::default()));
                let expected = format!("routes[{index}] keeps encoded slashes, and matches with them decoded, too");
                let found = otherwise.map_or_else(|| "the path has one".to_owned(), words::route);
                vec![check(1, "slash", expected, found)]
            }
            Step::Access { index, route, captures } => {
                if let Some(check) = self.steps.last_mut().and_then(|checks| checks.first_mut()) {
                    check.found = Some(format!("routes[{index}], {}", route.name));
                }
                self.route = Some((index, captures.clone()));
                self.needs_token = route.access() == AccessKind::Token;
                vec![check(1, "access", "not deny", route.access().name().to_owned())]
            }
            Step::PageOrigin(origin) => {
                vec![check(1, "page", "an origin that cors allows, or none", quoted(origin))]
            }
            Step::Authorization { header } => vec![self.token(header)],
            Step::Form => self.form(),
            Step::Issuer(requirement) => vec![self.issuer(requirement)],
            Step::Claims(issuer) => {
                self.steps.iter_mut().for_each(|checks| checks.retain(|check| check.name != ALGORITHM));
                self.scope_claims = match &issuer.scope_claim {
                    Some(claim) => vec![claim.to_string()],
                    None => ["scope", "scp"].map(str::to_owned).to_vec(),
                };
                self.claims(issuer)
            }
            Step::Key(issuer) => vec![self.key(issuer)],
            Step::Signature(keys) => vec![self.signature(keys)],
            Step::Revocation(claims) => {
                let found = match claims.issued_at() {
                    Some(_) => format!("iat {}", self.peek.iat.as_deref().map_or_else(String::new, time::show_claim)),
                    None => "no iat".to_owned(),
                };
                vec![check(6, "revocation", "no entry of the list that names it and is of a later time", found)]
            }
            Step::Audience(audience, caller) => {
                let (expected, found) = words::audience(audience, caller);
                vec![check(7, "audience", expected, found)]
            }
            Step::Organization(organization, caller) => {
                let (expected, found) = words::organization(organization, caller);
                vec![check(7, "organization", expected, found)]
            }
            Step::Scopes(scopes, caller) => {
                let (expected, found) = words::scopes(scopes, caller);
                vec![Check { claims: self.scope_claims.clone(), ..check(7, "scopes", expected, found) }]
            }
            Step::Claim(rule, caller) => {
                let (expected, found) = words::claim(rule, caller);
                let claim = rule.claim.to_string();
                vec![Check { claims: vec![claim.clone()], ..check(7, format!("claim {claim}"), expected, found) }]
            }
            Step::Origin => vec![Check { found: None, ..check(8, "origin", "an origin to forward to", String::new()) }],
        };
        self.steps.push(checks);
    }

    fn host(&self) -> String {
        let RequestFacts { authority, host, .. } = &self.given;
        match host {
            Some(host) if host != authority => format!("{} in the URL, {} in Host", quoted(authority), quoted(host)),
            _ => quoted(authority),
        }
    }

    /// Looks for the token in `Authorization`, or in the header that the route names.
    fn token(&mut self, header: Option<&str>) -> Check {
        let headers: Vec<(&str, &str)> =
            self.given.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let authorization = headers.iter().find(|(name, _)| *name == AUTHORIZATION).map(|(_, value)| *value);
        let token = header.map_or_else(|| bearer::extract(authorization), |name| bearer::extract_bare(&headers, name));
        let found = describe(&token).to_owned();
        self.peek = token.ok().flatten().map(UnverifiedToken::of).unwrap_or_default();
        let or_none = if self.needs_token { "" } else { ", or none" };
        let expected =
            header.map_or("one bearer token".to_owned(), |name| format!("one token without a scheme in {name}"));
        check(2, AUTHORIZATION, expected + or_none, found)
    }

    fn form(&self) -> Vec<Check> {
        let peek = &self.peek;
        let longest = format!("at most {} bytes", self.given.max_token_bytes);
        let unseen = |check: Check| Check { found: None, ..check };
        let alg = peek.alg.as_deref().map_or("none".to_owned(), quoted);
        vec![
            self.of_token(3, "size", longest, format!("{} bytes", peek.bytes)),
            unseen(self.of_token(3, "form", "a strict compact JWS".to_owned(), String::new())),
            self.of_token(3, ALGORITHM, "one that the gate supports".to_owned(), alg),
            unseen(self.of_token(3, "extensions", "neither crit nor b64 = false".to_owned(), String::new())),
        ]
    }

    fn issuer(&self, requirement: &Requirement) -> Check {
        let names = requirement.issuers.iter().filter_map(|index| self.given.issuers.get(*index));
        let found = self.peek.iss.as_deref().map_or("no iss".to_owned(), quoted);
        self.said(check(4, "issuer", words::one_of(names.cloned()), found))
    }

    fn claims(&self, issuer: &Issuer) -> Vec<Check> {
        let (peek, now) = (&self.peek, self.given.now);
        let none = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), quoted);
        let algorithms = words::one_of(issuer.algorithms.iter().map(ToString::to_string));
        let types =
            issuer.types.iter().map(|typ| quoted(typ)).chain((!issuer.type_required).then(|| "none".to_owned()));
        let shown = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), time::show_claim);
        let leeway = match issuer.leeway {
            0 => String::new(),
            leeway => format!(" (with {leeway} s of leeway)"),
        };
        let mut checks = vec![
            self.of_token(3, ALGORITHM, algorithms, none(&peek.alg)),
            self.of_token(3, "type", words::one_of(types), none(&peek.typ)),
            Check {
                found: peek.odd.clone(),
                ..self.said(check(4, "claims", "exp, and claims of the right types", String::new()))
            },
        ];
        if let Some(bound) = peek.bound {
            checks.push(self.said(check(4, BINDING, words::binding(issuer), bound.to_owned())));
        }
        checks.push(self.said(check(4, "exp", format!("later than {}{leeway}", time::show(now)), shown(&peek.exp))));
        if peek.nbf.is_some() || peek.iat.is_some() {
            let found = format!("nbf {}, iat {}", shown(&peek.nbf), shown(&peek.iat));
            let expected = format!("not later than {}{leeway}", time::show(now));
            checks.push(self.said(check(4, "nbf, iat", expected, found)));
        }
        if let Some(max_age) = issuer.max_age {
            let expected = format!("iat at most {max_age} s ago{leeway}");
            checks.push(self.said(check(4, "max_age", expected, shown(&peek.iat))));
        }
        checks
    }

    fn key(&self, issuer: &Issuer) -> Check {
        let peek = &self.peek;
        let kid = peek.kid.as_deref().map_or("no kid".to_owned(), |kid| format!("kid {}", quoted(kid)));
        let place = match &issuer.keys {
            _ if self.given.trusts => String::new(),
            KeySource::Discovery(url) | KeySource::Uri(url) => format!(", from {url}"),
            KeySource::Static(keys) => format!(", one of these{}", words::keys(keys)),
        };
        let found = format!("{kid}, alg {}", peek.alg.as_deref().map_or("none".to_owned(), quoted));
        self.of_token(5, "key", format!("a key of issuer {}{place}", issuer.name), found)
    }

    fn signature(&self, keys: usize) -> Check {
        let expected =
            if keys == 1 { "a signature by the key".to_owned() } else { format!("a signature by one of {keys} keys") };
        Check { found: None, ..self.of_token(6, SIGNATURE, expected, String::new()) }
    }

    /// A check that only a real token can fail.
    fn of_token(&self, step: u8, name: &str, expected: String, found: String) -> Check {
        if self.given.trusts {
            return Check { outcome: CheckOutcome::Assumed, found: None, ..check(step, name, expected, found) };
        }
        self.said(check(step, name, expected, found))
    }

    /// A check of the token's contents: unverified, unless claims are taken as verified.
    fn said(&self, check: Check) -> Check {
        Check { unverified: !self.given.trusts, ..check }
    }
}
