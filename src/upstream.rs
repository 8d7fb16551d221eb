//! What the origin receives. A request for a route that takes tokens is built from a [`Permit`] and from nothing less.

use std::fmt::Write;

use crate::authorize::Permit;
use crate::json::Json;
use crate::policy::url::Origin;
use crate::policy::{Identity, Route};
use crate::request::Request;
use crate::route::path::RequestPath;
use crate::token::claims::Claims;

/// Headers between two neighbours, which a proxy does not pass on (RFC 9110 §7.6.1, and those of RFC 2616 §13.5.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// A request to the origin: the inbound one with these changes. Method, body and all other headers stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where it goes.
    pub url: String,
    /// The service binding that takes it, instead of the network.
    pub service: Option<String>,
    /// Until the response headers.
    pub timeout_ms: u32,
    /// The route's name, for the log.
    pub route: String,
    /// Headers to remove, before any is set.
    pub remove: Vec<String>,
    /// Headers to set.
    pub set: Vec<(String, String)>,
}

impl Forward {
    /// Builds the request to a route's origin. `permit` is `None` where the route needs none and the caller has none.
    #[must_use]
    pub fn new(
        request: &Request<'_>,
        path: &RequestPath<'_>,
        route: &Route,
        origin: &Origin,
        identity: &Identity,
        permit: Option<&Permit>,
    ) -> Self {
        let mut set = vec![
            (FORWARDED_HOST.to_owned(), request.url.authority.to_owned()),
            (FORWARDED_PROTO.to_owned(), request.url.scheme.to_owned()),
        ];
        if let Some(permit) = permit {
            set.extend(identity_headers(permit, identity));
        }
        let service = match origin {
            Origin::Service(binding) => Some(binding.clone()),
            Origin::Url { .. } | Origin::Passthrough => None,
        };
        Self {
            url: target(request, path, route, origin),
            service,
            timeout_ms: route.timeout_ms,
            route: route.name.clone(),
            remove: removals(request, identity),
            set,
        }
    }
}

/// The path and the query as received, behind the origin's base and without the route's prefix.
fn target(request: &Request<'_>, path: &RequestPath<'_>, route: &Route, origin: &Origin) -> String {
    let url = &request.url;
    let (mut target, base) = match origin {
        Origin::Url { root, base } => (root.clone(), base.as_str()),
        Origin::Service(_) | Origin::Passthrough => (format!("{}://{}", url.scheme, url.authority), ""),
    };
    let rest = path.without_prefix(&route.strip_prefix);
    target.push_str(base);
    target.push_str(if base.is_empty() && rest.is_empty() { "/" } else { rest });
    if let Some(query) = url.query {
        target.push('?');
        target.push_str(query);
    }
    target
}

fn removals(request: &Request<'_>, identity: &Identity) -> Vec<String> {
    let connection = request.header("connection").unwrap_or_default();
    let named: Vec<String> = connection.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    // A WebSocket handshake is the one upgrade that goes through; the platform speaks it with the origin itself.
    let is_websocket = request.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    let is_removed = |name: &str| {
        let keeps_upgrade = is_websocket && name == "upgrade";
        ((HOP_BY_HOP.contains(&name) || named.iter().any(|named| named == name)) && !keeps_upgrade)
            || is_reserved(name, &identity.prefix)
            || (name == "authorization" && !identity.forward_token)
    };
    request.headers.iter().map(|(name, _)| *name).filter(|name| is_removed(name)).map(str::to_owned).collect()
}

/// Whether a name is the gate's to set. WSGI and CGI make one variable of `X-Auth-Subject` and `X_Auth_Subject`
/// (RFC 3875 §4.1.18), so both spellings are.
fn is_reserved(name: &str, prefix: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name.starts_with(prefix) || name == FORWARDED_HOST || name == FORWARDED_PROTO
}

fn identity_headers(permit: &Permit, identity: &Identity) -> Vec<(String, String)> {
    let claims = permit.claims();
    let own = [
        ("subject", claims.text("sub").map(|text| encode(text, false))),
        ("client-id", claims.text("client_id").or_else(|| claims.text("azp")).map(|text| encode(text, false))),
        ("organization-id", permit.organization().map(|text| encode(text, false))),
        ("scopes", list(claims.scopes().iter().map(String::as_str), " ")),
        ("audience", list(claims.audiences(), ",")),
        ("issuer", claims.text("iss").map(|text| encode(text, false))),
        ("claims", identity.payload_header.then(|| claims.payload().to_owned())),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((format!("{}{name}", identity.prefix), value?)));
    own.chain(extra_headers(claims, identity)).collect()
}

fn extra_headers(claims: &Claims, identity: &Identity) -> impl Iterator<Item = (String, String)> {
    identity
        .claims
        .iter()
        .filter_map(move |extra| Some((extra.header.clone(), claim_value(claims.get(&extra.claim)?)?)))
}

/// A claim as a header's value: a string as it is, a list of strings joined by commas, anything else as JSON.
fn claim_value(claim: &Json<'_>) -> Option<String> {
    if let Json::String(text) = claim {
        return Some(encode(text, false));
    }
    let strings: Option<Vec<&str>> = claim.as_array().and_then(|items| items.iter().map(Json::as_str).collect());
    match strings {
        Some(strings) => list(strings.into_iter(), ","),
        None => serde_json::to_string(claim).ok().map(|json| encode(&json, false)),
    }
}

/// An empty list is no header at all.
fn list<'a>(elements: impl Iterator<Item = &'a str>, separator: &str) -> Option<String> {
    let elements: Vec<String> = elements.map(|element| encode(element, true)).collect();
    if elements.is_empty() { None } else { Some(elements.join(separator)) }
}

/// Percent-encodes what a header's value cannot carry or could be misread: `%`, control and non-ASCII characters, in a
/// list's element commas, and a space at either end, which HTTP would drop (RFC 9110 §5.5).
fn encode(text: &str, in_list: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (index, byte) in text.bytes().enumerate() {
        let is_edge_space = byte == b' ' && (index == 0 || index == last);
        if byte == b'%' || byte.is_ascii_control() || !byte.is_ascii() || (in_list && byte == b',') || is_edge_space {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        } else {
            encoded.push(char::from(byte));
        }
    }
    encoded
}
