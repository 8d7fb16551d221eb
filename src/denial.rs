//! The reasons for not forwarding a request. Each is a fact; `reason` has what is said of it, `answer` makes HTTP of it.

/// The reason for not forwarding a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The host, the path or the query is ambiguous.
    BadPath,
    /// No route matches the host and the path.
    NoRoute,
    /// The routes of the path accept other methods only.
    MethodNotAllowed {
        /// The accepted methods, for the `Allow` header.
        allow: Vec<String>,
    },
    /// The route denies all requests.
    Denied,
    /// A page of this origin may not send such a request.
    PreflightDenied,
    /// The route is part of a resource, and its `cors` does not name the page origin of the request.
    PageOriginDenied,
    /// No `Authorization` header.
    MissingAuthorization,
    /// An `Authorization` header with another scheme.
    UnsupportedScheme,
    /// A `Bearer` header without one well-formed token, or several headers.
    MalformedAuthorization,
    /// The token is not valid.
    InvalidToken(InvalidToken),
    /// `exp` has passed.
    TokenExpired,
    /// `nbf` or `iat` is in the future.
    TokenNotYetValid,
    /// The token falls under an entry of the list of revocations.
    TokenRevoked,
    /// `iat` is longer ago than the issuer's `max_age`.
    TokenTooOld,
    /// The token is for another audience.
    InvalidAudience,
    /// The token is for another organization, for none, or for one where none is expected.
    OrganizationMismatch,
    /// The token lacks a scope that the route requires.
    InsufficientScope {
        /// The scopes that the route requires: all of its `all`, then its `any`.
        scopes: Vec<String>,
    },
    /// A claim does not have a value that the route requires.
    ClaimMismatch,
    /// There is no usable key set of the token's issuer.
    KeysUnavailable {
        /// Seconds after which a retry may succeed.
        retry_after: u64,
    },
    /// The list of revocations is too old, and cannot be read.
    RevocationsUnavailable {
        /// Seconds after which a retry may succeed.
        retry_after: u64,
    },
    /// What was sent to one of the gate's own paths is not what that takes.
    BadRequest(String),
    /// The body of such a request is too large.
    TooLarge,
    /// A webhook is not signed with the secret that its sender and the gate share.
    BadSignature,
    /// The gate has no policy that it can enforce, or lacks what the policy names.
    Misconfigured,
    /// The origin could not be reached.
    OriginUnreachable,
    /// The origin did not respond in time.
    OriginTimeout,
}

/// Why a token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidToken {
    /// Longer than the policy allows.
    TooLong,
    /// Not header, payload and signature: an opaque token or a JWE.
    NotThreeParts,
    /// Not canonical base64url, not a strict JSON object, or a header parameter of the wrong type.
    Malformed,
    /// `alg` is absent, unknown, or not accepted from this issuer.
    Algorithm,
    /// `typ` is not accepted from this issuer.
    Type,
    /// `crit` or `b64` asks for an extension that the gate does not support.
    Critical,
    /// `iss` is not an issuer that the route accepts.
    Issuer,
    /// A claim is absent or of the wrong type.
    Claims,
    /// It is bound to a key (RFC 7800), and the gate cannot check proof of possession.
    Bound,
    /// The issuer has no such key.
    Key,
    /// The token has no `kid`, and several keys of the issuer fit its `alg`.
    AmbiguousKey,
    /// The signature is not valid.
    Signature,
}

impl Denial {
    /// What was sent to one of the gate's own paths has this problem.
    #[must_use]
    pub fn bad_request(problem: &str) -> Self {
        Self::BadRequest(problem.to_owned())
    }
}

impl From<InvalidToken> for Denial {
    fn from(reason: InvalidToken) -> Self {
        Self::InvalidToken(reason)
    }
}
