//! From a request's host, path and method to its route, and what the route's hosts capture.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::denial::Denial;
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

#[test]
fn a_query_that_could_be_read_differently_is_refused() {
    let mut world = World::new(&policy(ROUTES));
    let mut get = |query: &str| outcome(&world.request("GET", &format!("https://h/{query}"), &[]));
    for query in ["?", "?a=%09&b=%23", "?a;b", "?\u{e9}"] {
        assert_eq!(get(query), "allow", "{query:?}");
    }
    for query in ["?a\tb", "?a#b", "?#", "?\u{1}", "?\u{7f}", "?\u{9f}"] {
        assert_eq!(get(query), "400 gate.bad_path", "{query:?}");
    }
}

#[test]
fn a_host_header_holds_an_authority_only() {
    let mut world = World::new(&policy(ROUTES));
    let mut get = |host: &str, url: &str| outcome(&world.request("GET", url, &[("host", host)]));
    assert_eq!(get("h:81", "http://h:81/"), "allow");
    for (host, url) in [
        ("h/?org=mine&o\trg=x&", "http://h/?org=mine&o\trg=x&/"),
        ("h/?org=mine&", "http://h/?org=mine&/"),
        ("h?", "http://h?/"),
        ("u@h", "http://u@h/"),
    ] {
        assert_eq!(get(host, url), "400 gate.bad_path", "{host:?}");
    }
}

const ADMIN: &str = r#"[
    {"path": "/{*rest}", "access": "public"},
    {"path": "/admin/{*rest}", "access": "deny"},
    {"path": "/docs", "methods": ["GET"], "access": "public"},
    {"path": "/Orgs/{org}", "access": "public"}
]"#;

#[test]
fn a_rest_covers_its_root() {
    let mut world = World::new(&policy(ADMIN));
    for path in ["/admin", "/admin/", "/admin/x", "/%61dmin"] {
        assert_eq!(outcome(&world.request("GET", &format!("https://h{path}"), &[])), "403 gate.denied", "{path}");
    }
    for path in ["/", "/x", "/x/admin"] {
        allowed(world.request("GET", &format!("https://h{path}"), &[]));
    }
    let routes = r#"[{"path": "/o/{*org}", "audience": "*", "organization": "{org}"}]"#;
    let token = Token::default().claim("organization_id", json!("")).sign();
    let refused = outcome(&World::new(&policy(routes)).get("/o", &token));
    assert_eq!(refused, "403 auth.organization_mismatch", "an empty capture is no value");
}

#[test]
fn a_path_that_is_another_routes_but_for_case_is_refused() {
    let exact = policy(ADMIN).replacen("\"version\":1", "\"version\":1,\"paths\":{\"case\":\"exact\"}", 1);
    for (policy, expected) in [(policy(ADMIN), "400 gate.bad_path"), (exact, "allow")] {
        let mut world = World::new(&policy);
        let mut request = |method: &str, path: &str| outcome(&world.request(method, &format!("https://h{path}"), &[]));
        for path in ["/ADMIN/users", "/Admin", "/%41dmin/", "/DOCS", "/orgs/x"] {
            assert_eq!(request("GET", path), expected, "{path}");
        }
        assert_eq!(request("POST", "/Docs"), expected, "which would be no path for POST");
        for path in ["/x/ADMIN", "/Orgs/ACME", "/docs", "/"] {
            assert_eq!(request("GET", path), "allow", "{path}");
        }
        assert_eq!(request("GET", "/admin/USERS"), "403 gate.denied");
    }
}

#[test]
fn no_route_takes_a_method_that_shows_or_tunnels() {
    let routes = r#"[{"path": "/all", "access": "public"}, {"path": "/closed", "access": "deny"},
        {"path": "/get", "methods": ["GET"], "access": "public"}]"#;
    let mut world = World::new(&policy(routes));
    let usual = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"].map(str::to_owned).to_vec();
    for method in ["TRACE", "TRACK", "CONNECT", "trace"] {
        let mut request = |path: &str| denied(world.request(method, &format!("https://h{path}"), &[]));
        for path in ["/all", "/closed"] {
            assert_eq!(request(path), Denial::MethodNotAllowed { allow: usual.clone() }, "{method} {path}");
        }
        let allow = ["GET", "HEAD"].map(str::to_owned).to_vec();
        assert_eq!(request("/get"), Denial::MethodNotAllowed { allow }, "{method}");
        assert_eq!(request("/none"), Denial::NoRoute, "{method}");
    }
}

const PACKAGES: &str = r#"[
    {"path": "/npm/{package}", "access": "public", "encoded_slashes": "keep"},
    {"path": "/npm/{package}/-/{file}", "methods": ["GET"], "access": "public", "encoded_slashes": "keep"},
    {"path": "/npm/admin/{*rest}", "access": "deny"},
    {"path": "/projects/{id}/files/{*file}", "audience": "*", "organization": "{id}", "encoded_slashes": "keep"},
    {"path": "/strict/{id}", "access": "public"}
]"#;

#[test]
fn an_encoded_slash_is_part_of_what_a_route_captures_that_keeps_it() {
    let mut world = World::new(&policy(PACKAGES));
    for path in ["/npm/@scope%2fpkg", "/npm/@scope%2Fpkg/-/pkg-1.tgz", "/npm/a%2Fb%2Fc", "/npm/%40scope%2Fpkg/"] {
        let sent = allowed(world.request("GET", &format!("https://h{path}"), &[]));
        assert_eq!(sent.url, format!("https://origin.example.com{path}"), "it is forwarded as received");
    }
    let token = Token::default().claim("organization_id", json!("group/sub")).sign();
    let files = allowed(world.get("/projects/group%2Fsub/files/a%2Fb/c", &token));
    assert_eq!(files.url, "https://origin.example.com/projects/group%2Fsub/files/a%2Fb/c");
    assert_eq!(outcome(&world.get("/projects/group/files/a%2Fb", &token)), "403 auth.organization_mismatch");
}

#[test]
fn a_path_with_encoded_slashes_that_no_route_takes_with_this_method_is_405() {
    let routes = r#"[
        {"path": "/one/{a}", "methods": ["GET"], "access": "public", "encoded_slashes": "keep"},
        {"path": "/rest/{*a}", "methods": ["GET"], "access": "public", "encoded_slashes": "keep"},
        {"path": "/strict/{a}", "methods": ["GET"], "access": "public"},
        {"path": "/two/{a}", "methods": ["GET"], "access": "public", "encoded_slashes": "keep"},
        {"path": "/two/{a}/{b}", "access": "public", "encoded_slashes": "keep"}
    ]"#;
    let mut world = World::new(&policy(routes));
    for method in ["POST", "TRACE"] {
        for (path, expected) in [
            ("/one/a%2Fb", "405 gate.method_not_allowed"),
            ("/rest/a%2Fb/c", "405 gate.method_not_allowed"),
            ("/strict/a%2Fb", "400 gate.bad_path"),
            ("/two/a%2Fb", "400 gate.bad_path"),
        ] {
            let decision = world.request(method, &format!("https://h{path}"), &[]);
            assert_eq!(outcome(&decision), expected, "{method} {path}");
        }
    }
}

#[test]
fn an_encoded_slash_is_refused_where_another_server_could_read_another_path() {
    let mut world = World::new(&policy(PACKAGES));
    for (path, why) in [
        ("/strict/a%2Fb", "its route keeps none"),
        ("/other/a%2Fb", "no route"),
        ("/npm/%2Fa", "an empty segment in front"),
        ("/npm/a%2F", "an empty segment behind"),
        ("/npm/a%2F%2Fb", "an empty segment between"),
        ("/npm/a%2F..%2Fb", "a dot segment"),
        ("/npm/.%2Fb", "a dot segment in front"),
        ("/npm/a%2f%2e%2e", "an encoded dot"),
        ("/npm/a%5Cb", "a backslash is none"),
        ("/npm/a%252Fb", "nor is one that is encoded twice"),
        ("/npm/admin%2Fusers", "the path of another route, once decoded"),
        ("/npm/ADMIN%2Fusers", "the same for an origin that ignores case, too"),
        ("/npm/pkg%2F-%2Ffile", "the same, though both routes keep them"),
        ("/npm%2Fpkg", "no route, since no literal holds one"),
    ] {
        let url = format!("https://h{path}");
        for method in ["GET", "POST"] {
            assert_eq!(outcome(&world.request(method, &url, &[])), "400 gate.bad_path", "{method} {path}: {why}");
        }
    }
    let exact = policy(PACKAGES).replacen("\"version\":1", "\"version\":1,\"paths\":{\"case\":\"exact\"}", 1);
    let url = "https://h/npm/ADMIN%2Fusers";
    assert_eq!(outcome(&World::new(&exact).request("GET", url, &[])), "allow", "where case counts");
}
