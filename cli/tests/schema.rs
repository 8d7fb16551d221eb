//! `portcullis schema`: the committed schemas are current, and the schema and the gate's reader agree.

use std::collections::{BTreeMap, BTreeSet};

use portcullis::policy::{Names, Policy};
use serde_json::{Value, json};

use crate::tool::{ROOT, command, run};

fn committed(subject: &str) -> String {
    let path = format!("{ROOT}/schema/{subject}.schema.json");
    std::fs::read_to_string(path).unwrap()
}

fn schema(subject: &str) -> Value {
    serde_json::from_str(&committed(subject)).unwrap()
}

#[test]
fn the_committed_schemas_are_current() {
    for subject in ["policy", "wrangler", "tests"] {
        let run = run(&mut command(&["schema", subject]), "");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        let is_current = committed(subject) == run.out;
        assert!(is_current, "out of date: npm run -s cli -- schema {subject} > schema/{subject}.schema.json");
    }
}

/// A policy that has each table of the document, and where its tables are: by the schema's name for them.
fn with_all_tables() -> (Value, BTreeMap<&'static str, &'static str>) {
    let policy = json!({
        "version": 1, "origin": "https://o.com",
        "issuers": {"a": {"issuer": "https://a.com"}},
        "identity": {"assertion": {"issuer": "https://gate.com", "keys": ["K"]}, "secret": {"binding": "S"}}, "limits": {}, "paths": {}, "log": {},
        "status": {"audience": "https://api.com", "scopes": ["x"]}, "cors": {"origins": ["https://app.com"]}, "resources": {"https://api.com": {}},
        "revocation": {"store": "R", "api": {"audience": "https://api.com", "scopes": ["x"]},
            "logto": {"secret": "S", "issuer": "a"}, "logout": {"audiences": ["app"]}},
        "routes": [{"path": "/", "audience": "https://api.com", "scopes": {"all": ["x"]}, "claims": {"c": {"any": ["x"]}}},
            {"path": "/list", "audience": "x", "claims": [{"path": ["c"], "is": "x"}]}],
    });
    let tables = [
        ("Policy", ""),
        ("Issuer", "/issuers/a"),
        ("Identity", "/identity"),
        ("Assertions", "/identity/assertion"),
        ("SharedSecret", "/identity/secret"),
        ("Limits", "/limits"),
        ("Paths", "/paths"),
        ("Log", "/log"),
        ("OwnPath", "/status"),
        ("Revocation", "/revocation"),
        ("LogtoWebhooks", "/revocation/logto"),
        ("LogoutTokens", "/revocation/logout"),
        ("Cors", "/cors"),
        ("Resource", "/resources/https:~1~1api.com"),
        ("Route", "/routes/0"),
        ("Scopes", "/routes/0/scopes"),
        ("Claim", "/routes/0/claims/c"),
        ("ClaimRule", "/routes/1/claims/0"),
    ];
    (policy, tables.into())
}

/// The keys that the reader knows in a table.
fn known_to_the_reader(pointer: &str) -> BTreeSet<String> {
    let (mut policy, _) = with_all_tables();
    policy.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("zzz".to_owned(), json!(1));
    let errors = Policy::parse(&policy.to_string()).unwrap_err();
    let known = errors.into_iter().find_map(|error| match error.names {
        Some(Names::Keys(keys)) if error.place.key() == Some("zzz") => Some(keys),
        _ => None,
    });
    known.unwrap().into_iter().map(str::to_owned).collect()
}

/// The keys that a schema lists, in any of its choices.
fn listed(schema: &Value) -> BTreeSet<String> {
    let choices = schema["anyOf"].as_array().into_iter().flatten().chain([schema]);
    choices.filter_map(|choice| choice["properties"].as_object()).flat_map(|keys| keys.keys().cloned()).collect()
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schema("policy");
    let (policy, tables) = with_all_tables();
    assert_eq!(Policy::parse(&policy.to_string()).map(drop), Ok(()));
    let definitions = schema["definitions"].as_object().unwrap();
    let mut all: BTreeMap<&str, &Value> = definitions.iter().map(|(name, schema)| (name.as_str(), schema)).collect();
    all.insert("Policy", &schema);
    all.retain(|_, schema| !listed(schema).is_empty());
    assert_eq!(all.keys().collect::<Vec<_>>(), tables.keys().collect::<Vec<_>>(), "each table is compared");
    for (name, pointer) in tables {
        assert_eq!(listed(all[name]), known_to_the_reader(pointer), "{name}");
    }
}

/// A policy with this route, beside an issuer.
fn with_route(route: &Value) -> Value {
    json!({"version": 1, "origin": "https://o.com", "issuers": {"a": {"issuer": "https://a.com"}}, "routes": [route]})
}

fn with_issuer(issuer: &Value) -> Value {
    json!({"version": 1, "origin": "https://o.com", "issuers": {"a": issuer}, "routes": [{"path": "/", "audience": "x"}]})
}

fn with(key: &str, value: &Value) -> Value {
    let mut policy = with_route(&json!({"path": "/", "audience": "x"}));
    policy[key] = value.clone();
    policy
}

#[test]
fn both_take_good_policies() {
    let schema = jsonschema::validator_for(&schema("policy")).unwrap();
    for policy in [
        with_route(&json!({"path": "/a/{b}/{*c}", "audience": "x{b}", "methods": ["GET", "X-Y_Z"]})),
        with_route(&json!({"path": "/", "access": "public", "strip_prefix": "/"})),
        with_route(&json!({"path": "/", "access": "deny", "hosts": ["{t}.a.com"]})),
        with_route(&json!({"path": "/é/a?b c#/{x}/", "access": "public", "strip_prefix": "/é/a?b c#/"})),
        with_route(
            &json!({"path": "/{*x}", "access": "deny", "hosts": ["A_b-1", "127.0.0.1", "[::ffff:1.2.3.4]", "{t}.[::1]", "1.a"]}),
        ),
        with_route(&json!({"path": "/", "access": "optional", "audience": ["x", "y"], "organization": "*"})),
        with_route(&json!({"path": "/", "audience": "*", "scopes": ["a:b/c"], "issuers": ["a"]})),
        with_route(&json!({"path": "/", "audience": "x", "scopes": {"any": ["a"]}, "claims": {"a.b": 1, "c": true}})),
        with_route(
            &json!({"path": "/", "audience": "x", "claims": {"a": {"contains": "x"}}, "timeout_ms": 2_147_483_647}),
        ),
        with_route(&json!({"path": "/{t}", "audience": "x", "claims": [
            {"path": ["a.b", "{t}"], "is": 1}, {"path": ["a"], "any": ["{t}", 2, true]}, {"path": ["a"], "has": "{t}"},
            {"path": ["a"], "contains": "x"}, {"path": ["a"], "contains": ["x", "{t}"]}]})),
        with_route(
            &json!({"path": "/", "audience": "x", "claims": {"a{b": {"contains": ["x", 1]}, "}": {"has": "y"}, "{": 1}}),
        ),
        with_issuer(&json!({"issuer": "x", "jwks_uri": "http://localhost/jwks", "algorithms": ["Ed25519", "RS256"]})),
        with_issuer(&json!({"issuer": "https://a.com", "leeway": 0, "jwks_ttl": 1, "max_age": 3_162_240_000_u64})),
        with("limits", &json!({"max_token_bytes": 65_536})),
        with("paths", &json!({"case": "refuse"})),
        with("identity", &json!({"prefix": "a-", "claims": {}})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K"]}, "secret": {"binding": "S"}})),
        with("origin", &json!("passthrough")),
        with_issuer(&json!({"issuer": "https://a.com", "bound_tokens": "refuse"})),
        with_route(&json!({"path": "/", "access": "public", "cache": false})),
        with("cors", &json!({"origins": ["*"], "headers": [], "credentials": false})),
        with("cors", &json!({"origins": ["https://a.com"], "headers": ["X-A_b", "*"], "expose": ["*", "!"]})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K", "L"]}})),
    ] {
        assert_eq!(Policy::parse(&policy.to_string()).map(drop), Ok(()), "{policy}");
        assert!(schema.is_valid(&policy), "{policy}: {:?}", schema.iter_errors(&policy).next().map(|e| e.to_string()));
    }
}

#[test]
fn both_refuse_bad_policies() {
    let schema = jsonschema::validator_for(&schema("policy")).unwrap();
    let route = |key: &str, value: Value| {
        let mut route = json!({"path": "/", "audience": "x"});
        route[key] = value;
        with_route(&route)
    };
    let issuer = |key: &str, value: Value| {
        let mut issuer = json!({"issuer": "https://a.com"});
        issuer[key] = value;
        with_issuer(&issuer)
    };
    for policy in [
        json!([]),
        json!({}),
        with("version", &json!(2)),
        with("version", &json!("1")),
        with("routes", &json!([])),
        with("issuers", &json!([])),
        with("issuers", &Value::Null),
        with("origin", &json!("ftp://x")),
        with("limits", &json!({"max_token_bytes": 255})),
        with("limits", &json!({"max_tokens": 255})),
        with("paths", &json!({"case": "ignore"})),
        with("paths", &json!({"cases": "exact"})),
        with("identity", &json!({"prefix": "X-"})),
        with("identity", &json!({"prefix": "x"})),
        with("identity", &json!({"claims": {"x-auth-a": 1}})),
        with("identity", &json!({"assertion": {"issuer": "x"}})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": []}})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K", "L", "M"]}})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K"], "algorithm": "RS256"}})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K"], "ttl": 3601}})),
        with("identity", &json!({"secret": {"header": "x-auth-s"}})),
        with("identity", &json!({"secret": {"binding": ""}})),
        with("orign", &json!("https://o.com")),
        route("path", json!("a")),
        route("path", json!("")),
        route("path", json!("//")),
        route("path", json!("/a//b")),
        route("path", json!("/a//")),
        route("path", json!("/a%20b")),
        route("path", json!("/a;b")),
        route("path", json!("/a\\b")),
        route("path", json!("/a\u{85}")),
        route("path", json!("/a\n")),
        route("path", Value::Null),
        route("audience", json!([])),
        route("audience", json!("")),
        route("audience", json!(1)),
        route("methods", json!([])),
        route("methods", json!(["get"])),
        route("methods", json!("GET")),
        route("methods", json!(["GET", "TRACE"])),
        with("cors", &json!({"origins": ["https://a.com"], "methods": ["CONNECT"]})),
        route("hosts", json!(["", "a"])),
        route("hosts", json!(["a.com:8080"])),
        route("hosts", json!(["a.com."])),
        route("hosts", json!(["a..com"])),
        route("hosts", json!(["*.a.com"])),
        route("hosts", json!(["{t}"])),
        route("hosts", json!(["https://a.com"])),
        route("hosts", json!(["é.com"])),
        route("hosts", json!(["a.com\n"])),
        route("access", json!("Public")),
        route("access", json!("public")),
        route("access", json!("deny")),
        route("issuers", json!([])),
        route("scopes", json!(["a b"])),
        route("scopes", json!("a")),
        route("scopes", json!({})),
        route("scopes", json!({"all": []})),
        route("scopes", json!({"some": ["a"]})),
        route("claims", json!({"a": {"any": []}})),
        route("claims", json!({"a": {"any": [1], "contains": 1}})),
        route("claims", json!({"a": {}})),
        route("claims", json!({"a": [1]})),
        route("claims", json!({"a": {"is": 1}})),
        route("claims", json!({"a": {"has": 1}})),
        route("claims", json!({"a": {"contains": []}})),
        route("claims", json!({"a.{t}": 1})),
        route("claims", json!([])),
        route("claims", json!("a")),
        route("claims", json!([{"path": ["a"]}])),
        route("claims", json!([{"is": 1}])),
        route("claims", json!([{"path": [], "is": 1}])),
        route("claims", json!([{"path": [""], "is": 1}])),
        route("claims", json!([{"path": "a", "is": 1}])),
        route("claims", json!([{"path": ["a"], "is": 1, "any": [1]}])),
        route("claims", json!([{"path": ["a"], "is": [1]}])),
        route("claims", json!([{"path": ["a"], "equals": 1}])),
        route("claims", json!([1])),
        route("organization", json!("")),
        route("strip_prefix", json!("a")),
        route("strip_prefix", json!("/{a}")),
        route("strip_prefix", json!("/a/{*r}")),
        route("strip_prefix", json!("/a//b")),
        route("cache", json!("no-store")),
        route("cache", Value::Null),
        route("timeout_ms", json!(0)),
        route("timeout_ms", json!(1.5)),
        route("method", json!(["GET"])),
        route("cors", json!(true)),
        route("cors", json!({})),
        with("cors", &json!(false)),
        with("cors", &json!({"origins": []})),
        with("cors", &json!({"origins": ["*"], "headers": ["a b"]})),
        with("cors", &json!({"origins": ["*"], "headers": ["a, b"]})),
        with("cors", &json!({"origins": ["*"], "expose": [""]})),
        with("identity", &json!({"assertion": {"issuer": "x", "keys": ["K", "K"]}})),
        with("cors", &json!({"origins": ["app.com"]})),
        with("cors", &json!({"origins": ["https://app.com"], "max_age": 86_401})),
        with("resources", &json!({"https://api.com": {"title": "x"}})),
        with_route(&json!({"path": "/"})),
        with_route(&json!({"audience": "x"})),
        with_issuer(&json!({"jwks_uri": "https://a.com"})),
        issuer("algorithms", json!(["HS256"])),
        issuer("algorithms", json!([])),
        issuer("bound_tokens", json!("accept")),
        issuer("bound_tokens", json!(true)),
        issuer("leeway", json!(301)),
        issuer("leeway", json!("30")),
        issuer("jwks_ttl", json!(0)),
        issuer("max_age", json!(-1)),
        issuer("types", json!([""])),
        issuer("jwks", json!({"keys": []})),
        issuer("jwks_uri", json!("a.com/jwks")),
        issuer("audience", json!("x")),
        with_issuer(&json!({"issuer": "a", "jwks_uri": "https://a.com", "jwks": {"keys": [{"kty": "RSA"}]}})),
    ] {
        assert!(Policy::parse(&policy.to_string()).is_err(), "{policy}");
        assert!(!schema.is_valid(&policy), "{policy}");
    }
}

#[test]
fn the_wrapper_looks_at_each_policy_of_a_worker() {
    let schema = jsonschema::validator_for(&schema("wrangler")).unwrap();
    let good = with_route(&json!({"path": "/", "audience": "x"}));
    let bad = with_route(&json!({"path": "/"}));
    let worker = |default: &Value, staging: &Value| json!({"name": "x", "kv_namespaces": [], "vars": {"POLICY": default, "OTHER": 1}, "env": {"s": {"vars": {"POLICY": staging}}}});
    assert!(schema.is_valid(&worker(&good, &good)));
    assert!(schema.is_valid(&json!({"name": "x"})));
    let text = json!(good.to_string());
    assert!(schema.is_valid(&worker(&text, &text)), "a string with JSON in it is a policy, too");
    assert!(!schema.is_valid(&worker(&json!(1), &good)) && !schema.is_valid(&worker(&good, &json!([]))));
    assert!(!schema.is_valid(&worker(&bad, &good)));
    assert!(!schema.is_valid(&worker(&good, &bad)));
}
