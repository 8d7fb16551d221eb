//! CORS: which answers pages of other origins may use, and which preflights the gate answers by itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that panics has failed"
)]

mod support;

use proptest::prelude::*;
use support::World;

const APP: &str = "https://app.example.com";

/// What JavaScript is told.
#[derive(Debug, PartialEq)]
struct Told {
    /// The headers that say which pages may use the answer.
    shared: Vec<(String, String)>,
    /// `allow`, or the status.
    outcome: String,
    /// The other headers of the gate's own answer.
    headers: Vec<(String, String)>,
    body: String,
}

impl Told {
    fn shared(&self, name: &str) -> Option<&str> {
        self.shared.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["code"].as_str().unwrap().to_owned()
    }
}

fn pairs(lines: &[&str]) -> Vec<(String, String)> {
    lines.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

fn read(text: &str) -> Told {
    let lines: Vec<&str> = text.split('\n').collect();
    match lines[0] {
        "allow" => {
            let (count, _) = lines[8].split_once(' ').unwrap();
            let shared = pairs(&lines[9..9 + count.parse::<usize>().unwrap()]);
            Told { shared, outcome: "allow".to_owned(), headers: Vec::new(), body: String::new() }
        }
        "answer" => {
            let says_who = |(name, value): &(String, String)| match name.as_str() {
                "vary" => value == "origin",
                _ => ["allow-origin", "allow-credentials", "expose-headers"].iter().any(|end| name.ends_with(end)),
            };
            let (shared, headers) = pairs(&lines[3..]).into_iter().partition(says_who);
            Told { shared, outcome: lines[1].to_owned(), headers, body: lines[2].to_owned() }
        }
        other => panic!("{other}"),
    }
}

fn world(cors: &str, routes: &str) -> World {
    let policy = support::policy(routes);
    let members = if cors.is_empty() { String::new() } else { format!(r#","cors":{cors}"#) };
    World::new(&format!("{}{members}}}", policy.strip_suffix('}').unwrap()))
}

fn ask(world: &mut World, method: &str, path: &str, headers: &[(&str, &str)]) -> Told {
    read(&world.written(method, &format!("https://api.example.com{path}"), headers))
}

fn preflight(world: &mut World, path: &str, origin: &str, method: &str) -> Told {
    ask(world, "OPTIONS", path, &[("origin", origin), ("access-control-request-method", method)])
}

const ONE: &str = r#"{"origins":["https://app.example.com"]}"#;

const ROUTES: &str = r#"[
    {"path":"/open","access":"public"},
    {"path":"/api","methods":["GET","POST"],"audience":"https://api"},
    {"path":"/api","methods":["DELETE"],"audience":"https://api","cors":false},
    {"path":"/own","access":"public","cors":{"origins":["https://*.own.com"],"expose":["X-Total","etag"],"credentials":true,
        "methods":["GET","PUT"],"headers":["x-own"],"max_age":5}},
    {"path":"/off","access":"public","cors":false},
    {"path":"/none","access":"deny"}
]"#;

#[test]
fn without_cors_nothing_is_said_of_pages() {
    let mut world = world("", r#"[{"path":"/a","access":"public"},{"path":"/t","audience":"x"}]"#);
    for (method, path) in [("GET", "/a"), ("OPTIONS", "/a"), ("OPTIONS", "/t"), ("GET", "/t"), ("GET", "/no")] {
        let told = ask(&mut world, method, path, &[("origin", APP), ("access-control-request-method", "GET")]);
        assert_eq!(told.shared, [], "{method} {path}");
        assert_eq!(told.outcome == "allow", path == "/a", "{method} {path}: a preflight is a request like others");
    }
}

#[test]
fn a_preflight_of_an_allowed_origin_is_answered_without_a_token() {
    let mut world = world(ONE, ROUTES);
    let told = preflight(&mut world, "/api", APP, "POST");
    assert_eq!((told.outcome.as_str(), told.body.as_str()), ("204", ""));
    assert_eq!(told.shared, pairs(&["vary", "origin", "access-control-allow-origin", APP]));
    let expected = [
        "vary",
        "access-control-request-method, access-control-request-headers",
        "access-control-allow-methods",
        "GET, HEAD, POST",
        "access-control-max-age",
        "600",
        "access-control-allow-headers",
        "authorization, content-type",
    ];
    assert_eq!(told.headers, pairs(&expected));
    let own = preflight(&mut world, "/own", "https://a.own.com", "PUT");
    let shared = [
        "vary",
        "origin",
        "access-control-allow-origin",
        "https://a.own.com",
        "access-control-allow-credentials",
        "true",
    ];
    assert_eq!(own.shared, pairs(&shared), "nothing is exposed of a preflight");
    assert_eq!(own.header("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(own.header("access-control-allow-headers"), Some("x-own"));
    assert_eq!(own.header("access-control-max-age"), Some("5"));
}

#[test]
fn a_default_port_of_the_policy_is_the_one_that_browsers_leave_out() {
    let origins = r#"{"origins":["https://app.example.com:443","http://app.example.com:80","https://*.own.com:0443"]}"#;
    let mut world = world(origins, ROUTES);
    for (origin, is_allowed) in [
        ("https://app.example.com", true),
        ("http://app.example.com", true),
        ("https://a.own.com", true),
        ("https://app.example.com:443", false),
        ("https://app.example.com:80", false),
        ("https://a.own.com:8443", false),
    ] {
        let told = ask(&mut world, "GET", "/open", &[("origin", origin)]);
        let expected = is_allowed.then_some(origin);
        assert_eq!(told.shared("access-control-allow-origin"), expected, "{origin}");
        let status = if is_allowed { "204" } else { "403" };
        assert_eq!(preflight(&mut world, "/open", origin, "GET").outcome, status, "{origin}");
    }
}

/// Path, origin, method that is asked for: status, and the methods that are allowed.
#[test]
fn preflights_one_by_one() {
    let mut world = world(ONE, ROUTES);
    for (path, origin, method, outcome, methods) in [
        ("/open", APP, "GET", "204", Some("GET")),
        ("/open", APP, "PATCH", "204", Some("PATCH")),
        ("/open", APP, "QUERY", "204", Some("QUERY")),
        ("/open/", APP, "GET", "204", Some("GET")),
        ("/%6fpen", APP, "GET", "204", Some("GET")),
        ("/api", APP, "GET", "204", Some("GET, HEAD, POST")),
        ("/api", APP, "HEAD", "204", Some("GET, HEAD, POST")),
        // No route, another's rules, no rules, another case: a request like others.
        ("/api", APP, "PUT", "405", None),
        ("/api", APP, "DELETE", "405", None),
        ("/api", APP, "post", "405", None),
        ("/off", APP, "GET", "allow", None),
        ("/nowhere", APP, "GET", "404", None),
        ("/api//x", APP, "GET", "400", None),
        // Not a preflight.
        ("/open", "", "GET", "allow", None),
        ("/open", APP, "", "allow", None),
        ("/open", APP, "GET, PUT", "allow", None),
        ("/open", APP, "GE T", "allow", None),
        // Not this page, or not like this.
        ("/api", "https://evil.example.com", "GET", "403", None),
        ("/api", "null", "GET", "403", None),
        ("/api", "https://app.example.com, https://app.example.com", "GET", "403", None),
        ("/own", APP, "GET", "403", None),
        ("/own", "https://own.com", "GET", "403", None),
        ("/own", "https://a.own.com", "PATCH", "403", None),
        ("/own", "https://a.own.com", "GET", "204", Some("GET, PUT")),
        // What nobody may do a page may ask for: it is told so when it comes.
        ("/none", APP, "GET", "204", Some("GET")),
    ] {
        let told = preflight(&mut world, path, origin, method);
        let case = format!("{path} {origin} {method}: {told:?}");
        assert_eq!(told.outcome, outcome, "{case}");
        assert_eq!(told.header("access-control-allow-methods"), methods, "{case}");
        if outcome == "403" {
            assert_eq!(told.code(), "gate.preflight_denied", "{case}");
            let allowed = if origin == "https://a.own.com" { Some(origin) } else { None };
            assert_eq!(told.shared("access-control-allow-origin"), allowed, "{case}");
            assert_eq!(told.shared("vary"), Some("origin"), "{case}");
            assert_eq!(told.header("www-authenticate"), None, "{case}");
        }
    }
}

#[test]
fn only_options_is_a_preflight() {
    let mut world = world(ONE, ROUTES);
    for method in ["GET", "POST", "options", "HEAD"] {
        let told = ask(&mut world, method, "/open", &[("origin", APP), ("access-control-request-method", "PUT")]);
        assert_eq!(told.outcome, "allow", "{method}");
    }
    let told = ask(&mut world, "OPTIONS", "/open", &[("access-control-request-method", "GET")]);
    assert_eq!(told.outcome, "allow", "without an origin");
}

#[test]
fn a_policys_methods_open_no_method_with_other_rules() {
    let mut world = world(r#"{"origins":["https://app.example.com"],"methods":["GET","DELETE","PUT"]}"#, ROUTES);
    let told = preflight(&mut world, "/api", APP, "GET");
    assert_eq!(told.header("access-control-allow-methods"), Some("GET"), "DELETE has no cors, PUT no route");
    assert_eq!(preflight(&mut world, "/api", APP, "POST").outcome, "403");
}

#[test]
fn no_preflight_is_for_all_methods_at_once() {
    let mut world = world(ONE, ROUTES);
    let told = preflight(&mut world, "/open", APP, "*");
    assert_eq!(told.outcome, "403");
    assert!(told.header("access-control-allow-methods").is_none_or(|methods| !methods.contains('*')));
}

#[test]
fn an_answer_names_the_origin_that_may_use_it() {
    let mut world = world(ONE, ROUTES);
    let vary: &[&str] = &["vary", "origin"];
    let app = &["vary", "origin", "access-control-allow-origin", APP];
    for (path, origin, shared) in [
        ("/open", Some(APP), app.as_slice()),
        ("/open", None, vary),
        ("/open", Some("https://evil.example.com"), vary),
        ("/open", Some("null"), vary),
        ("/open", Some(""), vary),
        ("/open", Some("https://app.example.com,https://app.example.com"), vary),
        ("/off", Some(APP), &[]),
        (
            "/own",
            Some("https://b.a.own.com"),
            &[
                "vary",
                "origin",
                "access-control-allow-origin",
                "https://b.a.own.com",
                "access-control-allow-credentials",
                "true",
                "access-control-expose-headers",
                "x-total, etag",
            ],
        ),
    ] {
        let headers: Vec<(&str, &str)> = origin.into_iter().map(|origin| ("origin", origin)).collect();
        let told = ask(&mut world, "GET", path, &headers);
        assert_eq!((told.outcome.as_str(), told.shared), ("allow", pairs(shared)), "{path} {origin:?}");
    }
}

#[test]
fn every_origin_is_the_same_to_caches() {
    let mut world = world(r#"{"origins":["*"],"headers":["*","Authorization"],"expose":["*"]}"#, ROUTES);
    let open = pairs(&["access-control-allow-origin", "*", "access-control-expose-headers", "*"]);
    for headers in [&[][..], &[("origin", APP)], &[("origin", "null")]] {
        assert_eq!(ask(&mut world, "GET", "/open", headers).shared, open, "{headers:?}");
    }
    let told = preflight(&mut world, "/api", "null", "POST");
    assert_eq!(told.outcome, "204");
    assert_eq!(told.shared, pairs(&["access-control-allow-origin", "*"]));
    assert_eq!(told.header("access-control-allow-headers"), Some("*, authorization"));
}

#[test]
fn a_page_can_read_why_it_was_refused() {
    let mut world = world(ONE, ROUTES);
    let expected = [
        "vary",
        "origin",
        "access-control-allow-origin",
        APP,
        "access-control-expose-headers",
        "www-authenticate, retry-after",
    ];
    let page: &[(&str, &str)] = &[("origin", APP)];
    let bad: &[(&str, &str)] = &[("origin", APP), ("authorization", "Bearer a.b.c")];
    for (method, path, headers, status) in [
        ("GET", "/api", page, "401"),
        ("GET", "/api", bad, "401"),
        ("GET", "/none", page, "403"),
        ("GET", "/nowhere", page, "404"),
        ("PUT", "/api", page, "405"),
        ("GET", "//", page, "400"),
    ] {
        let told = ask(&mut world, method, path, headers);
        assert_eq!((told.outcome.as_str(), told.shared), (status, pairs(&expected)), "{method} {path}");
    }
    let told = ask(&mut world, "DELETE", "/api", page);
    assert_eq!((told.outcome.as_str(), told.shared), ("401", Vec::new()), "where cors is off");
    let told = ask(&mut world, "GET", "/api", &[]);
    assert_eq!(told.shared, pairs(&["vary", "origin"]), "a cache must not give this to a page");
}

#[test]
fn the_table_of_a_route_replaces_the_policys_whole() {
    let routes =
        r#"[{"path":"/a","access":"public","cors":{"origins":["https://a.com"]}},{"path":"/t","audience":"x"}]"#;
    let mut world = world(r#"{"origins":["*"],"expose":["x-a"],"max_age":1}"#, routes);
    let told = ask(&mut world, "GET", "/a", &[("origin", "https://a.com")]);
    assert_eq!(told.shared, pairs(&["vary", "origin", "access-control-allow-origin", "https://a.com"]));
    assert_eq!(preflight(&mut world, "/a", "https://b.com", "GET").outcome, "403");
    assert_eq!(preflight(&mut world, "/a", "https://a.com", "GET").header("access-control-max-age"), Some("600"));
    assert_eq!(preflight(&mut world, "/t", "https://b.com", "GET").header("access-control-max-age"), Some("1"));
}

#[test]
fn an_empty_list_of_headers_is_no_header() {
    let routes = r#"[{"path":"/a","access":"public","cors":{"origins":["*"],"headers":[],"expose":[]}}]"#;
    let mut world = world("", routes);
    let told = preflight(&mut world, "/a", APP, "GET");
    assert_eq!((told.outcome.as_str(), told.header("access-control-allow-headers")), ("204", None));
    assert_eq!(ask(&mut world, "GET", "/a", &[]).shared, pairs(&["access-control-allow-origin", "*"]));
    assert_eq!(ask(&mut world, "GET", "/nowhere", &[]).shared, [], "without cors for all");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_named_is_what_asked_and_is_listed(
        scheme in "(https://|http://|)", host in "[ab.,: /]{0,4}(app|)(\\.|)(example\\.com|localhost:5173)", tail in "(|\\.|/|:1| )",
    ) {
        let mut world = world(r#"{"origins":["https://app.example.com","https://*.example.com","http://localhost:5173"]}"#, ROUTES);
        let origin = format!("{scheme}{host}{tail}");
        let below = origin.strip_prefix("https://").and_then(|host| host.strip_suffix(".example.com"));
        let is_host = |host: &str| host.split('.').all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase()));
        let expected = origin == "http://localhost:5173" || below.is_some_and(is_host);
        let (simple, asked) = (ask(&mut world, "GET", "/open", &[("origin", &origin)]), preflight(&mut world, "/open", &origin, "GET"));
        for told in [&simple, &asked] {
            prop_assert_eq!(told.shared("access-control-allow-origin"), expected.then_some(origin.as_str()), "{}", origin);
            prop_assert_eq!(told.shared("vary"), Some("origin"));
        }
        prop_assert_eq!(asked.outcome, if expected { "204" } else { "403" });
    }
}

#[test]
fn a_preflight_has_the_route_of_the_request_that_it_announces_with_encoded_slashes_too() {
    let routes = r#"[
        {"path":"/kept/{name}","access":"public","encoded_slashes":"keep"},
        {"path":"/kept/admin/{*rest}","access":"deny"},
        {"path":"/strict/{name}","access":"public"}]"#;
    let mut world = world(ONE, routes);
    for (path, outcome) in [
        ("/kept/a%2Fb", "204"),
        ("/kept/admin%2Fb", "400"),
        ("/kept/ADMIN%2Fb", "400"),
        ("/strict/a%2Fb", "400"),
        ("/none/a%2Fb", "400"),
    ] {
        assert_eq!(preflight(&mut world, path, APP, "GET").outcome, outcome, "{path}");
    }
}
