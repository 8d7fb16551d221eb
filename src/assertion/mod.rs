//! Assertions: short-lived JWTs about the caller, signed with the gate's own key. An origin that verifies them accepts
//! nothing that did not come through the gate.
//!
//! An assertion repeats what a verified token and the route say, for one audience. It expires no later than the token.
//! While more than half of its lifetime is left, it is reused for the same token, audience and organization.

pub mod kept;
pub mod signer;

use std::rc::Rc;

use crate::authorize::Permit;
use crate::jose::json::Json;
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

/// The subject with its issuer (RFC 9493 §3.2.3): a `sub` is unique only within its issuer (RFC 7519 §4.1.2), and the
/// `iss` of the assertion is the gate. Absent if the token has no `sub`.
fn subject_id(claims: &Claims) -> Option<Json<'_>> {
    let (iss, sub) = (claims.text("iss")?, claims.text("sub")?);
    let members = [("format", "iss_sub"), ("iss", iss), ("sub", sub)];
    Some(Json::object(members.map(|(name, text)| (name, Some(Json::text(text))))))
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
        let scope = permit.claims().scopes().join(" ");
        // RFC 7519 §4.1, RFC 8693 §4.2 and §4.3, RFC 9493 §4.
        let claims = Json::object([
            ("iss", Some(Json::text(&settings.issuer))),
            ("aud", Some(Json::text(audience))),
            ("sub", permit.claims().text("sub").map(Json::text)),
            ("sub_id", subject_id(permit.claims())),
            ("client_id", permit.client().map(Json::text)),
            ("organization_id", permit.organization().map(Json::text)),
            ("scope", (!scope.is_empty()).then(|| Json::text(scope))),
            ("iat", Some(Json::number(now.0))),
            ("exp", Some(Json::number(expires.0))),
        ]);
        Some(Self {
            text: signer.sign(&claims, platform).await?.into(),
            audience: audience.into(),
            organization: permit.organization().map(Into::into),
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
