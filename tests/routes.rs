//! From a request's host, path and method to its route, and what the route's hosts capture.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::decision::Denial;
use serde_json::json;
use support::{Token, World, allowed, denied, outcome, policy};

const ROUTES: &str = r#"[
    {"path": "/", "hosts": ["api.x.com"], "name": "exact", "access": "public"},
    {"path": "/", "hosts": ["{t}.x.com"], "name": "label", "audience": "*", "organization": "{t}"},
    {"path": "/", "hosts": ["[::1]"], "name": "address", "access": "public"},
    {"path": "/", "name": "any", "access": "public"},
    {"path": "/m", "methods": ["PUT", "GET"], "access": "public"}
]"#;

/// The name of the route that takes a request for this authority.
fn route(authority: &str) -> String {
    allowed(World::new(&policy(ROUTES)).request("GET", &format!("https://{authority}/"), &[])).route
}

#[test]
fn a_host_counts_without_its_case_its_port_and_one_trailing_dot() {
    for authority in ["api.x.com", "API.X.com", "api.x.com:8443", "api.x.com.", "Api.x.com.:80"] {
        assert_eq!(route(authority), "exact", "{authority}");
    }
    for authority in ["[::1]", "[::1]:8080"] {
        assert_eq!(route(authority), "address", "{authority}");
    }
    for authority in ["x.com", "a.api.x.com", "api.x.co", "[::2]"] {
        assert_eq!(route(authority), "any", "{authority}");
    }
}

#[test]
fn a_host_pattern_captures_its_label_in_lower_case() {
    let get = |authority: &str, organization: &str| {
        let token = Token::default().claim("organization_id", json!(organization)).sign();
        let headers = [("authorization", &*format!("Bearer {token}"))];
        outcome(&World::new(&policy(ROUTES)).request("GET", &format!("https://{authority}/"), &headers))
    };
    assert_eq!(get("acme.x.com", "acme"), "allow");
    assert_eq!(get("ACME.x.com.:80", "acme"), "allow");
    assert_eq!(get("acme.x.com", "globex"), "403 auth.organization_mismatch");
    assert_eq!(get("ACME.x.com", "ACME"), "403 auth.organization_mismatch");
}

#[test]
fn each_host_of_a_route_captures_under_its_own_name() {
    let routes =
        r#"[{"path": "/", "hosts": ["{a}.x.com", "{b}.y.com", "z.y.com"], "audience": "*", "organization": "{a}"}]"#;
    let token = Token::default().claim("organization_id", json!("acme")).sign();
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let mut world = World::new(&policy(routes));
    let mut get = |host: &str| outcome(&world.request("GET", &format!("https://{host}/"), &headers));
    assert_eq!(get("acme.x.com"), "allow");
    for host in ["globex.x.com", "acme.y.com", "z.y.com"] {
        assert_eq!(get(host), "403 auth.organization_mismatch", "{host}");
    }
}

#[test]
fn what_no_route_takes_is_refused() {
    let mut world = World::new(&policy(ROUTES));
    let mut request = |method: &str, path: &str| world.request(method, &format!("https://h{path}"), &[]);
    assert_eq!(outcome(&request("HEAD", "/m")), "allow", "GET covers it");
    assert_eq!(denied(request("GET", "/n")), Denial::NoRoute);
    assert_eq!(denied(request("GET", "/m/n")), Denial::NoRoute);
    let allow = ["GET", "HEAD", "PUT"].map(str::to_owned).to_vec();
    assert_eq!(denied(request("POST", "/m")), Denial::MethodNotAllowed { allow });
    assert_eq!(denied(request("GET", "//m")), Denial::BadPath);
}
