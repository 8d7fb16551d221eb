//! Routes of the policy.

use super::issuer::{Issuer, MAX_TIMEOUT_MS, transpose};
use super::reader::{Field, Table};
use super::template::{Scope, Template};
use super::url::Origin;
use crate::json::Json;
use crate::route::pattern::{HostPattern, PathPattern, PatternSegment};
use crate::token::claims::ClaimPath;

/// A rule for the requests of one place.
#[derive(Clone, Debug)]
pub struct Route {
    /// For logs.
    pub name: String,
    /// Who may pass.
    pub access: Access,
    /// Where requests go; `None` only for a route that denies.
    pub origin: Option<Origin>,
    /// Leading segments that the origin does not see.
    pub strip_prefix: Vec<String>,
    /// Until the origin's response headers.
    pub timeout_ms: u32,
    /// For each host pattern with a capture: what follows the label, and the label's name.
    host_labels: Vec<(String, String)>,
}

/// Who may pass.
#[derive(Clone, Debug)]
pub enum Access {
    /// Who has a token.
    Token(Requirement),
    /// Who has a token, or none at all.
    Optional(Requirement),
    /// Everyone; tokens are not looked at.
    Public,
    /// No one.
    Deny,
}

/// What a token must be and hold.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// Which of the policy's issuers are taken, by index.
    pub issuers: Vec<usize>,
    /// For whom the token must be.
    pub audience: Audience,
    /// What the token must allow.
    pub scopes: Scopes,
    /// For which organization the token must be.
    pub organization: Organization,
    /// What else the token must say.
    pub claims: Vec<ClaimRule>,
}

/// For whom a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `aud` is not looked at.
    Unchecked,
    /// One of these must be in `aud`.
    OneOf(Vec<Template>),
}

/// What a token must allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Each of these.
    pub all: Vec<String>,
    /// If there are any here, one of these.
    pub any: Vec<String>,
}

/// For which organization a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Organization {
    /// For none: the token carries no `organization_id`.
    Absent,
    /// `organization_id` is not looked at.
    Unchecked,
    /// `organization_id` equals this.
    Equals(Template),
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRule {
    /// The claim.
    pub claim: ClaimPath,
    /// What it must be.
    pub test: ClaimTest,
}

/// A test of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTest {
    /// The claim equals one of these.
    AnyOf(Vec<Expected>),
    /// The claim is a list with this element, or a space-separated string with this word.
    Contains(Expected),
}

/// A value that a claim is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// A string, with values of the request.
    Text(Template),
    /// A number or a boolean.
    Literal(Json<'static>),
}

impl Access {
    /// What a token must be and hold, where tokens are looked at.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        match self {
            Self::Token(requirement) | Self::Optional(requirement) => Some(requirement),
            Self::Public | Self::Deny => None,
        }
    }
}

impl Route {
    /// The name that the route gives the first label of this host.
    #[must_use]
    pub fn host_label_name(&self, host: &str) -> Option<&str> {
        let (_, suffix) = host.split_once('.')?;
        self.host_labels.iter().find(|(known, _)| known == suffix).map(|(_, name)| name.as_str())
    }
}

/// What a route falls back to, and may refer to.
pub(super) struct Defaults<'p> {
    pub(super) issuers: &'p [(String, Option<Issuer>)],
    pub(super) origin: Option<&'p Origin>,
    /// Whether the policy names an origin, be it a wrong one.
    pub(super) names_origin: bool,
}

/// An entry of the list, as far as it could be read: its errors are noted, and what is right is still checked against
/// the other entries.
pub(super) struct Entry {
    pub(super) route: Option<Route>,
    pub(super) place: Option<Place>,
    /// Whether tokens are looked at.
    pub(super) takes_tokens: bool,
}

/// What a route claims.
pub(super) struct Place {
    pub(super) path: PathPattern,
    pub(super) hosts: Vec<HostPattern>,
    pub(super) methods: Vec<String>,
}

impl Entry {
    pub(super) fn read(field: &Field<'_>, defaults: &Defaults<'_>) -> Option<Self> {
        let table = field.table()?;
        let path_field = table.required("path");
        let path = path_field.as_ref().and_then(|field| field.read(PathPattern::parse));
        let methods = table.field("methods").map_or(Some(Vec::new()), |field| read_methods(&field));
        let hosts =
            table.field("hosts").map_or(Some(Vec::new()), |field| field.list(|field| field.read(HostPattern::parse)));
        let name = transpose(table.field("name").map(|field| field.text().map(str::to_owned)));
        let host_labels = host_labels(hosts.as_deref().unwrap_or_default());
        let kind = table.field("access").map_or(Some(Kind::Token), |field| field.read(Kind::parse));
        let access = read_access(&table, kind, path.as_ref(), &host_labels, defaults.issuers);
        let origin = read_origin(&table, kind, defaults);
        let strip_prefix = table.field("strip_prefix").map_or(Some(Vec::new()), |field| field.read(read_prefix));
        let timeout_ms = table.field("timeout_ms").map_or(Some(30_000), |field| field.integer(1..=MAX_TIMEOUT_MS));
        refuse_repeated_names(&table, path.as_ref(), &host_labels);
        table.refuse_unknown_keys();

        let path_text = path_field.and_then(|field| field.value.as_str()).unwrap_or_default();
        let route = || {
            Some(Route {
                name: name?.unwrap_or_else(|| path_text.to_owned()),
                access: access?,
                origin: origin?,
                strip_prefix: strip_prefix?,
                timeout_ms: u32::try_from(timeout_ms?).ok()?,
                host_labels,
            })
        };
        let route = route();
        let place = || Some(Place { path: path?, hosts: hosts?, methods: methods? });
        Some(Self { route, place: place(), takes_tokens: matches!(kind, Some(Kind::Token | Kind::Optional)) })
    }
}

/// The values of `access`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    Optional,
    Public,
    Deny,
}

impl Kind {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "token" => Ok(Self::Token),
            "optional" => Ok(Self::Optional),
            "public" => Ok(Self::Public),
            "deny" => Ok(Self::Deny),
            _ => Err(format!("expected \"token\", \"optional\", \"public\" or \"deny\", found {text:?}")),
        }
    }
}

fn host_labels(hosts: &[HostPattern]) -> Vec<(String, String)> {
    let labels = hosts.iter().filter_map(|host| match host {
        HostPattern::Exact(_) => None,
        HostPattern::Label { name, suffix } => Some((suffix.clone(), name.clone())),
    });
    labels.collect()
}

fn refuse_repeated_names(table: &Table<'_>, path: Option<&PathPattern>, host_labels: &[(String, String)]) {
    let in_path = |name: &str| path.is_some_and(|path| path.names().any(|known| known == name));
    if let Some((_, name)) = host_labels.iter().find(|(_, name)| in_path(name)) {
        table.fail("hosts", format!("expected each capture once, {{{name}}} is in the path too"));
    }
}

fn read_methods(field: &Field<'_>) -> Option<Vec<String>> {
    let mut seen: Vec<&str> = Vec::new();
    field.list(|field| {
        let method = field.text()?;
        if !method.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_')) {
            return field.fail(format!("expected a method in upper case, found {method:?}"));
        }
        if seen.contains(&method) {
            return field.fail(format!("{method} is there twice"));
        }
        seen.push(method);
        Some(method.to_owned())
    })
}

fn read_origin(table: &Table<'_>, kind: Option<Kind>, defaults: &Defaults<'_>) -> Option<Option<Origin>> {
    if let Some(field) = table.field("origin") {
        return field.read(Origin::parse).map(Some);
    }
    if kind != Some(Kind::Deny) && !defaults.names_origin {
        table.fail("origin", "is required, since the policy names no origin");
        return None;
    }
    Some(defaults.origin.cloned())
}

fn read_prefix(text: &str) -> Result<Vec<String>, String> {
    let pattern = PathPattern::parse(text)?;
    let literals = pattern.segments.into_iter().map(|segment| match segment {
        PatternSegment::Literal(text) => Some(text),
        PatternSegment::Capture(_) => None,
    });
    let literals: Option<Vec<_>> = literals.collect();
    literals.filter(|_| pattern.rest.is_none()).ok_or_else(|| "expected literal segments only".to_owned())
}

const TOKEN_CHECKS: [&str; 5] = ["issuers", "audience", "scopes", "organization", "claims"];

fn read_access(
    table: &Table<'_>,
    kind: Option<Kind>,
    path: Option<&PathPattern>,
    host_labels: &[(String, String)],
    issuers: &[(String, Option<Issuer>)],
) -> Option<Access> {
    let Some(kind) = kind else {
        // Whether these are right depends on what is wrong; at least they are known.
        TOKEN_CHECKS.iter().for_each(|check| drop(table.field(check)));
        return None;
    };
    match kind {
        Kind::Token => Requirement::read(table, path, host_labels, issuers).map(Access::Token),
        Kind::Optional => Requirement::read(table, path, host_labels, issuers).map(Access::Optional),
        Kind::Public => refuse_token_checks(table).map(|()| Access::Public),
        Kind::Deny => refuse_token_checks(table).map(|()| Access::Deny),
    }
}

/// A check that looks as if it did something is worse than none.
fn refuse_token_checks(table: &Table<'_>) -> Option<()> {
    let checks: Vec<Field<'_>> = TOKEN_CHECKS.iter().filter_map(|check| table.field(check)).collect();
    for check in &checks {
        check.fail::<()>("expected no token check on a public or deny route, it would do nothing");
    }
    checks.is_empty().then_some(())
}

impl Requirement {
    fn read(
        table: &Table<'_>,
        path: Option<&PathPattern>,
        host_labels: &[(String, String)],
        issuers: &[(String, Option<Issuer>)],
    ) -> Option<Self> {
        let names: Vec<String> = host_labels.iter().map(|(_, name)| name.clone()).collect();
        // Without a path there is nothing to check names against; the path's own error is enough.
        let template = |field: &Field<'_>| {
            let scope = Scope { path: path?, host_labels: &names };
            field.read(|text| Template::parse(text, scope))
        };
        let issuers = read_issuers(table.field("issuers"), issuers);
        let audience = table.required("audience").and_then(|field| read_audience(&field, &template));
        let scopes = table.field("scopes").map_or(Some(Scopes::default()), |field| Scopes::read(&field));
        let organization =
            table.field("organization").map_or(Some(Organization::Absent), |field| match field.value.as_str() {
                Some("*") => Some(Organization::Unchecked),
                _ => template(&field).map(Organization::Equals),
            });
        let claims = table.field("claims").map_or(Some(Vec::new()), |field| read_claims(&field, &template));
        Some(Self {
            issuers: issuers?,
            audience: audience?,
            scopes: scopes?,
            organization: organization?,
            claims: claims?,
        })
    }
}

fn read_issuers(field: Option<Field<'_>>, issuers: &[(String, Option<Issuer>)]) -> Option<Vec<usize>> {
    let Some(field) = field else {
        return Some((0..issuers.len()).collect());
    };
    field.list(|field| {
        let name = field.text()?;
        let index = issuers.iter().position(|(known, _)| known == name);
        index.or_else(|| field.fail(format!("the policy has no issuer {name:?}")))
    })
}

fn read_audience<'d>(field: &Field<'d>, template: &impl Fn(&Field<'d>) -> Option<Template>) -> Option<Audience> {
    match field.value {
        Json::String(text) if text == "*" => Some(Audience::Unchecked),
        Json::Array(_) => field
            .list(|field| match field.value.as_str() {
                Some("*") => field.fail("expected \"*\" to stand alone, it turns the check off"),
                _ => template(&field),
            })
            .map(Audience::OneOf),
        _ => template(field).map(|template| Audience::OneOf(vec![template])),
    }
}

impl Scopes {
    fn read(field: &Field<'_>) -> Option<Self> {
        let list = |field: &Field<'_>| field.list(|field| field.read(read_scope));
        if field.value.as_object().is_none() {
            return Some(Self { all: list(field)?, any: Vec::new() });
        }
        let table = field.table()?;
        let all = table.field("all").map(|field| list(&field));
        let any = table.field("any").map(|field| list(&field));
        table.refuse_unknown_keys();
        if all.is_none() && any.is_none() {
            return field.fail("expected all, any or both");
        }
        Some(Self { all: all.unwrap_or_else(|| Some(Vec::new()))?, any: any.unwrap_or_else(|| Some(Vec::new()))? })
    }
}

/// RFC 6749 §3.3: `scope-token`, which also may stand in a quoted string.
fn read_scope(text: &str) -> Result<String, String> {
    let is_scope = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if is_scope {
        Ok(text.to_owned())
    } else {
        Err("expected one scope: printable ASCII without spaces, quotes and backslashes".to_owned())
    }
}

fn read_claims<'d>(field: &Field<'d>, template: &impl Fn(&Field<'d>) -> Option<Template>) -> Option<Vec<ClaimRule>> {
    let members = field.members()?;
    if members.is_empty() {
        return field.fail("expected at least one claim");
    }
    let rules: Vec<_> = members
        .into_iter()
        .map(|(name, field)| Some(ClaimRule { claim: ClaimPath::new(name), test: read_test(&field, template)? }))
        .collect();
    rules.into_iter().collect()
}

fn read_test<'d>(field: &Field<'d>, template: &impl Fn(&Field<'d>) -> Option<Template>) -> Option<ClaimTest> {
    let expected = |field: &Field<'d>| match field.value {
        Json::String(_) => template(field).map(Expected::Text),
        Json::Number(_) | Json::Bool(_) => Some(Expected::Literal(field.value.clone().into_owned())),
        _ => field.fail("expected a string, a number or a boolean"),
    };
    if field.value.as_object().is_none() {
        return expected(field).map(|expected| ClaimTest::AnyOf(vec![expected]));
    }
    let table = field.table()?;
    let any = table.field("any").map(|field| field.list(|field| expected(&field)));
    let contains = table.field("contains").map(|field| expected(&field));
    table.refuse_unknown_keys();
    match (any, contains) {
        (Some(any), None) => any.map(ClaimTest::AnyOf),
        (None, Some(contains)) => contains.map(ClaimTest::Contains),
        _ => field.fail("expected a value, { any = [...] } or { contains = value }"),
    }
}
