//! Policies. The input is a policy document in JSON.
//!
//! - Reading is deterministic, and equivalent spellings of a document have the same result.
//! - Every error has a message and a place: one in the document, or a missing key of a table in the document.
//! - An accepted policy satisfies the invariants that the rest of the gate relies on. Each of its routes is reached by
//!   a request to its own place, and not without a token if it requires one.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use portcullis::decision::Decision;
use portcullis::denial::Denial;
use portcullis::jose::json::Json;
use portcullis::policy::url::Origin;
use portcullis::policy::{AccessKind, Issuer, KeySource, Policy, PolicyError};
use portcullis::request::Request;
use portcullis::route::path::RequestPath;
use portcullis::route::pattern::{HostPattern, PathPattern, PatternSegment};
use portcullis::route::table::RouteMatch;
use portcullis::route::url::Url;
use portcullis_fuzz::json::strict;
use portcullis_fuzz::trusting::Gate;
use serde_json::Value;

/// Texts that no policy contains: the target skips inputs that do.
const FRESH: &str = "zzq";
const FRESH_METHOD: &str = "ZZQ";

/// The characters to percent-encode. A dot is not one: the gate refuses encoded dots.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.');

fuzz_target!(|text: &str| {
    let result = Policy::parse(text);
    assert_eq!(describe(&result), describe(&Policy::parse(text)));
    let document = strict(text);
    assert_eq!(document.is_some(), Json::parse(text).is_ok(), "two strict readers");
    let Some(document) = document else {
        assert!(matches!(result.as_ref().map_err(Vec::as_slice), Err([error]) if error.place.is_root()));
        return;
    };
    assert_spelling(text, &result);
    match result {
        Err(errors) => assert_errors(&errors, &document),
        Ok(policy) => {
            assert_policy(&policy);
            assert_secret(&policy, &document);
            if !text.contains(FRESH) && !text.contains(FRESH_METHOD) {
                assert_routes(&policy, &document);
                assert_gate(policy, &document);
            }
        }
    }
});

/// All of a policy except its table, whose hash maps have no fixed order; or all errors.
fn describe(result: &Result<Policy, Vec<PolicyError>>) -> String {
    match result {
        Ok(policy) => {
            let Policy { issuers, routes, identity, max_token_bytes, .. } = policy;
            format!("{issuers:?}\n{routes:?}\n{identity:?}\n{max_token_bytes}")
        }
        Err(errors) => format!("{errors:?}"),
    }
}

/// White space, escapes and the spelling of numbers do not matter.
fn assert_spelling(text: &str, result: &Result<Policy, Vec<PolicyError>>) {
    let value = Json::parse(text).expect("it was read before");
    let spelled = serde_json::to_string_pretty(&value).expect("JSON can be written");
    // The shortest spelling of a float may parse to an adjacent float.
    if Json::parse(&spelled).as_ref() == Ok(&value) {
        assert_eq!(describe(result), describe(&Policy::parse(&spelled)));
    }
}

fn assert_errors(errors: &[PolicyError], document: &Value) {
    assert!(!errors.is_empty());
    let mut places = HashSet::new();
    collect_places(document, String::new(), &mut places);
    for error in errors {
        assert!(!error.message.is_empty(), "{error:?}");
        let place = error.place.to_string();
        let table = place.rsplit_once('.').map_or("", |(table, _)| table);
        assert!(places.contains(place.as_str()) || places.contains(table), "{error:?}");
        assert!(error.to_string().ends_with(&error.message));
    }
}

fn collect_places(value: &Value, place: String, places: &mut HashSet<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_places(item, format!("{place}[{index}]"), places);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let is_bare =
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                let name = if is_bare { name.clone() } else { format!("{name:?}") };
                let dot = if place.is_empty() { "" } else { "." };
                collect_places(member, format!("{place}{dot}{name}"), places);
            }
        }
        _ => {}
    }
    places.insert(place);
}

fn assert_policy(policy: &Policy) {
    assert!(!policy.routes.is_empty());
    assert!((256..=65_536).contains(&policy.max_token_bytes));
    let of = |issuer: &Issuer| match &issuer.tenants {
        None => vec![issuer.issuer.clone()],
        Some(tenants) => tenants.all_iss().collect(),
    };
    let all: Vec<String> = policy.issuers.iter().flat_map(|issuer| of(issuer)).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "two issuers with one iss");
    for issuer in &policy.issuers {
        assert!(of(issuer).iter().all(|iss| issuer.has_iss(iss)));
    }
    policy.issuers.iter().for_each(|issuer| assert_issuer(issuer));
    for route in &policy.routes {
        if let Some(requirement) = route.requirement() {
            assert!(!requirement.issuers.is_empty());
            assert!(requirement.issuers.iter().all(|index| *index < policy.issuers.len()));
        }
        match route.forwarding().map(|forwarding| &forwarding.origin) {
            None => assert_eq!(route.access(), AccessKind::Deny),
            Some(Origin::Url { root, base }) => {
                let url = url::Url::parse(&format!("{root}{base}/x"));
                if !is_punycode(root) {
                    let url = url.expect("an origin is a URL");
                    assert!(["http", "https"].contains(&url.scheme()));
                    let path = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
                    assert_eq!(path(url.path()), path(&format!("{base}/x")));
                    assert_eq!((url.query(), url.fragment(), url.username()), (None, None, ""));
                }
                assert!(RequestPath::parse(&format!("{base}/x")).is_ok());
            }
            Some(Origin::Service(binding)) => assert!(!binding.is_empty()),
            Some(Origin::Passthrough) => {}
        }
        assert!(!route.name.contains(char::is_control));
    }
    let identity = &policy.identity;
    assert!(identity.prefix.ends_with('-'));
    for extra in &identity.claims {
        assert!(extra.header.starts_with(&identity.prefix));
        assert!(extra.header.parse::<HeaderName>().is_ok(), "{:?}", extra.header);
    }
}

/// With a secret, every route to the origin `passthrough` has `hosts`: the caller cannot choose who receives it.
fn assert_secret(policy: &Policy, document: &Value) {
    for (index, route) in policy.routes.iter().enumerate() {
        let is_open = route.forwarding().is_some_and(|forwarding| forwarding.origin == Origin::Passthrough);
        let names_hosts = document["routes"][index].get("hosts").is_some();
        assert!(policy.identity.secret.is_none() || !is_open || names_hosts, "{route:?}");
    }
}

/// Whether a URL contains punycode. The gate does not validate it; a fetch fails if it is invalid.
fn is_punycode(url: &str) -> bool {
    url.to_ascii_lowercase().contains("xn--")
}

/// The name of a header, in lower case (RFC 9110 §5.1).
struct HeaderName;

impl std::str::FromStr for HeaderName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !text.is_empty() && text.bytes().all(is_token) { Ok(Self) } else { Err(()) }
    }
}

fn assert_issuer(issuer: &Issuer) {
    assert!(!issuer.issuer.is_empty() && !issuer.algorithms.is_empty() && !issuer.types.is_empty());
    assert!(issuer.leeway <= 300 && issuer.lifetime.ttl >= 1 && issuer.timeout_ms >= 1);
    match &issuer.keys {
        KeySource::Static(keys) => assert!(keys.iter().all(|key| key.some_algorithm().is_some()) && !keys.is_empty()),
        KeySource::Discovery(url) | KeySource::Uri(url) => {
            let Ok(parsed) = url::Url::parse(url) else {
                assert!(is_punycode(url), "{url}");
                return;
            };
            let host = parsed.host_str().unwrap_or_default();
            let is_loopback =
                host == "[::1]" || host.starts_with("127.") || host == "localhost" || host.ends_with(".localhost");
            assert!(parsed.scheme() == "https" || is_loopback, "{url}");
            assert_eq!((parsed.username(), parsed.password(), parsed.fragment()), ("", None, None));
        }
    }
}

/// A request to a route's own place. Its captures have a value that the policy does not contain.
struct Place {
    url: String,
    host: String,
    method: String,
    has_rest: bool,
}

fn places(document: &Value, index: usize) -> Option<Vec<Place>> {
    let route = &document["routes"][index];
    let pattern = PathPattern::parse(route["path"].as_str()?).expect("it was accepted");
    let segments = pattern.segments.iter().map(|segment| match segment {
        PatternSegment::Literal(text) => format!("/{}", utf8_percent_encode(text, SEGMENT)),
        PatternSegment::Capture(_) => format!("/{FRESH}"),
    });
    let mut path: String = segments.chain(pattern.rest.is_some().then(|| format!("/{FRESH}"))).collect();
    if path.is_empty() {
        path.push('/');
    }
    let methods = route.get("methods").and_then(Value::as_array).map_or_else(
        || vec![FRESH_METHOD.to_owned()],
        |methods| methods.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    );
    let hosts = route
        .get("hosts")
        .and_then(Value::as_array)
        .map_or_else(|| vec![FRESH.to_owned()], |hosts| hosts.iter().filter_map(Value::as_str).map(own_host).collect());
    let place = |host: &String, method: &String| Place {
        url: format!("https://{host}{path}"),
        host: host.clone(),
        method: method.clone(),
        has_rest: pattern.rest.is_some(),
    };
    Some(hosts.iter().flat_map(|host| methods.iter().map(move |method| place(host, method))).collect())
}

fn own_host(host: &str) -> String {
    match HostPattern::parse(host).expect("it was accepted") {
        HostPattern::Exact(host) => host,
        HostPattern::Label { suffix, .. } => format!("{FRESH}.{suffix}"),
    }
}

fn assert_routes(policy: &Policy, document: &Value) {
    for index in 0..policy.routes.len() {
        for place in places(document, index).expect("every route has a path") {
            let url = Url::split(&place.url);
            let path = RequestPath::parse(url.path).expect("a route's path can be requested");
            match policy.table.find(&place.host, &path, &place.method) {
                RouteMatch::Route(found, _) if found == index => {}
                // A more specific route may cover this place: `/a/{x}` matches one segment of `/a/{*rest}`.
                RouteMatch::Route(_, _) | RouteMatch::MethodNotAllowed(_) if place.has_rest => {}
                found => panic!("{} {} is {found:?}, not route {index}", place.method, place.url),
            }
        }
    }
}

fn assert_gate(policy: Policy, document: &Value) {
    let routes = policy.routes.clone();
    let gate = Gate::new(policy);
    for (index, route) in routes.iter().enumerate() {
        for place in places(document, index).expect("every route has a path") {
            if place.has_rest {
                continue;
            }
            let decide = |headers: &[(&str, &str)]| {
                gate.decide(&Request { method: &place.method, url: Url::split(&place.url), headers: headers.to_vec() })
            };
            let named = route.forwarding().and_then(|forwarding| forwarding.token_header.as_deref());
            let token = named.map_or(("authorization", "Bearer a.b.c"), |name| (name, "a.b.c"));
            let (none, bad) = (decide(&[]), decide(&[token]));
            match (route.access(), none, bad) {
                (
                    AccessKind::Token,
                    Decision::Deny(Denial::MissingAuthorization),
                    Decision::Deny(Denial::InvalidToken(_)),
                )
                | (AccessKind::Optional, Decision::Allow(_), Decision::Deny(Denial::InvalidToken(_)))
                | (AccessKind::Public, Decision::Allow(_), Decision::Allow(_))
                | (AccessKind::Deny, Decision::Deny(Denial::Denied), Decision::Deny(Denial::Denied)) => {}
                (_, none, bad) => panic!("{route:?}: {none:?}, {bad:?}"),
            }
        }
    }
}
