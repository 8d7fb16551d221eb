//! Protected resource metadata (RFC 9728): where it is, what it says, and which refusals lead there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test that panics has failed")]

mod support;

use serde_json::{Value, json};
use support::token::key_set;
use support::{ISSUER, Token, World};

const POLICY: &str = r#"{"version":1,"origin":"https://o.com",
    "issuers":{"a":{"issuer":"https://a.com"},"b":{"issuer":"https://b.com/x"},"c":{"issuer":"https://c.com"}},
    "resources":{
        "https://api.example.com/mcp":{"name":"Our \"MCP\" server","documentation":"https://example.com/docs"},
        "https://API.example.com:8443":{},
        "http://localhost:8787/deep/er/":{}},
    "routes":[
        {"path":"/mcp","issuers":["b","a"],"audience":["urn:x","https://api.example.com/mcp"],"scopes":["read","offline_access","write"]},
        {"path":"/mcp/{*rest}","issuers":["a"],"audience":"https://api.example.com/mcp","scopes":{"any":["offline_access","admin","read"]}},
        {"path":"/root","issuers":["c"],"audience":["https://API.example.com:8443","https://api.example.com/mcp"]},
        {"path":"/deep","issuers":["c"],"audience":"http://localhost:8787/deep/er/","access":"optional"},
        {"path":"/other","audience":"https://other.example.com"},
        {"path":"/open","access":"public"},
        {"path":"/.well-known/{*rest}","access":"public"}]}"#;

fn ask(method: &str, url: &str, headers: &[(&str, &str)]) -> Vec<String> {
    World::new(POLICY).written(method, url, headers).split('\n').map(str::to_owned).collect()
}

/// The document at a URL; `None` where the request goes to the origin.
fn metadata(url: &str) -> Option<Value> {
    let lines = ask("GET", url, &[]);
    if lines[0] == "allow" {
        return None;
    }
    assert_eq!(lines[..2], ["answer", "200"], "{url}");
    let headers = [
        ["content-type", "application/json"],
        ["cache-control", "public, max-age=300"],
        ["access-control-allow-origin", "*"],
    ];
    assert_eq!(lines[3..], headers.concat());
    Some(serde_json::from_str(&lines[2]).unwrap())
}

#[test]
fn the_metadata_is_what_the_policy_says_of_the_resource() {
    let mcp = json!({
        "resource": "https://api.example.com/mcp",
        "authorization_servers": ["https://b.com/x", "https://a.com", "https://c.com"],
        "scopes_supported": ["read", "write", "admin"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Our \"MCP\" server",
        "resource_documentation": "https://example.com/docs",
    });
    assert_eq!(metadata("https://api.example.com/.well-known/oauth-protected-resource/mcp"), Some(mcp.clone()));
    let anywhere = "http://API.example.com.:9/.well-known/oauth-protected-resource/mcp?x=y";
    assert_eq!(metadata(anywhere), Some(mcp), "hosts are compared as for routes");
    let bare = |resource: &str| {
        json!({
            "resource": resource, "authorization_servers": ["https://c.com"], "bearer_methods_supported": ["header"],
        })
    };
    let root = metadata("https://api.example.com:8443/.well-known/oauth-protected-resource");
    assert_eq!(root, Some(bare("https://API.example.com:8443")), "what is empty is left out");
    let deep = metadata("http://localhost:8787/.well-known/oauth-protected-resource/deep/er/");
    assert_eq!(deep, Some(bare("http://localhost:8787/deep/er/")));
}

#[test]
fn the_metadata_is_at_its_url_only() {
    for url in [
        "https://other.example.com/.well-known/oauth-protected-resource/mcp",
        "https://api.example.com/.well-known/oauth-protected-resource/mcp/",
        "https://api.example.com/.well-known/oauth-protected-resource/",
        "https://api.example.com/.well-known/oauth-protected-resource/MCP",
        "https://api.example.com/.well-known/oauth-protected-resource/deep/er/",
        "http://localhost:8787/.well-known/oauth-protected-resource/deep/er",
        "http://localhost:8787/.well-known/oauth-protected-resource",
    ] {
        assert_eq!(metadata(url), None, "{url}");
    }
}

#[test]
fn the_metadata_is_read_only() {
    let url = "https://api.example.com/.well-known/oauth-protected-resource/mcp";
    let head = ask("HEAD", url, &[]);
    assert_eq!(head[..2], ["answer", "200"]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
        let lines = ask(method, url, &[]);
        assert_eq!(lines[..2], ["answer", "405"], "{method}");
        assert!(lines.windows(2).any(|pair| pair == ["allow", "GET, HEAD"]), "{method}");
    }
    let asks =
        |method| ask("OPTIONS", url, &[("origin", "https://any.com"), ("access-control-request-method", method)]);
    let granted = asks("GET");
    assert_eq!(granted[..2], ["answer", "204"]);
    for pair in [
        ["access-control-allow-origin", "*"],
        ["access-control-allow-methods", "GET, HEAD"],
        ["access-control-allow-headers", "*"],
    ] {
        assert!(granted.windows(2).any(|found| found == pair), "{pair:?}");
    }
    assert_eq!(asks("PUT")[..2], ["answer", "405"]);
}

#[test]
fn a_refusal_leads_to_the_metadata_of_its_route() {
    let challenge = |path: &str| {
        let lines = ask("GET", &format!("https://api.example.com{path}"), &[("authorization", "Bearer a.b.c")]);
        let at = lines.iter().position(|line| line == "www-authenticate").unwrap();
        lines[at + 1].clone()
    };
    let rest = |path: &str| challenge(path).split("is malformed\"").nth(1).unwrap().to_owned();
    let mcp = ", resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource/mcp\"";
    assert_eq!(rest("/mcp"), format!(", scope=\"read write\"{mcp}"));
    assert_eq!(rest("/mcp/x"), format!(", scope=\"admin\"{mcp}"), "one of them is enough");
    let root = ", resource_metadata=\"https://API.example.com:8443/.well-known/oauth-protected-resource\"";
    assert_eq!(rest("/root"), root, "the first of the route's audiences that is one");
    let deep = ", resource_metadata=\"http://localhost:8787/.well-known/oauth-protected-resource/deep/er/\"";
    assert_eq!(rest("/deep"), deep);
    assert_eq!(rest("/other"), "");
}

const PAGE: &str = "https://page.example.com";

/// A resource, with routes that differ in what else they require.
fn resource() -> World {
    let routes = json!([
        {"path": "/mcp", "audience": "https://api.example.com/mcp",
            "scopes": {"all": ["read:data"], "any": ["plan:pro", "write:data"]}},
        {"path": "/mixed/{org}", "audience": ["urn:logto:organization:{org}", "https://api.example.com/mcp"],
            "claims": {"tier": "gold"}},
        {"path": "/optional", "audience": "https://api.example.com/mcp", "access": "optional"},
        {"path": "/org/{org}", "audience": "https://api.example.com/mcp", "organization": "{org}"},
        {"path": "/all", "audience": "https://api.example.com/mcp", "cors": {"origins": ["*"]}},
        {"path": "/off", "audience": "https://api.example.com/mcp", "cors": false},
        {"path": "/other", "audience": "https://other.example.com", "scopes": {"any": ["a", "b"]}},
        {"path": "/open", "access": "public"},
    ]);
    let keys: Value = serde_json::from_str(&key_set(&["p384"])).unwrap();
    let policy = json!({
        "version": 1, "origin": "https://o.com", "issuers": {"logto": {"issuer": ISSUER, "jwks": keys}},
        "resources": {"https://api.example.com/mcp": {}},
        "cors": {"origins": [PAGE, "https://*.pages.example.com"]}, "routes": routes,
    });
    World::new(&policy.to_string())
}

fn mcp_token() -> Token {
    Token::default().claim("aud", json!("https://api.example.com/mcp"))
}

/// The status and the code of the answer, and its challenge; `allow` if the request is forwarded.
fn answered(world: &mut World, method: &str, path: &str, headers: &[(&str, &str)]) -> (String, Option<String>) {
    let text = world.written(method, &format!("https://api.example.com{path}"), headers);
    let lines: Vec<&str> = text.split('\n').collect();
    if lines[0] == "allow" {
        return ("allow".to_owned(), None);
    }
    let code = serde_json::from_str::<Value>(lines[2]).map_or(Value::Null, |body| body["code"].clone());
    let challenge = lines[3..].chunks(2).find(|field| field[0] == "www-authenticate").map(|field| field[1].to_owned());
    (format!("{} {}", lines[1], code.as_str().unwrap_or_default()), challenge)
}

#[test]
fn every_challenge_of_a_resource_names_the_scopes_to_ask_for() {
    let mut world = resource();
    let invalid = |description: &str| format!(", error=\"invalid_token\", error_description=\"{description}\"");
    let insufficient = || ", error=\"insufficient_scope\"".to_owned();
    let elsewhere = || Token::default().claim("aud", json!("https://elsewhere.example.com"));
    let organization = || Token::default().claim("aud", json!("urn:logto:organization:o2"));
    let both = ", scope=\"read:data plan:pro\"";
    for (path, token, code, error, scope) in [
        ("/mcp", None, "401 auth.authorization_header_missing", String::new(), both),
        (
            "/mcp",
            Some(mcp_token().claim("exp", json!(1))),
            "401 auth.token_expired",
            invalid("Token has expired"),
            both,
        ),
        ("/mcp", Some(elsewhere()), "401 auth.invalid_audience", invalid("Invalid audience"), both),
        (
            "/mcp",
            Some(elsewhere().claim("aud", Value::Null)),
            "401 auth.invalid_audience",
            invalid("Invalid audience"),
            both,
        ),
        (
            "/mcp",
            Some(mcp_token().claim("scope", json!("read:data"))),
            "403 auth.insufficient_scope",
            insufficient(),
            both,
        ),
        (
            "/mcp",
            Some(mcp_token().claim("scope", json!("plan:pro"))),
            "403 auth.insufficient_scope",
            insufficient(),
            both,
        ),
        (
            "/mcp",
            Some(mcp_token().claim("organization_id", json!("o1"))),
            "403 auth.organization_mismatch",
            insufficient(),
            both,
        ),
        ("/mcp", Some(mcp_token()), "allow", String::new(), ""),
        ("/mixed/o1", Some(organization()), "403 auth.organization_mismatch", insufficient(), ""),
        ("/mixed/o1", Some(elsewhere()), "401 auth.invalid_audience", invalid("Invalid audience"), ""),
        ("/mixed/o1", Some(mcp_token()), "403 auth.claim_mismatch", insufficient(), ""),
        ("/mixed/o2", Some(organization().claim("tier", json!("gold"))), "allow", String::new(), ""),
        ("/optional", None, "allow", String::new(), ""),
        ("/optional", Some(elsewhere()), "401 auth.invalid_audience", invalid("Invalid audience"), ""),
        ("/org/o1", Some(mcp_token()), "403 auth.organization_mismatch", insufficient(), ""),
    ] {
        let token = token.map(|token| format!("Bearer {}", token.sign()));
        let headers: Vec<(&str, &str)> = token.iter().map(|value| ("authorization", value.as_str())).collect();
        let (found, challenge) = answered(&mut world, "POST", path, &headers);
        assert_eq!(found, code, "{path} {token:?}");
        let metadata = "resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource/mcp\"";
        let expected = (code != "allow").then(|| format!("Bearer realm=\"api.example.com\"{error}{scope}, {metadata}"));
        assert_eq!(challenge, expected, "{path} {code}");
    }
}

#[test]
fn what_holds_for_resources_holds_for_no_other_route() {
    let mut world = resource();
    let token = format!("Bearer {}", mcp_token().sign());
    let headers = [("authorization", token.as_str()), ("origin", "https://evil.example.com")];
    let wrong = (
        "403 auth.invalid_audience".to_owned(),
        Some("Bearer realm=\"api.example.com\", error=\"insufficient_scope\"".to_owned()),
    );
    assert_eq!(answered(&mut world, "POST", "/other", &headers), wrong);
    let token = format!("Bearer {}", Token::default().claim("aud", json!("https://other.example.com")).sign());
    let (_, challenge) = answered(&mut world, "POST", "/other", &[("authorization", token.as_str())]);
    let expected = "Bearer realm=\"api.example.com\", error=\"insufficient_scope\", scope=\"a b\"";
    assert_eq!(challenge.as_deref(), Some(expected));
    assert_eq!(answered(&mut world, "POST", "/open", &headers).0, "allow");
}

#[test]
fn pages_that_cors_does_not_name_reach_no_resource() {
    let mut world = resource();
    let token = format!("Bearer {}", mcp_token().sign());
    let good = Some(token.as_str());
    let (denied, missing) = ("403 gate.origin_denied", "401 auth.authorization_header_missing");
    for (path, origin, authorization, code) in [
        ("/mcp", None, good, "allow"),
        ("/mcp", Some(PAGE), good, "allow"),
        ("/mcp", Some("https://a.b.pages.example.com"), good, "allow"),
        ("/mcp", Some(PAGE), None, missing),
        ("/mcp", Some("https://evil.example.com"), good, denied),
        ("/mcp", Some("https://evil.example.com"), None, denied),
        ("/mcp", Some("https://evil.example.com"), Some("Bearer a.b.c"), denied),
        // The gate's own origin is that of the attacker after a DNS rebinding.
        ("/mcp", Some("https://api.example.com"), good, denied),
        ("/mcp", Some("null"), good, denied),
        ("/mcp", Some(""), good, denied),
        ("/mcp", Some("https://page.example.com, https://page.example.com"), good, denied),
        ("/mcp", Some("https://page.example.com:443"), good, denied),
        ("/mcp", Some("https://PAGE.example.com"), good, denied),
        ("/optional", Some("https://evil.example.com"), None, denied),
        ("/optional", Some(PAGE), None, "allow"),
        ("/all", Some("https://evil.example.com"), good, "allow"),
        ("/all", Some("null"), good, "allow"),
        ("/off", Some("https://evil.example.com"), good, "allow"),
    ] {
        let fields = [("origin", origin), ("authorization", authorization)];
        let headers: Vec<(&str, &str)> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        for method in ["GET", "POST", "OPTIONS", "DELETE"] {
            let (found, challenge) = answered(&mut world, method, path, &headers);
            assert_eq!(found, code, "{method} {path} {origin:?} {authorization:?}");
            assert_eq!(challenge.is_some(), code == missing, "another token would not help");
        }
    }
    let text = world.written("POST", "https://api.example.com/mcp", &[("origin", "https://evil.example.com")]);
    let fields: Vec<&str> = text.split('\n').skip(3).collect();
    assert_eq!(fields, ["content-type", "application/json", "cache-control", "no-store", "vary", "origin"]);
}

#[test]
fn path_route_and_method_come_before_the_page() {
    let mut world = resource();
    let evil = [("origin", "https://evil.example.com")];
    for (method, path, code) in [
        ("GET", "/nowhere", "404 gate.no_route"),
        ("TRACE", "/mcp", "405 gate.method_not_allowed"),
        ("GET", "/mcp//", "400 gate.bad_path"),
    ] {
        assert_eq!(answered(&mut world, method, path, &evil).0, code, "{path}");
    }
}
