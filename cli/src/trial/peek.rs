//! The contents of a token before its signature is verified. They decide nothing, and are shown as unverified.

use portcullis::jose::base64url;
use portcullis::jose::json::{Json, Object};
use portcullis::token::claims::STRING_CLAIMS;

use crate::json;

/// The parts of a token that an operator needs to see why it is refused. The subject and the permissions are not among
/// them.
#[derive(Clone, Debug, Default)]
pub(super) struct UnverifiedToken {
    pub(super) bytes: usize,
    pub(super) alg: Option<String>,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) iss: Option<String>,
    pub(super) exp: Option<String>,
    pub(super) nbf: Option<String>,
    pub(super) iat: Option<String>,
    /// Registered claims of the wrong type, in words.
    pub(super) odd: Option<String>,
    /// What the token is bound to (RFC 7800 §3.1), in words.
    pub(super) bound: Option<&'static str>,
}

impl UnverifiedToken {
    /// Reads a token.
    pub(super) fn of(token: &str) -> Self {
        let mut segments = token.split('.').map(|segment| base64url::decode(segment).unwrap_or_default());
        let mut segment = || segments.next().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (header, payload) = (segment(), segment());
        let (header, payload) = (Json::parse(&header).ok(), Json::parse(&payload).ok());
        let [alg, kid, typ] = ["alg", "kid", "typ"].map(|name| member(header.as_ref(), name));
        let [iss, exp, nbf, iat] = ["iss", "exp", "nbf", "iat"].map(|name| member(payload.as_ref(), name));
        let claims = payload.as_ref().and_then(Json::as_object);
        let odd = claims.map(odd_claims).filter(|odd| !odd.is_empty());
        let bound = claims.and_then(|claims| claims.get("cnf")).map(binding);
        Self { bytes: token.len(), alg, kid, typ, iss, exp, nbf, iat, odd, bound }
    }
}

fn member(document: Option<&Json<'_>>, name: &str) -> Option<String> {
    let value = document?.as_object()?.get(name)?;
    Some(value.as_str().map_or_else(|| json::value(value).to_string(), str::to_owned))
}

type Fits = fn(&Json<'_>) -> bool;

/// Registered claims, and whether a value has the right type.
const KINDS: [(&[&str], Fits); 3] = [
    (&["exp", "nbf", "iat"], |value| matches!(value, Json::Number(_))),
    (&STRING_CLAIMS, is_text),
    (&["aud", "scope", "scp"], |value| {
        is_text(value) || value.as_array().is_some_and(|items| items.iter().all(is_text))
    }),
];

fn is_text(value: &Json<'_>) -> bool {
    value.as_str().is_some()
}

/// The method by which a token is bound to a key (RFC 9449 §6.1, RFC 8705 §3.1).
fn binding(cnf: &Json<'_>) -> &'static str {
    let has = |member: &str| cnf.as_object().is_some_and(|cnf| cnf.get(member).is_some());
    match () {
        () if has("jkt") => "bound by DPoP (cnf.jkt)",
        () if has("x5t#S256") => "bound to a certificate (cnf.x5t#S256)",
        () => "bound to a key (cnf)",
    }
}

/// Registered claims of the wrong type, in words.
fn odd_claims(claims: &Object<'_>) -> String {
    let known = KINDS.iter().flat_map(|(names, fits)| names.iter().map(move |name| (*name, fits)));
    let odd = known.filter_map(|(name, fits)| match claims.get(name) {
        None if name == "exp" => Some("no exp".to_owned()),
        Some(value) if !fits(value) => Some(format!("{name}: {}", value.kind())),
        _ => None,
    });
    odd.collect::<Vec<_>>().join(", ")
}
