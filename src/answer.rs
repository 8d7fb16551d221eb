//! Refusals in HTTP: one function, the only one that knows status codes and sentences.

use std::fmt::Write;

use crate::decision::{Denial, InvalidToken};

/// A refusal as an HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body: a sentence for people and a code for programs, in JSON.
    pub body: String,
}

/// What `WWW-Authenticate` says (RFC 6750 §3).
enum Challenge {
    None,
    /// The caller sent no token, so there is no error (RFC 6750 §3.1).
    Bare,
    Error {
        error: &'static str,
        description: &'static str,
    },
    /// The token is good for something else.
    Scope(Option<String>),
}

/// Makes the response of a denial. `host` is the request's, without its port; it is the realm.
#[must_use]
pub fn answer(denial: &Denial, host: &str) -> Answer {
    let (status, code, sentence) = status_and_words(denial);
    let mut headers = vec![("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())];
    if let Some(value) = www_authenticate(&challenge(denial), host) {
        headers.push(("www-authenticate", value));
    }
    match denial {
        Denial::MethodNotAllowed { allow } => headers.push(("allow", allow.join(", "))),
        Denial::KeysUnavailable { retry_after } => headers.push(("retry-after", retry_after.to_string())),
        _ => {}
    }
    // Neither word needs escaping: both are this file's own.
    Answer { status, headers, body: format!(r#"{{"error":{},"code":"{code}"}}"#, serde_json::Value::from(sentence)) }
}

fn status_and_words(denial: &Denial) -> (u16, &'static str, &'static str) {
    match denial {
        Denial::BadPath => (400, "gate.bad_path", "The path is ambiguous"),
        Denial::MissingAuthorization => (401, "auth.authorization_header_missing", "Authorization header is missing"),
        Denial::UnsupportedScheme => {
            (401, "auth.authorization_token_type_not_supported", "Authorization header must start with \"Bearer \"")
        }
        Denial::MalformedAuthorization => {
            (401, "auth.authorization_token_invalid_format", "Authorization header must hold one Bearer token")
        }
        Denial::InvalidToken(_) => (401, "auth.invalid_token", "Invalid token"),
        Denial::TokenExpired => (401, "auth.token_expired", "Token has expired"),
        Denial::TokenNotYetValid => (401, "auth.token_not_yet_valid", "Token is not yet valid"),
        Denial::TokenTooOld => (401, "auth.token_too_old", "Token is too old"),
        Denial::InvalidAudience => (403, "auth.invalid_audience", "Invalid audience"),
        Denial::OrganizationMismatch => (403, "auth.organization_mismatch", "Organization ID mismatch"),
        Denial::InsufficientScope { .. } => (403, "auth.insufficient_scope", "Insufficient scope"),
        Denial::ClaimMismatch => (403, "auth.claim_mismatch", "Claim mismatch"),
        Denial::Denied => (403, "gate.denied", "Access is denied"),
        Denial::NoRoute => (404, "gate.no_route", "No route matches"),
        Denial::MethodNotAllowed { .. } => (405, "gate.method_not_allowed", "Method is not allowed"),
        Denial::Misconfigured => (500, "gate.misconfigured", "The gate is misconfigured"),
        Denial::OriginUnreachable => (502, "gate.origin_unreachable", "The origin cannot be reached"),
        Denial::KeysUnavailable { .. } => (503, "gate.keys_unavailable", "The issuer's keys are unavailable"),
        Denial::OriginTimeout => (504, "gate.origin_timeout", "The origin did not answer in time"),
    }
}

fn challenge(denial: &Denial) -> Challenge {
    let (_, _, description) = status_and_words(denial);
    match denial {
        Denial::MissingAuthorization | Denial::UnsupportedScheme => Challenge::Bare,
        Denial::MalformedAuthorization => Challenge::Error { error: "invalid_request", description },
        Denial::InvalidToken(reason) => Challenge::Error { error: "invalid_token", description: explain(*reason) },
        Denial::TokenExpired | Denial::TokenNotYetValid | Denial::TokenTooOld => {
            Challenge::Error { error: "invalid_token", description }
        }
        Denial::InsufficientScope { scopes } => Challenge::Scope(Some(scopes.join(" "))),
        Denial::InvalidAudience | Denial::OrganizationMismatch | Denial::ClaimMismatch => Challenge::Scope(None),
        _ => Challenge::None,
    }
}

fn explain(reason: InvalidToken) -> &'static str {
    match reason {
        InvalidToken::TooLong => "The token is too long",
        InvalidToken::NotThreeParts => "The token is not a JWT: it does not have three parts",
        InvalidToken::Malformed => "The token is malformed",
        InvalidToken::Algorithm => "The algorithm is not accepted",
        InvalidToken::Type => "The token type is not accepted",
        InvalidToken::Critical => "The token needs an extension that is not supported",
        InvalidToken::Issuer => "The issuer is not accepted",
        InvalidToken::Claims => "A claim is missing or malformed",
        InvalidToken::Key => "The signing key is unknown",
        InvalidToken::Signature => "The signature does not hold",
    }
}

fn www_authenticate(challenge: &Challenge, host: &str) -> Option<String> {
    // The host comes from the request: what could end the quoted string is left out (RFC 9110 §5.6.4).
    let realm: String = host.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect();
    let mut value = format!("Bearer realm=\"{realm}\"");
    // Writing to a String cannot fail.
    let _ = match challenge {
        Challenge::None => return None,
        Challenge::Bare => Ok(()),
        Challenge::Error { error, description } => {
            write!(value, ", error=\"{error}\", error_description=\"{description}\"")
        }
        Challenge::Scope(None) => write!(value, ", error=\"insufficient_scope\""),
        Challenge::Scope(Some(scopes)) => write!(value, ", error=\"insufficient_scope\", scope=\"{scopes}\""),
    };
    Some(value)
}
