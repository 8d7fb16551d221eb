//! Why a request goes nowhere. Each reason is a fact; what it looks like in HTTP is the business of `answer`.

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
