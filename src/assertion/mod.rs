//! Assertions: short-lived JWTs about the caller, signed with the gate's own key. An origin that verifies them accepts
//! nothing that did not come through the gate.
//!
//! An assertion repeats what a verified token and the route say, for one audience. It expires no later than the token.
//! While more than half of its lifetime is left, it is reused for the same token, audience and organization.

pub mod kept;
pub mod signer;

use std::rc::Rc;

use serde::Serialize;

use crate::authorize::Permit;
use crate::platform::Platform;
use crate::policy::{Assertions, Issuer};
use crate::time::UnixSeconds;
use crate::token::claims::Claims;
use signer::Signer;

/// An assertion, and what it depends on besides its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    text: Rc<str>,
    audience: Box<str>,
    organization: Option<Box<str>>,
    issued_at: UnixSeconds,
    expires: UnixSeconds,
}

/// The claims (RFC 7519 §4.1, RFC 8693 §4.2 and §4.3, RFC 9493 §4). Absent ones are omitted.
#[derive(Serialize)]
struct AssertionClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_id: Option<SubjectId<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    iat: u64,
    exp: u64,
}

/// The subject with its issuer (RFC 9493 §3.2.3): a `sub` is unique only within its issuer (RFC 7519 §4.1.2), and the
/// `iss` of the assertion is the gate. Absent if the token has no `sub`.
#[derive(Serialize)]
struct SubjectId<'a> {
    format: &'static str,
    iss: &'a str,
    sub: &'a str,
}

impl<'a> SubjectId<'a> {
    fn of(claims: &'a Claims) -> Option<Self> {
        Some(Self { format: "iss_sub", iss: claims.text("iss")?, sub: claims.text("sub")? })
    }
}

impl Assertion {
    /// Signs an assertion of what a permit says, for an audience. `issuer` is the token's. `None` if signing fails.
    pub async fn sign<P: Platform>(
        permit: &Permit,
        issuer: &Issuer,
        audience: &str,
        settings: &Assertions,
        signer: &Signer<P::SigningKey>,
        platform: &P,
    ) -> Option<Self> {
        let now = platform.now().seconds();
        let expires = permit.claims().valid_until(issuer).min(now.plus(settings.ttl));
        let claims = AssertionClaims {
            iss: &settings.issuer,
            aud: audience,
            sub: permit.claims().text("sub"),
            sub_id: SubjectId::of(permit.claims()),
            client_id: permit.client(),
            organization_id: permit.organization(),
            scope: permit.claims().scopes().join(" "),
            iat: now.0,
            exp: expires.0,
        };
        Some(Self {
            text: signer.sign(&claims, platform).await?.into(),
            audience: audience.into(),
            organization: claims.organization_id.map(Into::into),
            issued_at: now,
            expires,
        })
    }

    /// The assertion itself: a compact JWS.
    #[must_use]
    pub fn text(&self) -> &Rc<str> {
        &self.text
    }

    /// Whether it is for this audience and organization.
    fn is_for(&self, audience: &str, organization: Option<&str>) -> bool {
        *self.audience == *audience && self.organization.as_deref() == organization
    }

    /// The first second at which less than half of its lifetime is left.
    #[must_use]
    pub fn fresh_until(&self) -> UnixSeconds {
        self.issued_at.plus(self.expires.since(self.issued_at).div_ceil(2))
    }

    /// Whether more than half of its lifetime is left.
    fn is_fresh(&self, now: UnixSeconds) -> bool {
        self.issued_at <= now && now < self.fresh_until()
    }
}
