//! Protected resource metadata (RFC 9728): where it is, what it says, and which refusals lead there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test that panics has failed")]

mod support;

use serde_json::{Value, json};
use support::World;

const POLICY: &str = r#"{"version":1,"origin":"https://o.com",
    "issuers":{"a":{"issuer":"https://a.com"},"b":{"issuer":"https://b.com/x"},"c":{"issuer":"https://c.com"}},
    "resources":{
        "https://api.example.com/mcp":{"name":"Our \"MCP\" server","documentation":"https://example.com/docs"},
        "https://API.example.com:8443":{},
        "http://localhost:8787/deep/er/":{}},
    "routes":[
        {"path":"/mcp","issuers":["b","a"],"audience":["urn:x","https://api.example.com/mcp"],"scopes":["read","write"]},
        {"path":"/mcp/{*rest}","issuers":["a"],"audience":"https://api.example.com/mcp","scopes":{"any":["admin","read"]}},
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
    assert_eq!(rest("/mcp"), mcp);
    assert_eq!(rest("/mcp/x"), mcp);
    let root = ", resource_metadata=\"https://API.example.com:8443/.well-known/oauth-protected-resource\"";
    assert_eq!(rest("/root"), root, "the first of the route's audiences that is one");
    let deep = ", resource_metadata=\"http://localhost:8787/.well-known/oauth-protected-resource/deep/er/\"";
    assert_eq!(rest("/deep"), deep);
    assert_eq!(rest("/other"), "");
}
