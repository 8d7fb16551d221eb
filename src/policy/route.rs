//! Routes of the policy.

use std::fmt::Display;
use std::rc::Rc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cors::Cors;
use super::issuer::{Issuer, MAX_TIMEOUT_MS, transpose};
use super::methods::read_methods;
use super::reader::{Field, Table};
use super::requirement::{Context, Requirement};
use super::template::Template;
use super::url::Origin;
use crate::jose::json::Json;
use crate::route::pattern::{HostPattern, PathPattern, PatternSegment};

/// What no segment of a URL's path holds as it is.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'|');

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
    /// The same as a path, for the origin to put in front of its links.
    pub forwarded_prefix: String,
    /// Whether Cloudflare's cache may answer in the origin's stead. It knows one answer for all callers.
    pub cache: bool,
    /// Until the origin's response headers.
    pub timeout_ms: u32,
    /// Which pages of other origins may use it.
    pub cors: Option<Rc<Cors>>,
    /// Which of the policy's resources it is part of, by index.
    pub resource: Option<usize>,
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

impl Access {
    /// The word for it in a policy.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Optional(_) => "optional",
            Self::Public => "public",
            Self::Deny => "deny",
        }
    }

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
    /// The templates of what it requires.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.access.requirement().into_iter().flat_map(Requirement::templates)
    }

    /// The name that the route gives the first label of this host.
    #[must_use]
    pub fn host_label_name(&self, host: &str) -> Option<&str> {
        let (_, suffix) = host.split_once('.')?;
        self.host_labels.iter().find(|(known, _)| known == suffix).map(|(_, name)| name.as_str())
    }
}

/// What a route falls back to, and may refer to.
pub(super) struct Defaults<'p> {
    /// `None` where they are no table.
    pub(super) issuers: Option<&'p [(String, Option<Issuer>)]>,
    pub(super) origin: Option<&'p Origin>,
    /// Where the policy names an origin, be it a wrong one.
    pub(super) origin_field: Option<&'p Field<'p>>,
    /// Whether requests carry a secret to their origins, be it named wrongly.
    pub(super) sends_secret: bool,
    pub(super) cors: Option<&'p Rc<Cors>>,
    /// The prefix of identity headers.
    pub(super) identity_prefix: &'p str,
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
    pub(super) fn read(field: &Field<'_>, defaults: &Defaults<'_>) -> Self {
        let Some(table) = field.table() else {
            return Self { route: None, place: None, takes_tokens: false };
        };
        let path_field = table.required("path");
        let path = path_field.as_ref().and_then(|field| field.read(PathPattern::parse));
        let methods = table.field("methods").map_or(Some(Vec::new()), |field| read_methods(&field));
        let hosts =
            table.field("hosts").map_or(Some(Vec::new()), |field| field.list(|field| field.read(HostPattern::parse)));
        let name = transpose(table.field("name").map(|field| field.read(read_name)));
        let host_labels = host_labels(hosts.as_deref().unwrap_or_default());
        let kind = table.field("access").map_or(Some(Kind::Token), |field| Kind::read(&field));
        let label_names: Vec<String> = host_labels.iter().map(|(_, name)| name.clone()).collect();
        let context = Context {
            path: path.as_ref(),
            host_labels: &label_names,
            issuers: defaults.issuers,
            identity_prefix: defaults.identity_prefix,
        };
        let access = read_access(&table, kind, context);
        let origin = read_origin(&table, kind, defaults);
        let forwards = kind.is_some_and(|kind| kind != Kind::Deny);
        if forwards && origin == Some(Some(Origin::Passthrough)) && hosts.as_ref().is_some_and(Vec::is_empty) {
            refuse_open_secret(&table, field, defaults);
        }
        let strip_prefix = table.field("strip_prefix").map_or(Some(Vec::new()), |field| field.read(read_prefix));
        let is_public = kind == Some(Kind::Public);
        let cache = table.field("cache").map_or(Some(is_public), |field| field.boolean());
        let timeout_ms = table.field("timeout_ms").map_or(Some(30_000), |field| field.integer(1..=MAX_TIMEOUT_MS));
        let cors = table.field("cors").map_or(Some(defaults.cors.cloned()), |field| read_cors(&field));
        refuse_repeated_names(&table, path.as_ref(), &host_labels);
        table.refuse_unknown_keys();

        let path_text = path_field.and_then(|field| field.value.as_str()).unwrap_or_default();
        let forwarded_prefix = strip_prefix.iter().flatten().map(|segment| format!("/{}", encoded(segment))).collect();
        let route = || {
            Some(Route {
                name: name?.unwrap_or_else(|| path_text.to_owned()),
                access: access?,
                origin: origin?,
                strip_prefix: strip_prefix?,
                forwarded_prefix,
                cache: cache?,
                timeout_ms: u32::try_from(timeout_ms?).ok()?,
                cors: cors?,
                resource: None,
                host_labels,
            })
        };
        let route = route();
        let place = || Some(Place { path: path?, hosts: hosts?, methods: methods? });
        Self { route, place: place(), takes_tokens: matches!(kind, Some(Kind::Token | Kind::Optional)) }
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
    fn read(field: &Field<'_>) -> Option<Self> {
        let text = field.text()?;
        match text {
            "token" => Some(Self::Token),
            "optional" => Some(Self::Optional),
            "public" => Some(Self::Public),
            "deny" => Some(Self::Deny),
            _ => field.fail_name(
                text,
                ["token", "optional", "public", "deny"],
                format!("expected \"token\", \"optional\", \"public\" or \"deny\", found {text:?}"),
            ),
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
    for (index, (suffix, name)) in host_labels.iter().enumerate() {
        if in_path(name) {
            table.fail("hosts", format!("expected each capture once, {{{name}}} is in the path too"));
        }
        if host_labels.iter().take(index).any(|(known, other)| known == suffix && other != name) {
            table.fail("hosts", format!("expected one name for the first label of .{suffix}"));
        }
    }
}

fn read_origin(table: &Table<'_>, kind: Option<Kind>, defaults: &Defaults<'_>) -> Option<Option<Origin>> {
    if let Some(field) = table.field("origin") {
        return field.read(Origin::parse).map(Some);
    }
    if kind != Some(Kind::Deny) && defaults.origin_field.is_none() {
        table.fail("origin", "is required, since the policy names no origin");
        return None;
    }
    Some(defaults.origin.cloned())
}

/// A request that goes to whatever host it names must not carry the secret there.
fn refuse_open_secret(table: &Table<'_>, route: &Field<'_>, defaults: &Defaults<'_>) {
    let origin = route.member("origin").or_else(|| defaults.origin_field.cloned());
    if let Some(origin) = origin.filter(|_| defaults.sends_secret) {
        let message = "is required: with the origin passthrough the caller would choose who learns identity.secret";
        table.fail_beside("hosts", message, &origin);
    }
}

/// `false` turns off what the policy says for all routes.
fn read_cors(field: &Field<'_>) -> Option<Option<Rc<Cors>>> {
    match field.value {
        Json::Bool(false) => Some(None),
        Json::Object(_) => Cors::read(field).map(|cors| Some(Rc::new(cors))),
        _ => field.fail("expected a table, or false"),
    }
}

/// A name goes into log lines.
fn read_name(text: &str) -> Result<String, String> {
    if text.contains(char::is_control) { Err("expected no control character".to_owned()) } else { Ok(text.to_owned()) }
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

/// A literal segment as it stands in a URL (RFC 3986 §3.3), for a header's value.
fn encoded(segment: &str) -> impl Display {
    utf8_percent_encode(segment, NOT_IN_PATHS)
}

/// The keys of a route that say what a token must be. A route that takes no tokens has none of them.
pub const TOKEN_CHECKS: [&str; 5] = ["issuers", "audience", "scopes", "organization", "claims"];

fn read_access(table: &Table<'_>, kind: Option<Kind>, context: Context<'_>) -> Option<Access> {
    let Some(kind) = kind else {
        // Whether these are right depends on what is wrong; at least they are known.
        TOKEN_CHECKS.iter().for_each(|check| drop(table.field(check)));
        return None;
    };
    match kind {
        Kind::Token => Requirement::read(table, context).map(Access::Token),
        Kind::Optional => Requirement::read(table, context).map(Access::Optional),
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
