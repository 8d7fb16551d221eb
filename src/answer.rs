//! The gate's own responses.

use std::fmt::Write;

use crate::cors::{AnswerKind, Preflight};
use crate::decision::{AnswerContext, Document, ResourceHint};
use crate::denial::Denial;
use crate::jose::json::quoted;
use crate::reason::{Reason, ReasonText};

/// A response that the gate creates itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The response headers: names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, without line breaks. That of a refusal is JSON with a sentence for people and a code for programs.
    pub body: String,
}

/// The value of `WWW-Authenticate` (RFC 6750 §3).
enum Challenge<'d> {
    None,
    /// The caller sent no token, so there is no error (RFC 6750 §3.1).
    Bare,
    Error {
        error: &'static str,
        description: &'static str,
    },
    /// The token is valid, but not sufficient for this request. It lacks one of these scopes, unless there are none.
    Insufficient(&'d [String]),
}

/// Creates the response to a denied request.
#[must_use]
pub fn answer(denial: &Denial, context: &AnswerContext<'_>) -> Answer {
    let reason = denial.reason();
    let ReasonText { code, sentence, .. } = reason.text();
    let status = status(reason, context);
    let mut headers = vec![("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())];
    if let Some(value) = www_authenticate(&challenge(denial, context), context) {
        headers.push(("www-authenticate", value));
    }
    match denial {
        Denial::MethodNotAllowed { allow } => headers.push(("allow", allow.join(", "))),
        Denial::KeysUnavailable { retry_after } | Denial::RevocationsUnavailable { retry_after } => {
            headers.push(("retry-after", retry_after.to_string()));
        }
        _ => {}
    }
    share(&mut headers, context, AnswerKind::Refusal);
    let sentence = match denial {
        Denial::BadRequest(problem) => quoted(&format!("{sentence}: {problem}")),
        _ => quoted(sentence),
    };
    Answer { status, headers, body: format!(r#"{{"error":{sentence},"code":"{code}"}}"#) }
}

/// Creates the response with a document. Caches keep one that everyone may read for five minutes.
#[must_use]
pub fn serve(document: &Document<'_>, context: &AnswerContext<'_>) -> Answer {
    let caching = if document.is_public { "public, max-age=300" } else { "no-store" };
    let mut headers = vec![("content-type", document.media_type.to_owned()), ("cache-control", caching.to_owned())];
    share(&mut headers, context, AnswerKind::Content);
    Answer { status: 200, headers, body: document.body.clone().into_owned() }
}

/// Creates the response to a request that was carried out and has nothing to say.
#[must_use]
pub fn done(status: u16) -> Answer {
    Answer { status, headers: vec![("cache-control", "no-store".to_owned())], body: String::new() }
}

/// Creates the response to a preflight.
#[must_use]
pub fn preflight(preflight: &Preflight<'_>, context: &AnswerContext<'_>) -> Answer {
    let mut headers = vec![
        ("vary", "access-control-request-method, access-control-request-headers".to_owned()),
        ("access-control-allow-methods", preflight.methods.clone()),
        ("access-control-max-age", preflight.max_age.to_string()),
    ];
    if !preflight.headers.is_empty() {
        headers.push(("access-control-allow-headers", preflight.headers.clone().into_owned()));
    }
    share(&mut headers, context, AnswerKind::Preflight);
    Answer { status: 204, headers, body: String::new() }
}

/// Adds the headers that say which pages of other origins may use the response.
fn share(headers: &mut Vec<(&'static str, String)>, context: &AnswerContext<'_>, kind: AnswerKind) {
    let fields = context.sharing.iter().flat_map(|sharing| sharing.fields(kind));
    headers.extend(fields.map(|(name, value)| (name, value.into_owned())));
}

/// The status of a refusal. A token for another resource is no reason to ask for more scopes, but for another token.
#[must_use]
pub fn status(reason: Reason, context: &AnswerContext<'_>) -> u16 {
    if reason == Reason::InvalidAudience && context.resource.is_some() { 401 } else { reason.text().status }
}

fn challenge<'d>(denial: &'d Denial, context: &AnswerContext<'_>) -> Challenge<'d> {
    let description = denial.reason().text().sentence;
    match denial {
        Denial::MissingAuthorization | Denial::UnsupportedScheme => Challenge::Bare,
        Denial::MalformedAuthorization => Challenge::Error { error: "invalid_request", description },
        Denial::InvalidToken(reason) => Challenge::Error { error: "invalid_token", description: reason.text().1 },
        Denial::TokenExpired | Denial::TokenNotYetValid | Denial::TokenTooOld | Denial::TokenRevoked => {
            Challenge::Error { error: "invalid_token", description }
        }
        Denial::InvalidAudience if context.resource.is_some() => {
            Challenge::Error { error: "invalid_token", description }
        }
        Denial::InsufficientScope { scopes } => Challenge::Insufficient(scopes),
        Denial::InvalidAudience | Denial::OrganizationMismatch | Denial::ClaimMismatch => Challenge::Insufficient(&[]),
        _ => Challenge::None,
    }
}

fn www_authenticate(challenge: &Challenge<'_>, context: &AnswerContext<'_>) -> Option<String> {
    // The host comes from the request, so characters that could end the quoted string are dropped (RFC 9110 §5.6.4).
    let realm: String = context.host.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\')).collect();
    let mut value = format!("Bearer realm=\"{realm}\"");
    // Writing to a String cannot fail.
    let _ = match challenge {
        Challenge::None => return None,
        Challenge::Bare => Ok(()),
        Challenge::Error { error, description } => {
            write!(value, ", error=\"{error}\", error_description=\"{description}\"")
        }
        Challenge::Insufficient(_) => write!(value, ", error=\"insufficient_scope\""),
    };
    let scope = scope(challenge, context);
    if !scope.is_empty() {
        let _ = write!(value, ", scope=\"{scope}\"");
    }
    if let Some(ResourceHint { metadata_url, .. }) = context.resource {
        let _ = write!(value, ", resource_metadata=\"{metadata_url}\"");
    }
    Some(value)
}

/// The scopes that the client should ask for, which a resource tells everyone (Model Context Protocol 2026-07-28,
/// Authorization). Elsewhere they are those that the route requires, if one is missing (RFC 6750 §3.1).
fn scope(challenge: &Challenge<'_>, context: &AnswerContext<'_>) -> String {
    match (context.resource, challenge) {
        (Some(resource), _) => resource.scopes.to_ask_for().collect::<Vec<_>>().join(" "),
        (None, Challenge::Insufficient(scopes)) => scopes.join(" "),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::denial::InvalidToken;
    use crate::policy::Scopes;

    fn header(answer: &Answer, name: &str) -> Option<String> {
        answer.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn every_refusal_has_its_status_code_and_challenge() {
        let scopes = vec!["read:data".to_owned(), "plan:pro".to_owned()];
        let bare = "Bearer realm=\"api.example.com\"";
        for (denial, status, code, challenge) in [
            (Denial::BadPath, 400, "gate.bad_path", None),
            (Denial::MissingAuthorization, 401, "auth.authorization_header_missing", Some("")),
            (Denial::UnsupportedScheme, 401, "auth.authorization_token_type_not_supported", Some("")),
            (
                Denial::MalformedAuthorization,
                401,
                "auth.authorization_token_invalid_format",
                Some(
                    ", error=\"invalid_request\", error_description=\"Authorization header must hold one Bearer token\"",
                ),
            ),
            (
                Denial::InvalidToken(InvalidToken::NotThreeParts),
                401,
                "auth.invalid_token",
                Some(
                    ", error=\"invalid_token\", error_description=\"The token is not a JWT: it does not have three parts\"",
                ),
            ),
            (
                Denial::InvalidToken(InvalidToken::Bound),
                401,
                "auth.invalid_token",
                Some(", error=\"invalid_token\", error_description=\"The token is bound to a key\""),
            ),
            (
                Denial::TokenExpired,
                401,
                "auth.token_expired",
                Some(", error=\"invalid_token\", error_description=\"Token has expired\""),
            ),
            (
                Denial::TokenNotYetValid,
                401,
                "auth.token_not_yet_valid",
                Some(", error=\"invalid_token\", error_description=\"Token is not yet valid\""),
            ),
            (
                Denial::TokenTooOld,
                401,
                "auth.token_too_old",
                Some(", error=\"invalid_token\", error_description=\"Token is too old\""),
            ),
            (Denial::InvalidAudience, 403, "auth.invalid_audience", Some(", error=\"insufficient_scope\"")),
            (Denial::OrganizationMismatch, 403, "auth.organization_mismatch", Some(", error=\"insufficient_scope\"")),
            (
                Denial::InsufficientScope { scopes },
                403,
                "auth.insufficient_scope",
                Some(", error=\"insufficient_scope\", scope=\"read:data plan:pro\""),
            ),
            (Denial::ClaimMismatch, 403, "auth.claim_mismatch", Some(", error=\"insufficient_scope\"")),
            (Denial::Denied, 403, "gate.denied", None),
            (Denial::PreflightDenied, 403, "gate.preflight_denied", None),
            (Denial::PageOriginDenied, 403, "gate.origin_denied", None),
            (Denial::NoRoute, 404, "gate.no_route", None),
            (Denial::MethodNotAllowed { allow: vec![] }, 405, "gate.method_not_allowed", None),
            (Denial::Misconfigured, 500, "gate.misconfigured", None),
            (Denial::OriginUnreachable, 502, "gate.origin_unreachable", None),
            (Denial::KeysUnavailable { retry_after: 1 }, 503, "gate.keys_unavailable", None),
            (Denial::OriginTimeout, 504, "gate.origin_timeout", None),
        ] {
            let answer = answer(&denial, &AnswerContext::at("api.example.com"));
            assert_eq!(answer.status, status);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["code"], code);
            assert!(body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
            assert_eq!(body.as_object().unwrap().len(), 2);
            assert_eq!(header(&answer, "www-authenticate"), challenge.map(|rest| format!("{bare}{rest}")), "{code}");
            assert_eq!(header(&answer, "content-type").as_deref(), Some("application/json"));
            assert_eq!(header(&answer, "cache-control").as_deref(), Some("no-store"));
        }
    }

    #[test]
    fn the_sentences_that_clients_know() {
        let sentence = |denial| answer(&denial, &AnswerContext::at("h")).body;
        assert_eq!(
            sentence(Denial::MissingAuthorization),
            r#"{"error":"Authorization header is missing","code":"auth.authorization_header_missing"}"#
        );
        assert_eq!(
            sentence(Denial::UnsupportedScheme),
            r#"{"error":"Authorization header must start with \"Bearer \"","code":"auth.authorization_token_type_not_supported"}"#
        );
    }

    #[test]
    fn allow_and_retry_after() {
        let allow = Denial::MethodNotAllowed { allow: vec!["GET".to_owned(), "HEAD".to_owned()] };
        assert_eq!(header(&answer(&allow, &AnswerContext::at("h")), "allow").as_deref(), Some("GET, HEAD"));
        let wait = Denial::KeysUnavailable { retry_after: 20 };
        assert_eq!(header(&answer(&wait, &AnswerContext::at("h")), "retry-after").as_deref(), Some("20"));
    }

    #[test]
    fn every_challenge_of_a_resource_says_what_to_ask_for_and_where() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let scopes = Scopes { all: texts(&["a", "offline_access", "b"]), any: texts(&["offline_access", "c", "d"]) };
        let hint = ResourceHint { metadata_url: "https://h/.well-known/x", scopes: &scopes };
        let context = AnswerContext { resource: Some(hint), ..AnswerContext::at("h") };
        let lacking = Denial::InsufficientScope { scopes: [scopes.all.clone(), scopes.any.clone()].concat() };
        let invalid = |description: &str| format!(", error=\"invalid_token\", error_description=\"{description}\"");
        let insufficient = || ", error=\"insufficient_scope\"".to_owned();
        for (denial, status, error) in [
            (Denial::MissingAuthorization, 401, String::new()),
            (Denial::UnsupportedScheme, 401, String::new()),
            (InvalidToken::Malformed.into(), 401, invalid("The token is malformed")),
            (Denial::TokenExpired, 401, invalid("Token has expired")),
            (Denial::InvalidAudience, 401, invalid("Invalid audience")),
            (Denial::OrganizationMismatch, 403, insufficient()),
            (lacking, 403, insufficient()),
            (Denial::ClaimMismatch, 403, insufficient()),
        ] {
            let answer = answer(&denial, &context);
            assert_eq!(answer.status, status, "{denial:?}");
            let rest = "scope=\"a b c\", resource_metadata=\"https://h/.well-known/x\"";
            let expected = format!("Bearer realm=\"h\"{error}, {rest}");
            assert_eq!(header(&answer, "www-authenticate"), Some(expected), "{denial:?}");
        }
        for denial in [Denial::Denied, Denial::PageOriginDenied, Denial::KeysUnavailable { retry_after: 1 }] {
            assert_eq!(header(&answer(&denial, &context), "www-authenticate"), None, "{denial:?}");
        }
    }

    #[test]
    fn a_resource_without_scopes_asks_for_none() {
        for any in [vec![], vec!["offline_access".to_owned()]] {
            let scopes = Scopes { all: vec![], any };
            let hint = ResourceHint { metadata_url: "https://h/.well-known/x", scopes: &scopes };
            let context = AnswerContext { resource: Some(hint), ..AnswerContext::at("h") };
            let bare = "Bearer realm=\"h\", resource_metadata=\"https://h/.well-known/x\"";
            let answer = answer(&Denial::MissingAuthorization, &context);
            assert_eq!(header(&answer, "www-authenticate").as_deref(), Some(bare));
        }
    }

    #[test]
    fn a_host_cannot_break_out_of_the_realm() {
        let answer = answer(&Denial::MissingAuthorization, &AnswerContext::at("a\", error=\"x\\\r\né"));
        assert_eq!(header(&answer, "www-authenticate").as_deref(), Some("Bearer realm=\"a,error=x\""));
    }
}
