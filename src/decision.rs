//! What the gate decides, and why it refuses. Each reason is a fact; what it looks like in HTTP is `answer`'s business.

use std::borrow::Cow;

use crate::cors::{Preflight, Sharing};
use crate::upstream::Forward;

/// The gate's decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// The request goes to the origin, like this.
    Allow(Forward<'a>),
    /// The request goes nowhere.
    Deny(Denial),
    /// The gate answers by itself; there is no origin for this.
    Serve(Document<'a>),
    /// A browser asks whether a page may send a request, and it may.
    Preflight(Preflight<'a>),
}

/// What the answer to a request says beside the decision, whoever gives it.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The request's host without port: the realm of challenges.
    pub host: &'a str,
    /// Where clients read who issues tokens for the resource that the route is part of (RFC 9728 §5.1).
    pub resource_metadata: Option<&'a str>,
    /// Which pages of other origins may use the answer; `None` where the gate leaves that to the origin.
    pub sharing: Option<Sharing<'a>>,
}

impl<'a> Context<'a> {
    /// What is known before the route is.
    #[must_use]
    pub fn at(host: &'a str) -> Self {
        Self { host, resource_metadata: None, sharing: None }
    }
}

impl Decision<'_> {
    /// The same decision, independent of the request and the policy.
    #[must_use]
    pub fn into_owned(self) -> Decision<'static> {
        match self {
            Self::Allow(forward) => Decision::Allow(forward.into_owned()),
            Self::Deny(denial) => Decision::Deny(denial),
            Self::Serve(Document { media_type, body }) => {
                Decision::Serve(Document { media_type, body: Cow::Owned(body.into_owned()) })
            }
            Self::Preflight(Preflight { methods, headers, max_age }) => {
                Decision::Preflight(Preflight { methods, headers: Cow::Owned(headers.into_owned()), max_age })
            }
        }
    }
}

/// A document of the gate's own, which everyone may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// For `content-type`.
    pub media_type: &'static str,
    /// The text, without line breaks.
    pub body: Cow<'a, str>,
}

/// Why a request goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The path has more than one reading.
    BadPath,
    /// No route has the path.
    NoRoute,
    /// The path's routes take these methods only.
    MethodNotAllowed {
        /// For the `Allow` header.
        allow: Vec<String>,
    },
    /// The route lets no one pass.
    Denied,
    /// A page of this origin may not send such a request.
    PreflightDenied,
    /// No `Authorization` header.
    MissingAuthorization,
    /// An `Authorization` header of another scheme.
    UnsupportedScheme,
    /// A `Bearer` header without one well-formed token, or several headers.
    MalformedAuthorization,
    /// The token is not one of an issuer that the route takes.
    InvalidToken(InvalidToken),
    /// `exp` is past.
    TokenExpired,
    /// `nbf` or `iat` is in the future.
    TokenNotYetValid,
    /// `iat` is longer ago than the issuer's `max_age`.
    TokenTooOld,
    /// The token is for someone else.
    InvalidAudience,
    /// The token is for another organization, or for none, or for one where none is expected.
    OrganizationMismatch,
    /// The token does not allow what the route needs.
    InsufficientScope {
        /// The scopes that the route needs: all of its `all`, then its `any`.
        scopes: Vec<String>,
    },
    /// A claim is not what the route needs.
    ClaimMismatch,
    /// There is no usable key set of the token's issuer.
    KeysUnavailable {
        /// Seconds until another try may help.
        retry_after: u64,
    },
    /// The gate has no policy that it could enforce, or lacks what the policy names.
    Misconfigured,
    /// The origin could not be reached.
    OriginUnreachable,
    /// The origin did not answer in time.
    OriginTimeout,
}

/// Why a token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidToken {
    /// Longer than the policy allows.
    TooLong,
    /// Not header, payload and signature, as an opaque token or a JWE is not.
    NotThreeParts,
    /// Not canonical base64url, not a strict JSON object, or a header parameter of the wrong type.
    Malformed,
    /// `alg` is absent, unknown, or not one of the issuer's.
    Algorithm,
    /// `typ` is not one of the issuer's.
    Type,
    /// `crit` or `b64` ask for an extension that the gate does not have.
    Critical,
    /// `iss` is not an issuer that the route takes.
    Issuer,
    /// A claim is absent or of the wrong type.
    Claims,
    /// It is bound to a key (RFC 7800), which the gate cannot ask its bearer to prove.
    Bound,
    /// The issuer has no such key.
    Key,
    /// The signature does not hold.
    Signature,
}

impl From<InvalidToken> for Denial {
    fn from(reason: InvalidToken) -> Self {
        Self::InvalidToken(reason)
    }
}
