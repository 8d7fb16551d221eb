//! Checks of a request or a token, and the denials that they end in.

use portcullis::denial::InvalidToken;
use portcullis::reason::Reason;
use serde::Serialize;

/// The check of the signature.
pub(super) const SIGNATURE: &str = "signature";

/// The check of `alg`: first whether the gate supports it, then whether the issuer's tokens may have it.
pub(super) const ALGORITHM: &str = "algorithm";

/// The check that the token is not bound to a key.
pub(super) const BINDING: &str = "cnf";

/// A check of a request or a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// The step of the pipeline, from 1 to 8.
    pub(crate) step: u8,
    pub(crate) name: String,
    pub(crate) outcome: CheckOutcome,
    pub(crate) expected: String,
    /// `None` if there is nothing to show in addition to what was expected.
    pub(crate) found: Option<String>,
    /// Whether what was found is from a token whose signature is not verified.
    pub(crate) unverified: bool,
    /// The claims that it looks at, as paths in the notation of the policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<String>,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckOutcome {
    Passed,
    Refused,
    /// Passed without a check, because the claims are taken as verified.
    Assumed,
}

/// A check that has passed.
pub(super) fn check(step: u8, name: impl Into<String>, expected: impl Into<String>, found: String) -> Check {
    let (name, expected) = (name.into(), expected.into());
    let claims = claims_of(&name).iter().map(|claim| (*claim).to_owned()).collect();
    Check { step, name, outcome: CheckOutcome::Passed, expected, found: Some(found), unverified: false, claims }
}

/// The claims that a check looks at, whatever the policy says.
fn claims_of(name: &str) -> &'static [&'static str] {
    match name {
        "issuer" => &["iss"],
        "exp" => &["exp"],
        "nbf, iat" => &["nbf", "iat"],
        "max_age" | "revocation" => &["iat"],
        "audience" => &["aud"],
        "organization" => &["organization_id"],
        BINDING => &["cnf"],
        _ => &[],
    }
}

/// The check of its step that denies; `None` where the step has one check alone.
pub(super) fn denying_check(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::InvalidToken(reason) => match reason {
            InvalidToken::TooLong => Some("size"),
            InvalidToken::NotThreeParts | InvalidToken::Malformed => Some("form"),
            InvalidToken::Algorithm => Some(ALGORITHM),
            InvalidToken::Critical => Some("extensions"),
            InvalidToken::Type => Some("type"),
            InvalidToken::Claims => Some("claims"),
            InvalidToken::Bound => Some(BINDING),
            InvalidToken::Issuer | InvalidToken::Key | InvalidToken::AmbiguousKey | InvalidToken::Signature => None,
        },
        Reason::TokenExpired => Some("exp"),
        Reason::TokenNotYetValid => Some("nbf, iat"),
        Reason::TokenTooOld => Some("max_age"),
        Reason::BadPath
        | Reason::NoRoute
        | Reason::MethodNotAllowed
        | Reason::Denied
        | Reason::PreflightDenied
        | Reason::PageOriginDenied
        | Reason::MissingAuthorization
        | Reason::UnsupportedScheme
        | Reason::MalformedAuthorization
        | Reason::TokenRevoked
        | Reason::InvalidAudience
        | Reason::OrganizationMismatch
        | Reason::InsufficientScope
        | Reason::ClaimMismatch
        | Reason::KeysUnavailable
        | Reason::Misconfigured
        | Reason::OriginUnreachable
        | Reason::OriginTimeout
        | Reason::RevocationsUnavailable
        | Reason::BadRequest
        | Reason::TooLarge
        | Reason::BadSignature => None,
    }
}
