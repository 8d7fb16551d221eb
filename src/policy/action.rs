//! What a route does with its requests.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::rc::Rc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cors::Cors;
use super::issuer::{Issuer, MAX_TIMEOUT_MS};
use super::reader::{Field, Table};
use super::requirement::{Referents, Requirement};
use super::url::Origin;
use crate::route::header::{AUTHORIZATION, is_removed, is_rewritten};
use crate::route::pattern::{PathPattern, PatternSegment};
use crate::route::syntax::is_token;

/// Characters that a path segment of a URL cannot contain unencoded.
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

/// The keys of a route that require something of the token. A route without token checks must not have them.
pub const TOKEN_CHECKS: [&str; 6] = ["issuers", "audience", "scopes", "organization", "claims", "token_header"];

/// What a route does with its requests.
#[derive(Clone, Debug)]
pub enum Action {
    /// It refuses them, whoever sends them.
    Deny,
    /// It forwards them to the origin, if the caller may use the route.
    Forward(Box<Forwarding>),
}

impl Action {
    /// How the requests are forwarded; `None` if they are refused.
    #[must_use]
    pub fn forwarding(&self) -> Option<&Forwarding> {
        match self {
            Self::Deny => None,
            Self::Forward(forwarding) => Some(forwarding),
        }
    }

    /// What is required of a token; `None` if none is checked.
    #[must_use]
    pub fn requirement(&self) -> Option<&Requirement> {
        match &self.forwarding()?.access {
            Access::Token(requirement) | Access::Optional(requirement) => Some(requirement),
            Access::Public | Access::Nobody => None,
        }
    }
}

/// Who may use a route, and where its requests go.
#[derive(Clone, Debug)]
pub struct Forwarding {
    /// Who may use it.
    pub access: Access,
    /// The header that contains the token and nothing else, in lower case; `None` for `Authorization`.
    pub token_header: Option<String>,
    /// Where requests go.
    pub origin: Origin,
    /// Leading segments that are removed from the path.
    pub strip_prefix: Vec<String>,
    /// The same as a path, which the origin puts before the paths in its links.
    pub forwarded_prefix: String,
    /// Whether Cloudflare's cache may respond instead of the origin. It has one response for all callers.
    pub cache: bool,
    /// Timeout in milliseconds until the origin's response headers; `None` leaves it to the platform.
    pub timeout_ms: Option<NonZeroU32>,
}

/// Who may use a route.
#[derive(Clone, Debug)]
pub enum Access {
    /// Callers with a token.
    Token(Requirement),
    /// Callers with a token, and callers that send none.
    Optional(Requirement),
    /// Everyone; tokens are ignored.
    Public,
    /// No one. Only a route that is not enforced forwards requests of no one.
    Nobody,
}

/// The policy's defaults for routes, and what routes may refer to.
pub(super) struct Defaults<'p> {
    /// `None` if they are not a table.
    pub(super) issuers: Option<&'p [(String, Option<Issuer>)]>,
    pub(super) origin: Option<&'p Origin>,
    /// The policy's `origin`, even if it is invalid.
    pub(super) origin_field: Option<&'p Field<'p>>,
    /// Whether the policy has a shared secret, even an invalid one.
    pub(super) sends_secret: bool,
    pub(super) cors: Option<&'p Rc<Cors>>,
    /// The prefix of identity headers.
    pub(super) identity_prefix: &'p str,
}

/// The values of `access`, the least strict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessKind {
    /// Everyone may use the route; tokens are ignored.
    Public,
    /// Callers with a token, and callers that send none.
    Optional,
    /// Callers with a token.
    Token,
    /// No one.
    Deny,
}

impl AccessKind {
    /// The value in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Optional => "optional",
            Self::Token => "token",
            Self::Deny => "deny",
        }
    }

    /// Whether requests without a token pass.
    #[must_use]
    pub fn is_open(self) -> bool {
        self < Self::Token
    }

    /// Each with its name, the default first.
    pub(super) fn words() -> [(&'static str, Self); 4] {
        [Self::Token, Self::Optional, Self::Public, Self::Deny].map(|kind| (kind.name(), kind))
    }
}

/// A reader for the action in a route's table.
pub(super) struct ActionReader<'f, 'd> {
    pub(super) table: &'f Table<'d>,
    pub(super) serves_all_hosts: bool,
    /// Whether requests are refused that the route does not allow. Otherwise all are forwarded, so it needs an origin.
    pub(super) is_enforced: bool,
}

impl ActionReader<'_, '_> {
    /// Reads the action. `kind` is the route's `access`, if that is valid.
    pub(super) fn read(
        &self,
        kind: Option<AccessKind>,
        referents: Referents<'_>,
        defaults: &Defaults<'_>,
    ) -> Option<Action> {
        let table = self.table;
        let access = self.read_access(kind, referents);
        let token_header = match kind {
            Some(AccessKind::Token | AccessKind::Optional) => {
                table.or("token_header", None, |field| read_token_header(field, defaults.identity_prefix))
            }
            _ => Some(None),
        };
        let origin = self.read_origin(kind, defaults);
        let strip_prefix = table.or("strip_prefix", Vec::new(), |field| field.read(read_prefix));
        let cache = table.or("cache", kind == Some(AccessKind::Public), Field::boolean);
        let timeout_ms = table.optional("timeout_ms", |field| NonZeroU32::new(field.integer(1..=MAX_TIMEOUT_MS)?));
        let (access, origin, strip_prefix) = (access?, origin?, strip_prefix?);
        let (cache, timeout_ms, token_header) = (cache?, timeout_ms?, token_header?);
        Some(match access {
            None => Action::Deny,
            Some(access) => Action::Forward(Box::new(Forwarding {
                access,
                token_header,
                origin,
                forwarded_prefix: strip_prefix.iter().map(|segment| format!("/{}", encoded(segment))).collect(),
                strip_prefix,
                cache,
                timeout_ms,
            })),
        })
    }

    /// Who may use the route; `Some(None)` if nobody may, and it forwards nothing.
    fn read_access(&self, kind: Option<AccessKind>, referents: Referents<'_>) -> Option<Option<Access>> {
        let Some(kind) = kind else {
            // Whether these keys are allowed depends on `access`, which is invalid; at least they are known keys.
            TOKEN_CHECKS.iter().for_each(|check| drop(self.table.field(check)));
            return None;
        };
        match kind {
            AccessKind::Token => Requirement::read(self.table, referents).map(Access::Token).map(Some),
            AccessKind::Optional => Requirement::read(self.table, referents).map(Access::Optional).map(Some),
            AccessKind::Public => refuse_token_checks(self.table).map(|()| Some(Access::Public)),
            AccessKind::Deny => refuse_token_checks(self.table).map(|()| (!self.is_enforced).then_some(Access::Nobody)),
        }
    }

    /// The route's origin, else the policy's. If none is needed, or the policy's is invalid, which is reported already,
    /// any origin will do to check the rest of the route.
    fn read_origin(&self, kind: Option<AccessKind>, defaults: &Defaults<'_>) -> Option<Origin> {
        let field = self.table.field("origin");
        let own = field.as_ref().map(|field| field.read(Origin::parse));
        let is_needed = kind != Some(AccessKind::Deny) || !self.is_enforced;
        if own.is_none() && is_needed && defaults.origin_field.is_none() {
            self.table.fail("origin", "is required, since the policy names no origin");
            return None;
        }
        let origin = match own {
            Some(own) => Some(own?),
            None => defaults.origin.cloned(),
        };
        let is_open = origin == Some(Origin::Passthrough) && self.serves_all_hosts;
        if is_open && kind.is_some() && is_needed && defaults.sends_secret {
            self.refuse_open_secret(field.as_ref().or(defaults.origin_field));
        }
        Some(origin.unwrap_or(Origin::Passthrough))
    }

    /// The shared secret must not go to whatever host a request names.
    fn refuse_open_secret(&self, origin: Option<&Field<'_>>) {
        if let Some(origin) = origin {
            let message = "is required: with the origin passthrough the caller could choose which host receives \
                           identity.secret";
            self.table.fail_beside("hosts", message, origin);
        }
    }
}

/// The value of [`Forwarding::token_header`]. A header that the origin does not receive as the caller sent it would be
/// another token there.
fn read_token_header(field: &Field<'_>, identity_prefix: &str) -> Option<Option<String>> {
    let name = field.text()?.to_ascii_lowercase();
    if !is_token(&name) {
        return field.fail("expected the name of a header");
    }
    if is_removed(&name, identity_prefix) || is_rewritten(&name) {
        return field
            .fail(format!("expected a header that callers set, {name} is set, removed or rewritten on the way"));
    }
    Some((name != AUTHORIZATION).then_some(name))
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

/// A literal segment as encoded in a URL (RFC 3986 §3.3), for a header's value.
fn encoded(segment: &str) -> impl Display {
    utf8_percent_encode(segment, NOT_IN_PATHS)
}

/// A check that has no effect but appears to is worse than none.
fn refuse_token_checks(table: &Table<'_>) -> Option<()> {
    let checks: Vec<Field<'_>> = TOKEN_CHECKS.iter().filter_map(|check| table.field(check)).collect();
    for check in &checks {
        check.fail::<()>("expected no token check on a public or deny route, it would have no effect");
    }
    checks.is_empty().then_some(())
}
