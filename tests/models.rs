//! The three permission models of Logto, and what else a route can require of a token.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::denial::Denial;
use serde_json::{Value, json};
use support::{Token, World, denied, outcome, policy, policy_with};

const API: &str = "https://api.example.com";

const ROUTES: &str = r#"[
    {"path": "/global", "audience": "https://api.example.com", "scopes": ["read:data"]},
    {"path": "/orgs/{org}/members", "audience": "urn:logto:organization:{org}", "scopes": ["invite:member"]},
    {"path": "/orgs/{org}/data", "audience": "https://api.example.com", "organization": "{org}", "scopes": ["read:data"]}
]"#;

fn global() -> Token {
    Token::default()
}

fn organization(id: &str) -> Token {
    Token::default().claim("aud", json!(format!("urn:logto:organization:{id}"))).claim("scope", json!("invite:member"))
}

fn organization_api(id: &str) -> Token {
    Token::default().claim("organization_id", json!(id))
}

fn get(path: &str, token: &Token) -> String {
    outcome(&World::new(&policy(ROUTES)).get(path, &token.sign()))
}

#[test]
fn a_token_opens_the_routes_of_its_own_model_only() {
    let audience = "403 auth.invalid_audience";
    let mismatch = "403 auth.organization_mismatch";
    let tokens = [global(), organization("acme"), organization_api("acme")];
    for (path, expected) in [
        ("/global", ["allow", audience, mismatch]),
        ("/orgs/acme/members", [audience, "allow", audience]),
        ("/orgs/acme/data", [mismatch, audience, "allow"]),
        ("/orgs/globex/members", [audience, mismatch, audience]),
        ("/orgs/globex/data", [mismatch, audience, mismatch]),
        ("/orgs/ACME/members", [audience, mismatch, audience]),
        ("/orgs/ACME/data", [mismatch, audience, mismatch]),
        ("/orgs/%61cme/data", [mismatch, audience, "allow"]),
    ] {
        for (token, expected) in tokens.iter().zip(expected) {
            assert_eq!(get(path, token), expected, "{path} {:?}", token.claims);
        }
    }
}

#[test]
fn an_organization_token_that_also_carries_an_organization_id_is_a_mismatch() {
    let token = organization("acme").claim("organization_id", json!("acme"));
    assert_eq!(get("/orgs/acme/members", &token), "403 auth.organization_mismatch");
}

#[test]
fn an_organization_that_the_policy_names_itself_is_no_other() {
    let routes = r#"[{"path": "/", "audience": ["x", "urn:logto:organization:acme"]}]"#;
    let get = |token: Token| outcome(&World::new(&policy(routes)).get("/", &token.sign()));
    assert_eq!(get(organization("acme")), "allow");
    assert_eq!(get(organization("acme2")), "403 auth.organization_mismatch");
    assert_eq!(get(global()), "403 auth.invalid_audience");
}

#[test]
fn a_missing_scope_is_insufficient_in_every_model() {
    let insufficient = "403 auth.insufficient_scope";
    assert_eq!(get("/global", &global().claim("scope", json!("write:data"))), insufficient);
    assert_eq!(get("/global", &global().claim("scope", json!(""))), insufficient);
    assert_eq!(get("/global", &global().claim("scope", Value::Null)), insufficient);
    assert_eq!(get("/global", &global().claim("scope", json!("read:data\twrite:data"))), insufficient);
    assert_eq!(get("/global", &global().claim("scope", json!("READ:DATA read:dat read:data2"))), insufficient);
    assert_eq!(get("/orgs/a/members", &organization("a").claim("scope", json!("read"))), insufficient);
    assert_eq!(get("/orgs/a/data", &organization_api("a").claim("scope", json!("read"))), insufficient);
}

#[test]
fn audience_comes_before_organization_before_scopes_before_claims() {
    let routes = r#"[{"path": "/", "audience": "x", "organization": "o", "scopes": ["s"], "claims": {"c": 1}}]"#;
    let get = |token: Token| outcome(&World::new(&policy(routes)).get("/", &token.sign()));
    let token = Token::default();
    assert_eq!(get(token.clone()), "403 auth.invalid_audience");
    let token = token.claim("aud", json!(["y", "x"]));
    assert_eq!(get(token.clone()), "403 auth.organization_mismatch");
    let token = token.claim("organization_id", json!("o"));
    assert_eq!(get(token.clone()), "403 auth.insufficient_scope");
    let token = token.claim("scope", json!(["s"]));
    assert_eq!(get(token.clone()), "403 auth.claim_mismatch");
    assert_eq!(get(token.claim("c", json!(1.0))), "allow");
}

#[test]
fn any_of_the_routes_audiences_will_do() {
    let routes = r#"[{"path": "/", "audience": ["a", "https://api.example.com"]}, {"path": "/any", "audience": "*"}]"#;
    let get = |path, aud| outcome(&World::new(&policy(routes)).get(path, &Token::default().claim("aud", aud).sign()));
    assert_eq!(get("/", json!(["z", "a"])), "allow");
    assert_eq!(get("/", json!(API)), "allow");
    for aud in [json!("https://api.example.co"), json!("https://api.example.com/"), json!([]), Value::Null, json!("*")]
    {
        assert_eq!(get("/", aud.clone()), "403 auth.invalid_audience", "{aud}");
        assert_eq!(get("/any", aud), "allow");
    }
}

#[test]
fn a_star_from_the_request_is_only_a_character() {
    let routes = r#"[{"path": "/{a}", "audience": "{a}", "organization": "{header.x-org}"}]"#;
    let token = Token::default().claim("aud", json!("x")).sign();
    let mut world = World::new(&policy(routes));
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("x-org", "*")];
    assert_eq!(outcome(&world.request("GET", "http://h/*", &headers)), "403 auth.invalid_audience");
    assert_eq!(outcome(&world.request("GET", "http://h/x", &headers)), "403 auth.organization_mismatch");
}

#[test]
fn a_template_without_a_value_fails_its_check() {
    let routes = r#"[
        {"path": "/aud", "audience": "urn:logto:organization:{header.x-org}"},
        {"path": "/org", "audience": "*", "organization": "{query.org}"},
        {"path": "/claim", "audience": "*", "claims": {"sub": "{header.x-user}"}}
    ]"#;
    let mut world = World::new(&policy(routes));
    let mut get = |path: &str, headers: &[(&str, &str)], token: &Token| {
        let authorization = format!("Bearer {}", token.sign());
        let mut headers = headers.to_vec();
        headers.push(("authorization", &authorization));
        outcome(&world.request("GET", &format!("http://h{path}"), &headers))
    };
    let acme = organization("acme");
    assert_eq!(get("/aud", &[("x-org", "acme")], &acme), "allow");
    for value in ["", "acme, acme", "acme,globex"] {
        assert_eq!(get("/aud", &[("x-org", value)], &acme), "403 auth.organization_mismatch", "{value}");
    }
    assert_eq!(get("/aud", &[], &acme), "403 auth.organization_mismatch", "also when the template has no value");
    assert_eq!(get("/aud", &[], &global()), "403 auth.invalid_audience", "which names no organization");
    let token = organization_api("acme");
    assert_eq!(get("/org?org=acme", &[], &token), "allow");
    for query in [
        "",
        "?org=",
        "?org",
        "?org=acme&org=acme",
        "?org=globex",
        "?ORG=acme",
        "?org[]=acme",
        "?org=acme&+org=globex",
        "?org=acme&org%00x=globex",
        "?org=acme&org[]=globex",
        "?org=acme&[org]=globex",
        "?org=acme&Org=globex",
        "?org=acme&x;org=globex",
    ] {
        assert_eq!(get(&format!("/org{query}"), &[], &token), "403 auth.organization_mismatch", "{query}");
    }
    assert_eq!(get("/org", &[], &global().claim("organization_id", json!(""))), "403 auth.organization_mismatch");
    assert_eq!(get("/claim", &[("x-user", "user-1")], &global()), "allow");
    let twice = [("x-user", "user-1"), ("x-user", "user-2")];
    assert_eq!(
        get("/claim", &twice, &global()),
        "403 auth.claim_mismatch",
        "headers that are not joined, as set-cookie"
    );
    assert_eq!(get("/claim", &[], &global()), "403 auth.claim_mismatch");
    assert_eq!(get("/claim", &[("x-user", "user-1"), ("x-userx", "user-2")], &global()), "allow");
    for other in [("x_user", "user-2"), ("x.user", "user-2"), ("connection", "close, X-User")] {
        for headers in [[("x-user", "user-1"), other], [other, ("x-user", "user-1")]] {
            assert_eq!(get("/claim", &headers, &global()), "403 auth.claim_mismatch", "{other:?}");
        }
    }
    assert_eq!(get("/claim", &[("x_user", "user-1")], &global()), "403 auth.claim_mismatch", "loose alone");
}

#[test]
fn scopes_all_and_any() {
    let routes = r#"[
        {"path": "/both", "audience": "*", "scopes": {"all": ["a", "b"], "any": ["c", "d"]}},
        {"path": "/any", "audience": "*", "scopes": {"any": ["c", "d"]}}
    ]"#;
    let mut world = World::new(&policy(routes));
    let mut get = |path, scope: &str| outcome(&world.get(path, &Token::default().claim("scope", json!(scope)).sign()));
    assert_eq!(get("/both", "d b a"), "allow");
    assert_eq!(get("/any", "c"), "allow");
    for scope in ["a b", "a c", "c d", ""] {
        assert_eq!(get("/both", scope), "403 auth.insufficient_scope", "{scope}");
    }
    assert_eq!(get("/any", "a"), "403 auth.insufficient_scope");
    // What is asked for, in the order of the contract: all, then any.
    let scopes = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let denial = denied(world.get("/both", &Token::default().sign()));
    assert_eq!(denial, Denial::InsufficientScope { scopes });
}

#[test]
fn an_optional_route_takes_no_token_or_a_good_one() {
    let mut world =
        World::new(&policy(r#"[{"path": "/", "access": "optional", "audience": "https://api.example.com"}]"#));
    let mut get = |value: &str| outcome(&world.request("GET", "http://h/", &[("authorization", value)]));
    assert_eq!(get(""), "allow");
    assert_eq!(get(&format!("Bearer {}", global().sign())), "allow");
    assert_eq!(get("Bearer x"), "401 auth.invalid_token");
    assert_eq!(get("Basic x"), "401 auth.authorization_token_type_not_supported");
    assert_eq!(get(&format!("Bearer {}", global().claim("aud", json!("x")).sign())), "403 auth.invalid_audience");
}

#[test]
fn public_ignores_tokens_and_deny_lets_no_one_pass() {
    let mut world = World::new(&policy(r#"[{"path": "/p", "access": "public"}, {"path": "/d", "access": "deny"}]"#));
    assert_eq!(outcome(&world.get("/p", "garbage")), "allow");
    assert_eq!(outcome(&world.get("/d", &global().sign())), "403 gate.denied");
    assert_eq!(world.shared.verifications.get(), 0);
}

#[test]
fn a_route_takes_the_tokens_of_its_issuers_only() {
    let keys = support::token::key_set(&["p384b"]);
    let more = format!(r#"}},"other":{{"issuer":"other","jwks":{keys}"#);
    let routes = r#"[{"path": "/all", "audience": "*"}, {"path": "/logto", "audience": "*", "issuers": ["logto"]}]"#;
    let mut world = World::new(&policy_with(&more, routes));
    let other = Token::default().claim("iss", json!("other")).signed_with("p384b", "ES384").sign();
    assert_eq!(outcome(&world.get("/all", &other)), "allow");
    assert_eq!(outcome(&world.get("/logto", &other)), "401 auth.invalid_token");
    let stolen = Token::default().signed_with("p384b", "ES384").header("kid", json!("p384")).sign();
    assert_eq!(
        outcome(&world.get("/all", &stolen)),
        "401 auth.invalid_token",
        "another issuer's key, with this one's kid"
    );
}
