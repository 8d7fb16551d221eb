//! The closed list of reasons for which a request is refused: what clients, operators and tools are told of each.

use crate::denial::{Denial, InvalidToken};

/// Why a request is refused, without what is particular to it. Operators and scripts may rely on its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described where a Denial is, and to operators by its advice")]
pub enum Reason {
    BadPath,
    MissingAuthorization,
    UnsupportedScheme,
    MalformedAuthorization,
    InvalidToken(InvalidToken),
    TokenExpired,
    TokenNotYetValid,
    TokenTooOld,
    TokenRevoked,
    InvalidAudience,
    OrganizationMismatch,
    InsufficientScope,
    ClaimMismatch,
    Denied,
    PreflightDenied,
    PageOriginDenied,
    NoRoute,
    MethodNotAllowed,
    Misconfigured,
    OriginUnreachable,
    KeysUnavailable,
    RevocationsUnavailable,
    OriginTimeout,
    BadRequest,
    TooLarge,
    BadSignature,
}

/// What is said of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonText {
    /// The HTTP status code. For a wrong audience it is 401 instead on routes of a resource.
    pub status: u16,
    /// The code in the body of the refusal, for programs.
    pub code: &'static str,
    /// The sentence in the body of the refusal, for people.
    pub sentence: &'static str,
    /// What is wrong, in the log of decisions: one word.
    pub word: &'static str,
}

impl Reason {
    /// Every reason that is told, in the order of the pipeline, then what happens behind it. Those of the gate's own paths
    /// ([`Reason::OWN`]) are told to nobody but the client.
    pub const ALL: [Self; 34] = [
        Self::BadPath,
        Self::NoRoute,
        Self::MethodNotAllowed,
        Self::PreflightDenied,
        Self::Denied,
        Self::PageOriginDenied,
        Self::MissingAuthorization,
        Self::UnsupportedScheme,
        Self::MalformedAuthorization,
        Self::InvalidToken(InvalidToken::TooLong),
        Self::InvalidToken(InvalidToken::NotThreeParts),
        Self::InvalidToken(InvalidToken::Malformed),
        Self::InvalidToken(InvalidToken::Critical),
        Self::InvalidToken(InvalidToken::Algorithm),
        Self::InvalidToken(InvalidToken::Issuer),
        Self::InvalidToken(InvalidToken::Type),
        Self::InvalidToken(InvalidToken::Claims),
        Self::InvalidToken(InvalidToken::Bound),
        Self::TokenExpired,
        Self::TokenNotYetValid,
        Self::TokenTooOld,
        Self::KeysUnavailable,
        Self::InvalidToken(InvalidToken::Key),
        Self::InvalidToken(InvalidToken::AmbiguousKey),
        Self::InvalidToken(InvalidToken::Signature),
        Self::TokenRevoked,
        Self::RevocationsUnavailable,
        Self::InvalidAudience,
        Self::OrganizationMismatch,
        Self::InsufficientScope,
        Self::ClaimMismatch,
        Self::Misconfigured,
        Self::OriginUnreachable,
        Self::OriginTimeout,
    ];

    /// The reasons that only paths of the gate's own have.
    pub const OWN: [Self; 3] = [Self::BadRequest, Self::TooLarge, Self::BadSignature];

    /// Its status, code, sentence and word.
    #[must_use]
    pub fn text(self) -> ReasonText {
        let (status, code, sentence) = match self {
            Self::BadPath => (400, "gate.bad_path", "The path is ambiguous"),
            Self::MissingAuthorization => (401, "auth.authorization_header_missing", "Authorization header is missing"),
            Self::UnsupportedScheme => {
                (401, "auth.authorization_token_type_not_supported", "Authorization header must start with \"Bearer \"")
            }
            Self::MalformedAuthorization => {
                (401, "auth.authorization_token_invalid_format", "Authorization header must hold one Bearer token")
            }
            Self::InvalidToken(_) => (401, "auth.invalid_token", "Invalid token"),
            Self::TokenExpired => (401, "auth.token_expired", "Token has expired"),
            Self::TokenNotYetValid => (401, "auth.token_not_yet_valid", "Token is not yet valid"),
            Self::TokenTooOld => (401, "auth.token_too_old", "Token is too old"),
            Self::TokenRevoked => (401, "auth.token_revoked", "The token was revoked"),
            Self::InvalidAudience => (403, "auth.invalid_audience", "Invalid audience"),
            Self::OrganizationMismatch => (403, "auth.organization_mismatch", "Organization ID mismatch"),
            Self::InsufficientScope => (403, "auth.insufficient_scope", "Insufficient scope"),
            Self::ClaimMismatch => (403, "auth.claim_mismatch", "Claim mismatch"),
            Self::Denied => (403, "gate.denied", "Access is denied"),
            Self::PreflightDenied => (403, "gate.preflight_denied", "Pages of this origin may not send such a request"),
            Self::PageOriginDenied => (403, "gate.origin_denied", "Pages of this origin may not use this resource"),
            Self::NoRoute => (404, "gate.no_route", "No route matches"),
            Self::MethodNotAllowed => (405, "gate.method_not_allowed", "Method is not allowed"),
            Self::Misconfigured => (500, "gate.misconfigured", "The gate is misconfigured"),
            Self::OriginUnreachable => (502, "gate.origin_unreachable", "The origin cannot be reached"),
            Self::KeysUnavailable => (503, "gate.keys_unavailable", "The issuer's keys are unavailable"),
            Self::RevocationsUnavailable => {
                (503, "gate.revocations_unavailable", "The list of revocations is unavailable")
            }
            Self::BadRequest => (400, "gate.bad_request", "The request is not valid"),
            Self::TooLarge => (413, "gate.too_large", "The body is too large"),
            Self::BadSignature => (401, "gate.bad_signature", "The signature does not hold"),
            Self::OriginTimeout => (504, "gate.origin_timeout", "The origin did not answer in time"),
        };
        let word = match self {
            Self::InvalidToken(reason) => reason.text().0,
            _ => code.split_once('.').map_or(code, |(_, word)| word),
        };
        ReasonText { status, code, sentence, word }
    }
}

impl Reason {
    /// What operators can do about it, in Markdown.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::BadPath => {
                "The path, the host or the query has several readings. Scanners send such requests; a client of your own \
                 builds its URLs wrongly. Names with slashes in them need `encoded_slashes`, paths that differ by case \
                 `paths.case`."
            }
            Self::NoRoute => "No route has this host and path. Add one, or leave the refusal to scanners.",
            Self::MethodNotAllowed => "The routes of the path name other methods. `portcullis routes` lists them.",
            Self::PreflightDenied => {
                "A page asks for what `cors` does not name: its origin or the method. Add it, if the page is yours."
            }
            Self::Denied => "The route has `access = \"deny\"`.",
            Self::PageOriginDenied => {
                "A page of an origin that `cors` does not name calls a resource. Add the origin, if the page is yours."
            }
            Self::MissingAuthorization => {
                "The client sent no token. Many clients ask without one first and take the challenge as the signal to \
                 get one."
            }
            Self::UnsupportedScheme => "The client sent credentials of another kind, such as Basic.",
            Self::MalformedAuthorization => {
                "The header has no token, several, or characters that no token has. Look for `Bearer undefined`, quotes, \
                 and proxies that add a second header."
            }
            Self::TokenExpired => {
                "The token is past its `exp`. Clients should refresh before that; if many fail right after they got \
                 their token, compare the clocks."
            }
            Self::TokenNotYetValid => {
                "`nbf` or `iat` lies ahead: the issuer's clock is wrong. `leeway` bridges seconds."
            }
            Self::TokenTooOld => "The token is older than the issuer's `max_age`. The client must sign in again.",
            Self::TokenRevoked => {
                "The token falls under an entry of the list of revocations. The client must get a new one, which a user who \
                 may not come back does not get. `portcullis revoke --list` prints the entries."
            }
            Self::RevocationsUnavailable => {
                "The list of revocations could not be read for longer than `max_age`, and `on_failure` is `\"deny\"`. The \
                 log has the cause, and so has the status."
            }
            Self::BadRequest => {
                "The gate's own path was sent something else than it takes. The answer says what is wrong."
            }
            Self::TooLarge => "More than 1 MiB was sent to one of the gate's own paths.",
            Self::BadSignature => {
                "A webhook was signed with another secret than the one that `revocation.logto` names, or not at all."
            }
            Self::KeysUnavailable => {
                "The issuer's keys could never be fetched, or not for longer than `jwks_max_stale`. The log has the cause, \
                 and so has the status; `portcullis check --online` tries it from your machine."
            }
            Self::InvalidAudience => {
                "The token is for another API. The client must ask for this one's `resource` or `audience`; many providers \
                 send an opaque or a default token otherwise."
            }
            Self::OrganizationMismatch => {
                "The token is for another organization than the request, for none, or for one where none is expected. The \
                 client must ask for a token of the organization that it acts in."
            }
            Self::InsufficientScope => {
                "The token lacks the scopes in `scopes_missing`. The client must ask for them, and the user or the \
                 application must have them at the provider."
            }
            Self::ClaimMismatch => "A claim is not what `claims` of the route asks for.",
            Self::Misconfigured => {
                "There is no valid policy, or a secret or a service that it names is not bound. The log says which."
            }
            Self::OriginUnreachable => "The origin refused the connection or broke it off. The log has the cause.",
            Self::OriginTimeout => "The origin sent no response headers within the route's `timeout_ms`.",
            Self::InvalidToken(reason) => reason.advice(),
        }
    }
}

impl InvalidToken {
    fn advice(self) -> &'static str {
        match self {
            Self::TooLong => "The token is longer than `limits.max_token_bytes`.",
            Self::NotThreeParts => {
                "The token is no signed JWT: an opaque token, or an encrypted one. Most providers send a JWT only for an \
                 API that they know, so the client must ask for its `resource` or `audience`."
            }
            Self::Malformed => "The token was cut off, changed or made up on the way.",
            Self::Algorithm => {
                "`alg` is none that the issuer's `algorithms` allow. HMAC and `none` never are: set the API to an \
                 asymmetric algorithm at the provider."
            }
            Self::Type => {
                "`typ` is none of the issuer's `types`. ID tokens and logout tokens are no access tokens; some providers \
                 need another list."
            }
            Self::Critical => "The token needs an extension (`crit`, `b64`) that the gate does not have.",
            Self::Issuer => {
                "`iss` is none of the issuers that the route takes. It is compared exactly: a slash at the end counts."
            }
            Self::Claims => {
                "A registered claim is missing or has the wrong type: `exp` is required, and `iat` where there is a \
                 `max_age`."
            }
            Self::Bound => {
                "The token is bound to a key (`cnf`), and the gate cannot check the proof. Ask the provider for bearer \
                 tokens, or set `bound_tokens`."
            }
            Self::Key => {
                "The issuer publishes no key with this `kid` that fits. Right after a rotation the gate fetches the new \
                 keys itself; if it goes on, compare the status with the provider's key set."
            }
            Self::AmbiguousKey => {
                "The token names no key, and several of the issuer's fit. The provider must set `kid`, or publish one key."
            }
            Self::Signature => {
                "The signature is not the issuer's: the token was changed, or comes from another environment with the same \
                 `kid`."
            }
        }
    }

    /// Its word in the log of decisions, and the `error_description` (RFC 6750 §3) for the client.
    #[must_use]
    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLong => ("too_long", "The token is too long"),
            Self::NotThreeParts => ("not_three_parts", "The token is not a JWT: it does not have three parts"),
            Self::Malformed => ("malformed", "The token is malformed"),
            Self::Algorithm => ("algorithm", "The algorithm is not accepted"),
            Self::Type => ("type", "The token type is not accepted"),
            Self::Critical => ("critical", "The token needs an extension that is not supported"),
            Self::Issuer => ("issuer", "The issuer is not accepted"),
            Self::Claims => ("claims", "A claim is missing or malformed"),
            Self::Bound => ("bound", "The token is bound to a key"),
            Self::Key => ("key_unknown", "The signing key is unknown"),
            Self::AmbiguousKey => ("key_ambiguous", "The token has no kid, and several keys fit its algorithm"),
            Self::Signature => ("signature", "The signature does not hold"),
        }
    }
}

impl Denial {
    /// Its reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::BadPath => Reason::BadPath,
            Self::NoRoute => Reason::NoRoute,
            Self::MethodNotAllowed { .. } => Reason::MethodNotAllowed,
            Self::Denied => Reason::Denied,
            Self::PreflightDenied => Reason::PreflightDenied,
            Self::PageOriginDenied => Reason::PageOriginDenied,
            Self::MissingAuthorization => Reason::MissingAuthorization,
            Self::UnsupportedScheme => Reason::UnsupportedScheme,
            Self::MalformedAuthorization => Reason::MalformedAuthorization,
            Self::InvalidToken(reason) => Reason::InvalidToken(*reason),
            Self::TokenExpired => Reason::TokenExpired,
            Self::TokenNotYetValid => Reason::TokenNotYetValid,
            Self::TokenTooOld => Reason::TokenTooOld,
            Self::TokenRevoked => Reason::TokenRevoked,
            Self::InvalidAudience => Reason::InvalidAudience,
            Self::OrganizationMismatch => Reason::OrganizationMismatch,
            Self::InsufficientScope { .. } => Reason::InsufficientScope,
            Self::ClaimMismatch => Reason::ClaimMismatch,
            Self::KeysUnavailable { .. } => Reason::KeysUnavailable,
            Self::RevocationsUnavailable { .. } => Reason::RevocationsUnavailable,
            Self::BadRequest(_) => Reason::BadRequest,
            Self::TooLarge => Reason::TooLarge,
            Self::BadSignature => Reason::BadSignature,
            Self::Misconfigured => Reason::Misconfigured,
            Self::OriginUnreachable => Reason::OriginUnreachable,
            Self::OriginTimeout => Reason::OriginTimeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let all = || Reason::ALL.into_iter().chain(Reason::OWN);
        let words: BTreeSet<&str> = all().map(|reason| reason.text().word).collect();
        assert_eq!(words.len(), all().count());
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
