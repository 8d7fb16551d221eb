//! What the origin receives.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use serde_json::{Value, json};
use support::{Token, World, allowed, policy};

const PUBLIC: &str = r#"[{"path": "/{*rest}", "access": "public"}, {"path": "/", "access": "public"}]"#;

/// The policy with a member `identity` before its routes.
fn with_identity(identity: &str, routes: &str) -> String {
    policy(routes).replacen("\"version\":1", &format!("\"version\":1,\"identity\":{identity}"), 1)
}

/// The headers that are set for a token on a route that looks at nothing but the signature.
fn identity(settings: &str, token: &Token) -> Vec<(String, String)> {
    let routes = r#"[{"path": "/", "audience": "*", "organization": "*"}]"#;
    let forward = allowed(World::new(&with_identity(settings, routes)).get("/", &token.sign()));
    forward.set.into_iter().filter(|(name, _)| !name.starts_with("x-forwarded")).collect()
}

fn value(headers: &[(String, String)], name: &str) -> Option<String> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_verified_token_becomes_identity_headers() {
    let token =
        Token::default().claim("aud", json!(["https://api.example.com", "b"])).claim("organization_id", json!("acme"));
    let expected = [
        ("x-auth-subject", "user-1"),
        ("x-auth-client-id", "app-1"),
        ("x-auth-organization-id", "acme"),
        ("x-auth-scopes", "read:data write:data"),
        ("x-auth-audience", "https://api.example.com,b"),
        ("x-auth-issuer", "https://tenant.logto.app/oidc"),
    ];
    assert_eq!(identity("{}", &token), pairs(&expected));
}

#[test]
fn what_is_absent_is_not_sent() {
    let mut token = Token::default();
    for claim in ["sub", "client_id", "aud", "scope"] {
        token = token.claim(claim, Value::Null);
    }
    assert_eq!(identity("{}", &token), pairs(&[("x-auth-issuer", "https://tenant.logto.app/oidc")]));
    assert_eq!(
        value(&identity("{}", &token.claim("azp", json!("app-2"))), "x-auth-client-id").as_deref(),
        Some("app-2")
    );
    assert_eq!(value(&identity("{}", &Token::default().claim("aud", json!([]))), "x-auth-audience"), None);
}

#[test]
fn the_organization_is_the_claims_else_the_matched_audiences() {
    let organization = |routes: &str, token: Token| {
        let forward = allowed(World::new(&policy(routes)).get("/", &token.sign()));
        value(&forward.set, "x-auth-organization-id")
    };
    let token = Token::default().claim("aud", json!(["urn:logto:organization:b", "urn:logto:organization:a", "x"]));
    let list = r#"[{"path": "/", "audience": ["x2", "urn:logto:organization:a", "urn:logto:organization:b"]}]"#;
    assert_eq!(organization(list, token.clone()).as_deref(), Some("a"), "the first of the route's that the token has");
    assert_eq!(organization(r#"[{"path": "/", "audience": ["x", "urn:logto:organization:a"]}]"#, token.clone()), None);
    assert_eq!(organization(r#"[{"path": "/", "audience": "*"}]"#, token.clone()), None, "nothing was matched");
    let both = r#"[{"path": "/", "audience": "urn:logto:organization:a", "organization": "c"}]"#;
    assert_eq!(organization(both, token.claim("organization_id", json!("c"))).as_deref(), Some("c"));
}

#[test]
fn values_are_encoded() {
    let token = Token::default()
        .claim("sub", json!("50% é, \r\n\u{7f}€"))
        .claim("client_id", json!(" a b "))
        .claim("aud", json!(["a,b", "c%"]))
        .claim("scope", json!("x,y é"));
    let headers = identity("{}", &token);
    assert_eq!(value(&headers, "x-auth-subject").as_deref(), Some("50%25 %C3%A9, %0D%0A%7F%E2%82%AC"));
    assert_eq!(value(&headers, "x-auth-client-id").as_deref(), Some("%20a b%20"), "HTTP would drop spaces at the ends");
    assert_eq!(value(&headers, "x-auth-audience").as_deref(), Some("a%2Cb,c%25"));
    assert_eq!(value(&headers, "x-auth-scopes").as_deref(), Some("x%2Cy %C3%A9"));
    let headers = identity("{}", &token.claim("scope", json!("  a  b\tc ")));
    assert_eq!(value(&headers, "x-auth-scopes").as_deref(), Some("a b%09c"), "only spaces stand between scopes");
}

#[test]
fn extra_claims() {
    let settings = r#"{"claims": {"x-auth-email": "email", "X-Auth-Roles": "realm.roles", "x-auth-n": "n", "x-auth-o": "o",
        "x-auth-null": "null", "x-auth-mixed": "mixed", "x-auth-empty": "empty", "x-auth-none": "none", "x-auth-b": "b"}}"#;
    let token = Token::default()
        .claim("email", json!("a@b.c"))
        .claim("realm", json!({"roles": ["x", "y,z"]}))
        .claim("n", json!(1.5))
        .claim("o", json!({"k": ["é", 1]}))
        .claim("mixed", json!(["a", 1]))
        .claim("empty", json!([]))
        .claim("b", json!(true));
    let headers = identity(settings, &token);
    for (name, expected) in [
        ("x-auth-email", Some("a@b.c")),
        ("x-auth-roles", Some("x,y%2Cz")),
        ("x-auth-n", Some("1.5")),
        ("x-auth-o", Some(r#"{"k":["%C3%A9",1]}"#)),
        ("x-auth-mixed", Some(r#"["a",1]"#)),
        ("x-auth-empty", None),
        ("x-auth-none", None),
        ("x-auth-b", Some("true")),
    ] {
        assert_eq!(value(&headers, name).as_deref(), expected, "{name}");
    }
}

#[test]
fn the_whole_payload_on_request() {
    let token = Token::default();
    let headers = identity(r#"{"payload_header": true, "prefix": "gate-"}"#, &token);
    assert_eq!(value(&headers, "gate-claims").as_deref(), token.sign().split('.').nth(1));
    assert!(headers.iter().all(|(name, _)| name.starts_with("gate-")));
}

#[test]
fn what_could_be_taken_for_the_gates_word_is_removed_everywhere() {
    let own = [
        "x-auth-subject",
        "x_auth_subject",
        "x.auth.subject",
        "x!auth!subject",
        "x~auth-subject",
        "x-auth_anything",
        "x-auth-",
        "x_forwarded_host",
        "x-forwarded-proto",
        "x.forwarded.prefix",
    ];
    let kept = ["x-authority", "x-forwarded-for", "x-forwarded-hosts", "xauth-subject"];
    let headers: Vec<_> = own.iter().chain(&kept).map(|name| (*name, "admin")).collect();
    let routes = r#"[{"path": "/p", "access": "public"}, {"path": "/o", "access": "optional", "audience": "*"}]"#;
    let mut world = World::new(&policy(routes));
    for path in ["/p", "/o"] {
        let forward = allowed(world.request("GET", &format!("https://API.example.com:8443{path}"), &headers));
        assert_eq!(forward.remove, own, "{path}");
        let set = [("x-forwarded-host", "API.example.com:8443"), ("x-forwarded-proto", "https")];
        assert_eq!(forward.set, pairs(&set), "{path}");
    }
}

#[test]
fn the_origin_learns_which_prefix_it_does_not_see() {
    let prefix = |strip_prefix: &str, path: &str| {
        let route = format!(r#"[{{"path": "/{{*rest}}", "access": "public", "strip_prefix": "{strip_prefix}"}}]"#);
        let forward = allowed(World::new(&policy(&route)).request("GET", &format!("http://h{path}"), &[]));
        value(&forward.set, "x-forwarded-prefix")
    };
    assert_eq!(prefix("/api/v1", "/%61pi/v1/x").as_deref(), Some("/api/v1"));
    assert_eq!(prefix("/api", "/api").as_deref(), Some("/api"));
    assert_eq!(prefix("/\u{e9} a", "/%C3%A9%20a/x").as_deref(), Some("/%C3%A9%20a"), "a header holds ASCII only");
    assert_eq!(prefix("/api", "/apis/x"), None);
    assert_eq!(prefix("/", "/api"), None);
}

#[test]
fn the_token_is_forwarded_unless_the_policy_says_no() {
    let removed = |settings| {
        let mut world = World::new(&with_identity(settings, PUBLIC));
        allowed(world.request("GET", "http://h/", &[("authorization", "Bearer x")])).remove
    };
    assert_eq!(removed("{}"), [""; 0]);
    assert_eq!(removed(r#"{"forward_token": false}"#), ["authorization"]);
}

#[test]
fn hop_by_hop_headers_end_here() {
    let removed =
        |headers: &[(&str, &str)]| allowed(World::new(&policy(PUBLIC)).request("GET", "http://h/", headers)).remove;
    let headers = [
        ("connection", "close, X-Secret ,x-auth-subject"),
        ("x-secret", "1"),
        ("keep-alive", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "Basic x"),
        ("proxy-authenticate", "Basic"),
        ("proxy-connection", "close"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
        ("accept", "*/*"),
    ];
    let kept = |name: &&str| *name != "accept";
    assert_eq!(removed(&headers), headers.map(|(name, _)| name).into_iter().filter(kept).collect::<Vec<_>>());
    let overrides = ["x-http-method-override", "x_http_method", "x.method.override", "transfer_encoding"];
    assert_eq!(removed(&overrides.map(|name| (name, "DELETE"))), overrides, "nor may a header change the method");
    let handshake = [("connection", "Upgrade"), ("upgrade", "WebSocket")];
    assert_eq!(removed(&handshake), ["connection"], "a WebSocket goes through");
}

#[test]
fn an_upgrade_is_one_on_get_only() {
    let mut world = World::new(&policy(PUBLIC));
    let mut removed = |method, headers: &[_]| allowed(world.request(method, "http://h/a", headers)).remove;
    for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get"] {
        for value in ["websocket", "WebSocket", "h2c", "websocket, h2c"] {
            assert_eq!(removed(method, &[("upgrade", value)]), ["upgrade"], "{method} {value}");
            let headers = [("connection", "Upgrade"), ("upgrade", value), ("content-length", "0")];
            assert_eq!(removed(method, &headers), ["connection", "upgrade"], "{method} {value}");
        }
    }
    assert_eq!(removed("GET", &[("upgrade", "websocket")]), [""; 0]);
    assert_eq!(removed("GET", &[("upgrade", "websocket, h2c")]), ["upgrade"]);
}

#[test]
fn the_path_goes_on_as_received() {
    let url = |route: &str, url: &str| {
        let mut world = World::new(&policy(&format!("[{{\"access\": \"public\", {route}}}]")));
        let forward = allowed(world.request("GET", url, &[]));
        (forward.url, forward.service)
    };
    let rest = r#""path": "/{*rest}""#;
    for (route, request, expected) in [
        (rest, "http://h/%61/b%20c/?x=%2F&&y", "https://origin.example.com/%61/b%20c/?x=%2F&&y"),
        (rest, "http://h/a?", "https://origin.example.com/a?"),
        (r#""path": "/""#, "http://h", "https://origin.example.com/"),
        (
            r#""path": "/{*rest}", "origin": "http://o:81/base/", "strip_prefix": "/api/v1""#,
            "http://h/%61pi/v1/%62/",
            "http://o:81/base/%62/",
        ),
        (
            r#""path": "/{*rest}", "origin": "http://o/base", "strip_prefix": "/api""#,
            "http://h/api?q",
            "http://o/base?q",
        ),
        (r#""path": "/{*rest}", "strip_prefix": "/api""#, "http://h/api", "https://origin.example.com/"),
        (r#""path": "/{*rest}", "strip_prefix": "/api""#, "http://h/apis", "https://origin.example.com/apis"),
        (r#""path": "/{*rest}", "origin": "passthrough""#, "https://h:8443/a?b", "https://h:8443/a?b"),
    ] {
        assert_eq!(url(route, request), (expected.to_owned(), None), "{route} {request}");
    }
    let service = url(r#""path": "/{*rest}", "origin": "service:API", "strip_prefix": "/a""#, "https://h/a/b");
    assert_eq!(service, ("https://h/b".to_owned(), Some("API".to_owned())));
}

#[test]
fn whether_a_cache_may_answer_goes_along() {
    let routes = r#"[{"path": "/mine", "audience": "*"}, {"path": "/any", "access": "optional", "audience": "*"},
        {"path": "/all", "access": "public"}, {"path": "/all/mine", "access": "public", "cache": false},
        {"path": "/mine/all", "audience": "*", "cache": true},
        {"path": "/service", "audience": "*", "origin": "service:API"},
        {"path": "/through", "audience": "*", "origin": "passthrough"}]"#;
    let mut world = World::new(&policy(routes));
    let token = Token::default().sign();
    for (path, cache) in [
        ("/mine", false),
        ("/any", false),
        ("/all", true),
        ("/all/mine", false),
        ("/mine/all", true),
        ("/service", false),
        ("/through", false),
    ] {
        assert_eq!(allowed(world.get(path, &token)).cache, cache, "{path}");
    }
    let bearer = format!("Bearer {token}");
    let written = |world: &mut World, path: &str| {
        let text = world.written("GET", &format!("https://h{path}"), &[("authorization", &bearer)]);
        text.split('\n').take(6).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(written(&mut world, "/mine"), "allow https://origin.example.com/mine    /mine");
    assert_eq!(written(&mut world, "/mine/all"), "allow https://origin.example.com/mine/all   cache /mine/all");
}

#[test]
fn a_host_that_is_none_is_refused() {
    let mut world = World::new(&policy(PUBLIC));
    for host in [
        "u@h",
        "h*",
        "h%2ex",
        "b\u{fc}cher.de",
        "",
        "h h",
        "h:x",
        ":80",
        "[::1",
        "h,i",
        "h:99999",
        "h:+80",
        "[::1].",
        "h..",
        "a..b",
        "127.1",
        "h:",
    ] {
        let decision = world.request("GET", &format!("http://{host}/"), &[]);
        assert_eq!(support::outcome(&decision), "400 gate.bad_path", "{host}");
    }
    for host in ["h", "H.x:80", "h.", "h.:80", "[::1]", "[::1]:80", "a_b", "127.0.0.1"] {
        allowed(world.request("GET", &format!("http://{host}/"), &[]));
    }
}
