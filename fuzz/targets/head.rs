//! Request heads. The input has one part per line, as received on a connection: method, `Host`, target, then headers.
//! The caller has a valid token of the organization `mine`. As in workerd, the URL is joined from scheme, `Host` and
//! target.
//!
//! In a request that the gate forwards, the origin reads the values that the decision was based on. A WHATWG URL parser
//! finds the same host, and a path that no denied route has. Under the names that a rule checked, PHP, `qs`, Rack and
//! ASP.NET find no value but `mine`. There is no identity but the gate's, and no other method.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use portcullis::decision::Decision;
use portcullis::denial::Denial;
use portcullis::request::Request;
use portcullis::route::url::Url;
use portcullis::upstream::Forward;
use portcullis_fuzz::support::{Token, policy, read};
use portcullis_fuzz::trusting::Gate;
use serde_json::json;

const ROUTES: &str = r#"[
    {"path": "/q/{*rest}", "audience": "*", "organization": "{query.org}"},
    {"path": "/id/{*rest}", "audience": "*", "organization": "{query.org_id}"},
    {"path": "/h/{*rest}", "audience": "*", "organization": "{header.x-org}"},
    {"path": "/p/{org}/{*rest}", "audience": "*", "organization": "{org}"},
    {"path": "/t/{*rest}", "hosts": ["{org}.host.test"], "audience": "*", "organization": "{org}", "origin": "passthrough"},
    {"path": "/admin/{*rest}", "access": "deny"},
    {"path": "/docs", "methods": ["GET"], "access": "deny"},
    {"path": "/docs", "access": "public"},
    {"path": "/through/{*rest}", "access": "public", "origin": "passthrough"},
    {"path": "/{*rest}", "access": "public"}
]"#;

/// The host of all origins of the policy except passthrough.
const ORIGIN: &str = "origin.example.com";

thread_local! {
    static GATE: OnceCell<(Gate, String)> = const { OnceCell::new() };
}

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, host, target) = (line(), line(), line());
    if target.contains(' ') {
        return; // A target in a request line contains no spaces.
    }
    let url = format!("http://{host}{target}");
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| name != "authorization" && name != "host")
        .collect();
    GATE.with(|gate| {
        let (gate, authorization) = gate.get_or_init(gate_and_token);
        let own = [("host", host), ("authorization", authorization.as_str())];
        let headers = own.into_iter().chain(headers.iter().map(|(name, value)| (name.as_str(), *value))).collect();
        let request = Request { method, url: Url::split(&url), headers };
        match gate.decide(&request) {
            Decision::Allow(forward) => assert_arrives(&request, &forward),
            Decision::Deny(Denial::Misconfigured) => panic!("the policy is valid"),
            _ => {}
        }
    });
});

fn gate_and_token() -> (Gate, String) {
    let token = Token::default().claim("organization_id", json!("mine")).sign();
    (Gate::new(read(&policy(ROUTES))), format!("Bearer {token}"))
}

fn assert_arrives(request: &Request<'_>, forward: &Forward<'_>) {
    let url = url::Url::parse(&forward.url).unwrap_or_else(|error| panic!("{:?}: {error}", forward.url));
    assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None), "{url}");
    let kept: Vec<(&str, &str)> =
        request.headers.iter().filter(|(name, _)| !forward.remove.iter().any(|gone| gone == name)).copied().collect();
    assert_method(request, &kept);
    assert_headers(request, forward, &kept);
    // An origin may ignore case.
    let segments: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let query = url.query().unwrap_or_default();
    match lower.first().map_or("", String::as_str) {
        "admin" => panic!("denied: {url}"),
        "docs" if lower.len() == 1 || lower[1..] == [""] => assert_ne!(request.method, "GET", "denied: {url}"),
        "q" => assert_parameter("org", query),
        "id" => assert_parameter("org_id", query),
        "h" => assert_eq!(variables("X_ORG", &kept), ["mine"], "{kept:?}"),
        "p" if lower.len() > 1 && lower[1..] != [""] => assert_eq!(segments[1], "mine", "{url}"),
        "t" if host.ends_with(".host.test") && host.matches('.').count() == 2 => {
            assert_eq!(host, "mine.host.test", "{url}");
        }
        _ => {}
    }
    let goes_through = ["t", "through"].contains(&lower.first().map_or("", String::as_str)) && host != ORIGIN;
    let expected = if goes_through { request.url.host().to_ascii_lowercase() } else { ORIGIN.to_owned() };
    assert!(host == expected || host.starts_with('['), "{url}: {host:?}, not {expected:?}");
}

/// If this header asks for a WebSocket, workerd opens one and sends GET, whatever the method is.
fn assert_method(request: &Request<'_>, kept: &[(&str, &str)]) {
    let upgrades = kept.iter().any(|(name, value)| *name == "upgrade" && value.eq_ignore_ascii_case("websocket"));
    assert!(!upgrades || request.method == "GET", "{}", request.method);
    assert!(!["TRACE", "TRACK", "CONNECT"].contains(&request.method));
}

fn assert_headers(request: &Request<'_>, forward: &Forward<'_>, kept: &[(&str, &str)]) {
    for (name, _) in kept {
        let variable = variable(name);
        assert!(!variable.starts_with("X_AUTH_"), "{name}");
        assert!(!["X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_FORWARDED_PREFIX"].contains(&&*variable), "{name}");
    }
    let forwarded = forward.set.iter().find(|(name, _)| name == "x-forwarded-host").map(|(_, value)| value.as_ref());
    assert_eq!(forwarded, Some(request.url.authority));
}

/// The CGI variable of a header, as the most lenient servers name it.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn variables<'h>(wanted: &str, headers: &[(&str, &'h str)]) -> Vec<&'h str> {
    headers.iter().filter(|(name, _)| variable(name) == wanted).map(|(_, value)| *value).collect()
}

fn assert_parameter(name: &str, query: &str) {
    let pairs = |text: &str| -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into(), value.into())).collect()
    };
    let (at_ampersands, at_semicolons) = (pairs(query), pairs(&query.replace(';', "&")));
    for (reader, read, pairs) in [
        ("as they are", (|name| name.to_owned()) as fn(&str) -> String, &at_ampersands),
        ("ASP.NET", str::to_ascii_lowercase, &at_ampersands),
        ("PHP", as_php, &at_ampersands),
        ("qs", as_qs, &at_ampersands),
        ("Rack", as_rack, &at_semicolons),
    ] {
        let values: Vec<_> = pairs.iter().filter(|(known, _)| read(known) == name).map(|(_, value)| value).collect();
        assert_eq!(values, ["mine"], "{reader} reads {query:?}");
    }
}

/// Leading spaces are dropped, and a NUL ends the name. `[` begins an index if a `]` follows; otherwise it becomes `_`,
/// as `.` and spaces do.
fn as_php(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default().trim_start_matches(' ');
    let (plain, index) = name.split_once('[').map_or((name, None), |(plain, index)| (plain, Some(index)));
    let name = if index.is_some_and(|index| !index.contains(']')) { name } else { plain };
    name.replace([' ', '.', '['], "_")
}

fn as_qs(name: &str) -> String {
    let inner = name.strip_prefix('[').and_then(|inner| Some(inner.split_once(']')?.0));
    inner.map_or_else(|| name.split('[').next().unwrap_or_default().to_owned(), str::to_owned)
}

fn as_rack(name: &str) -> String {
    let name = name.trim_start_matches([' ', '[', ']']);
    name.split(['[', ']']).next().unwrap_or_default().to_owned()
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
