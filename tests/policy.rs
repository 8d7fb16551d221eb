//! Policies: every error has its place, and all are reported at once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::policy::{Access, KeySource, Place, Policy};
use support::reasons;

fn places(policy: &str) -> Vec<String> {
    let errors = Policy::parse(policy).expect_err(policy);
    reasons::check(policy, &errors);
    errors.into_iter().map(|error| error.place.to_string()).collect()
}

/// The places of the errors in a policy whose only route is this one.
fn route_places(route: &str) -> Vec<String> {
    places(&format!(
        r#"{{"version":1,"origin":"https://o.com","issuers":{{"a":{{"issuer":"https://a.com"}}}},"routes":[{route}]}}"#
    ))
}

fn issuer_places(issuer: &str) -> Vec<String> {
    places(&format!(
        r#"{{"version":1,"origin":"https://o.com","issuers":{{"a":{{{issuer}}}}},"routes":[{{"path":"/","audience":"x"}}]}}"#
    ))
}

fn document_places(members: &str) -> Vec<String> {
    places(&format!(r#"{{"routes":[{{"path":"/","access":"public","origin":"https://o.com"}}]{members}}}"#))
}

#[test]
fn the_contracts_example_is_a_policy() {
    let policy = support::read(
        r#"{
        "version": 1, "origin": "https://origin.example.com",
        "issuers": {"logto": {"issuer": "https://tenant.logto.app/oidc"}},
        "routes": [
            {"path": "/api/products/{id}", "methods": ["GET"], "audience": "https://api.yourapp.com", "scopes": ["read:products"]},
            {"path": "/orgs/{org}/members", "methods": ["POST"], "audience": "urn:logto:organization:{org}", "scopes": ["invite:member"]},
            {"path": "/orgs/{org}/data/{*rest}", "audience": "https://api.yourapp.com", "organization": "{org}",
             "scopes": {"all": ["read:data"], "any": ["plan:pro", "plan:team"]}},
            {"path": "/healthz", "access": "public"}
        ]}"#,
    );
    let issuer = &policy.issuers[0];
    let KeySource::Discovery(url) = &issuer.keys else { panic!() };
    assert_eq!(url, "https://tenant.logto.app/oidc/.well-known/openid-configuration");
    assert_eq!((issuer.leeway, issuer.max_age, issuer.timeout_ms), (30, None, 5000));
    assert_eq!((issuer.lifetime.ttl, issuer.lifetime.max_stale, issuer.lifetime.cooldown), (600, 86_400, 30));
    assert_eq!(
        (issuer.types.as_slice(), issuer.type_required),
        (["jwt".to_owned(), "at+jwt".to_owned()].as_slice(), false)
    );
    assert_eq!(policy.max_token_bytes, 8192);
    assert_eq!(policy.identity.prefix, "x-auth-");
    assert!(policy.identity.forward_token && !policy.identity.payload_header);
    let names: Vec<_> = policy.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["/api/products/{id}", "/orgs/{org}/members", "/orgs/{org}/data/{*rest}", "/healthz"]);
    let forwardings: Vec<_> = policy.routes.iter().map(|route| route.forwarding().unwrap()).collect();
    assert!(matches!(forwardings[3].access, Access::Public));
    assert_eq!(forwardings[0].timeout_ms, None);
}

#[test]
fn all_errors_are_reported_at_once() {
    let policy = r#"{
        "version": 2, "orign": "https://o.com", "limits": {"max_token_bytes": 255, "x": 1},
        "issuers": {"a": {"issuer": "http://a.com", "leeway": 301, "algorithms": ["none", "RS256", "HS256"]},
                    "b.c": {"issuer": ""}},
        "routes": [
            {"path": "a", "scopes": [], "audience": ["x", "*"]},
            {"path": "/x/{id}", "audience": "{org}", "issuers": ["a", "z"], "method": ["GET"]},
            {"path": "/y", "access": "public", "scopes": ["a"], "audience": "x"},
            {"path": "/z", "audience": "x", "origin": "ftp://x", "timeout_ms": 0}
        ],
        "identity": {"prefix": "X", "claims": {"x-other": "a"}}
    }"#;
    let expected = [
        "version",
        "issuers.a.issuer",
        "issuers.a.leeway",
        "issuers.a.algorithms[0]",
        "issuers.a.algorithms[2]",
        "issuers.\"b.c\".issuer",
        "identity.prefix",
        "limits.max_token_bytes",
        "limits.x",
        "routes[0].path",
        "routes[0].scopes",
        "routes[0].audience[1]",
        "routes[0].origin",
        "routes[1].audience",
        "routes[1].issuers[1]",
        "routes[1].method",
        "routes[1].origin",
        "routes[2].scopes",
        "routes[2].audience",
        "routes[2].origin",
        "routes[3].origin",
        "routes[3].timeout_ms",
        "orign",
    ];
    let mut found = places(policy);
    let mut expected: Vec<_> = expected.map(str::to_owned).to_vec();
    found.sort();
    found.dedup();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_message_says_what_was_expected_and_what_was_found() {
    let message = |policy: &str| Policy::parse(policy).expect_err(policy)[0].message.clone();
    assert_eq!(message("[]"), "expected a table, found a list");
    for (value, found) in
        [("null", "null"), ("true", "a boolean"), ("1.5", "a number"), ("[]", "a list"), ("{}", "a table")]
    {
        let message =
            message(&format!(r#"{{"version":1,"origin":{value},"routes":[{{"path":"/","access":"deny"}}]}}"#));
        assert_eq!(message, format!("expected a string, found {found}"));
    }
    assert_eq!(
        message(r#"{"version":"one","routes":[{"path":"/","access":"deny"}]}"#),
        "expected a whole number, found a string"
    );
    // The reader's words stand behind the gate's.
    for (policy, words) in [
        (r#"{"version":1,"version":1}"#, "a member appears twice at line 1 column 25"),
        (&"[".repeat(33), "nested too deeply at line 1 column 33"),
        (r#"{"version":1"#, "EOF while parsing an object at line 1 column 12"),
    ] {
        assert_eq!(message(policy), format!("expected a policy document in JSON: {words}"));
    }
}

#[test]
fn what_is_no_document_is_one_error() {
    for policy in ["", "garbage", "[]", "1", "null", r#"{"version":1,"version":1}"#, "{} {}"] {
        assert_eq!(places(policy), [""], "{policy}");
    }
    assert_eq!(places("{}"), ["version", "routes"]);
}

#[test]
fn places_within_the_document() {
    for (members, place) in [
        ("", "version"),
        (r#","version":"1""#, "version"),
        (r#","version":1.5"#, "version"),
        (r#","version":1,"x":1"#, "x"),
        (r#","version":1,"origin":1"#, "origin"),
        (r#","version":1,"limits":1"#, "limits"),
        (r#","version":1,"limits":{"max_token_bytes":65537}"#, "limits.max_token_bytes"),
        (r#","version":1,"paths":"exact""#, "paths"),
        (r#","version":1,"paths":{"case":"ignore"}"#, "paths.case"),
        (r#","version":1,"paths":{"x":1}"#, "paths.x"),
        (r#","version":1,"issuers":[]"#, "issuers"),
        (r#","version":1,"identity":{"x":1}"#, "identity.x"),
        (r#","version":1,"identity":{"forward_token":"yes"}"#, "identity.forward_token"),
        (r#","version":1,"identity":{"payload_header":1}"#, "identity.payload_header"),
        (r#","version":1,"identity":{"prefix":"-"}"#, "identity.prefix"),
        (r#","version":1,"identity":{"prefix":"x-auth"}"#, "identity.prefix"),
        (r#","version":1,"identity":{"prefix":"X-auth-"}"#, "identity.prefix"),
        (r#","version":1,"identity":{"prefix":"a2345678901234567890123456789012-"}"#, "identity.prefix"),
        (r#","version":1,"identity":{"claims":{"x-auth-a b":"c"}}"#, "identity.claims.\"x-auth-a b\""),
        (r#","version":1,"identity":{"claims":{"x-auth-subject":"c"}}"#, "identity.claims.x-auth-subject"),
        (r#","version":1,"identity":{"claims":{"x-auth-client-id":"c"}}"#, "identity.claims.x-auth-client-id"),
        (
            r#","version":1,"identity":{"claims":{"x-auth-organization-id":"c"}}"#,
            "identity.claims.x-auth-organization-id",
        ),
        (r#","version":1,"identity":{"claims":{"x-auth-scopes":"c"}}"#, "identity.claims.x-auth-scopes"),
        (r#","version":1,"identity":{"claims":{"x-auth-audience":"c"}}"#, "identity.claims.x-auth-audience"),
        (r#","version":1,"identity":{"claims":{"x-auth-issuer":"c"}}"#, "identity.claims.x-auth-issuer"),
        (r#","version":1,"identity":{"claims":{"x-auth-claims":"c"}}"#, "identity.claims.x-auth-claims"),
        (r#","version":1,"identity":{"claims":{"x-auth-":"c"}}"#, "identity.claims.x-auth-"),
        (r#","version":1,"identity":{"claims":{"x-auth-a":1}}"#, "identity.claims.x-auth-a"),
        (r#","version":1,"identity":{"claims":{"x-auth-a":"b","X-Auth-A":"b"}}"#, "identity.claims.X-Auth-A"),
    ] {
        assert_eq!(document_places(members), [place], "{members}");
    }
    let no_issuer = r#"{"version":1,"origin":"https://o.com","routes":[{"path":"/","audience":"x"}]}"#;
    assert_eq!(places(no_issuer), ["issuers"]);
    assert_eq!(places(r#"{"version":1,"origin":"https://o.com","routes":[]}"#), ["routes"]);
    assert_eq!(places(r#"{"version":1,"routes":[{"path":"/","access":"public"}]}"#), ["routes[0].origin"]);
    support::read(r#"{"version":1,"issuers":{},"routes":[{"path":"/","access":"deny"}]}"#);
}

#[test]
fn places_within_an_issuer() {
    let url = r#""issuer":"https://a.com""#;
    for (members, place) in [
        ("", "issuers.a.issuer"),
        (r#""issuer":1"#, "issuers.a.issuer"),
        (r#""issuer":"a""#, "issuers.a.issuer"),
        (r#""issuer":"http://a.com""#, "issuers.a.issuer"),
        (r#""issuer":"","jwks_uri":"https://a.com""#, "issuers.a.issuer"),
        (r#""issuer":"a","jwks_uri":"http://a.com""#, "issuers.a.jwks_uri"),
        (r#""issuer":"a","jwks":{"keys":[]}"#, "issuers.a.jwks"),
        (r#""issuer":"a","jwks":{"keys":[{"kty":"oct","k":"AQ"}]}"#, "issuers.a.jwks"),
        (r#""issuer":"a","jwks":[]"#, "issuers.a.jwks"),
        (r#""issuer":"a","jwks_uri":"https://a.com","jwks":{"keys":[]}"#, "issuers.a.jwks"),
        (r#""issuer":"https://a.com/{tenant}","jwks_uri":"https://a.com""#, "issuers.a.tenants"),
        (r#""issuer":"https://a.com/{tenant}","tenants":["x"]"#, "issuers.a.jwks_uri"),
        (r#""issuer":"https://a.com/x","tenants":["x"],"jwks_uri":"https://a.com""#, "issuers.a.issuer"),
        (r#""issuer":"https://{tenant}/x","tenants":["x"],"jwks_uri":"https://a.com""#, "issuers.a.issuer"),
        (
            r#""issuer":"https://a.com/{tenant}/{tenant}","tenants":["x"],"jwks_uri":"https://a.com""#,
            "issuers.a.issuer",
        ),
    ] {
        assert_eq!(issuer_places(members), [place], "{members}");
    }
    let tenants = r#""issuer":"https://a.com/{tenant}/v2","jwks_uri":"https://a.com""#;
    for (member, place) in [
        ("[]".to_owned(), "tenants"),
        (r#""x""#.to_owned(), "tenants"),
        (r#"["x",1]"#.to_owned(), "tenants[1]"),
        (r#"["x",""]"#.to_owned(), "tenants[1]"),
        (r#"["x/y"]"#.to_owned(), "tenants[0]"),
        (r#"[".."]"#.to_owned(), "tenants[0]"),
        (r#"["a\u0000"]"#.to_owned(), "tenants[0]"),
        (r#"["{tenant}"]"#.to_owned(), "tenants[0]"),
        (r#"["x","y","x"]"#.to_owned(), "tenants[2]"),
    ] {
        assert_eq!(
            issuer_places(&format!("{tenants},\"tenants\":{member}")),
            [format!("issuers.a.{place}")],
            "{member}"
        );
    }
    for (member, place) in [
        (r#""algorithms":[]"#, "algorithms"),
        (r#""algorithms":"RS256""#, "algorithms"),
        (r#""algorithms":["rs256"]"#, "algorithms[0]"),
        (r#""algorithms":["Ed25519","ed25519"]"#, "algorithms[1]"),
        (r#""bound_tokens":true"#, "bound_tokens"),
        (r#""bound_tokens":"accept""#, "bound_tokens"),
        (r#""bound_tokens":"""#, "bound_tokens"),
        (r#""leeway":-1"#, "leeway"),
        (r#""leeway":"30""#, "leeway"),
        (r#""max_age":1.5"#, "max_age"),
        (r#""types":[]"#, "types"),
        (r#""types":[""]"#, "types[0]"),
        (r#""scope_claim":"""#, "scope_claim"),
        (r#""jwks_ttl":0"#, "jwks_ttl"),
        (r#""jwks_max_stale":-1"#, "jwks_max_stale"),
        (r#""jwks_cooldown":null"#, "jwks_cooldown"),
        (r#""timeout_ms":0"#, "timeout_ms"),
        (r#""url":"x""#, "url"),
    ] {
        assert_eq!(issuer_places(&format!("{url},{member}")), [format!("issuers.a.{place}")], "{member}");
    }
    let twins = r#"{"version":1,"issuers":{"a":{"issuer":"https://a.com"},"b":{"issuer":"https://a.com"}},
        "routes":[{"path":"/","access":"deny"}]}"#;
    assert_eq!(places(twins), ["issuers.b.issuer"]);
}

/// A policy whose issuer has this many tenants.
fn with_tenants(count: usize) -> String {
    let tenants: Vec<String> = (0..count).map(|tenant| format!("\"t{tenant}\"")).collect();
    format!(
        r#"{{"version":1,"issuers":{{"a":{{"issuer":"https://a.com/{{tenant}}","jwks_uri":"https://a.com/keys",
            "tenants":[{}]}}}},"routes":[{{"path":"/","access":"deny"}}]}}"#,
        tenants.join(",")
    )
}

#[test]
fn an_issuer_has_at_most_ten_thousand_tenants() {
    let policy = support::read(&with_tenants(10_000));
    assert!(policy.issuers[0].has_iss("https://a.com/t9999") && !policy.issuers[0].has_iss("https://a.com/t10000"));
    let errors = Policy::parse(&with_tenants(10_001)).unwrap_err();
    assert_eq!(errors[0].to_string(), "issuers.a.tenants: expected at most 10000 tenants, found 10001");
}

#[test]
fn no_iss_is_that_of_two_issuers() {
    let pair = |one: &str, other: &str| {
        format!(
            r#"{{"version":1,"issuers":{{"a":{{"jwks_uri":"https://a.com",{one}}},"b":{{"jwks_uri":"https://b.com",{other}}}}},
            "routes":[{{"path":"/","access":"deny"}}]}}"#
        )
    };
    let tenants = r#""issuer":"https://a.com/{tenant}/v2","tenants":["x","y"]"#;
    for other in [
        r#""issuer":"https://a.com/x/v2""#,
        // The same place in the store.
        r#""issuer":"https://a.com/{tenant}/v2","tenants":["z"]"#,
        r#""issuer":"https://a.com/y/{tenant}","tenants":["v1","v2"]"#,
        r#""issuer":"https://a.com/x/v2","leeway":-1"#,
    ] {
        for policy in [pair(tenants, other), pair(other, tenants)] {
            let mut found = places(&policy);
            found.retain(|place| !place.ends_with("leeway"));
            assert_eq!(found, ["issuers.b.issuer"], "{policy}");
        }
    }
    for other in [
        r#""issuer":"https://a.com/z/v2""#,
        r#""issuer":"https://a.com/x/v2/""#,
        r#""issuer":"https://a.com/{tenant}/v1","tenants":["x"]"#,
        r#""issuer":"https://a.com/z/{tenant}","tenants":["v2"]"#,
    ] {
        support::read(&pair(tenants, other));
    }
}

#[test]
fn one_wrong_thing_does_not_hide_another() {
    let issuers = r#"{"version":1,"issuers":{"a":{"issuer":"https://a.com","leeway":999},"b":{"issuer":"https://a.com"}},
        "routes":[{"path":"/","access":"deny"}]}"#;
    assert_eq!(places(issuers), ["issuers.a.leeway", "issuers.b.issuer"]);
    assert_eq!(issuer_places(r#""issuer":"a","jwks_uri":"x","jwks":{}"#), ["issuers.a.jwks_uri", "issuers.a.jwks"]);
    let tests = r#"{"path":"/","audience":"x","claims":{"a":{"any":[],"contains":1}}}"#;
    assert_eq!(route_places(tests), ["routes[0].claims.a.any", "routes[0].claims.a"]);
    let list = r#"{"path":"/","audience":"x","claims":[{"path":["{t}",""],"any":[[],1],"has":""},{"is":{},"x":1}]}"#;
    let within = ["[0].path[0]", "[0].path[1]", "[0].any[0]", "[0].has", "[0]", "[1].path", "[1].is", "[1].x"];
    assert_eq!(route_places(list), within.map(|place| format!("routes[0].claims{place}")));
    for wrong in [r#""path":"a""#, r#""path":"/","methods":["get"]"#, r#""path":"/","hosts":[]"#] {
        let policy = format!(
            r#"{{"version":1,"origin":"https://o","issuers":{{"a":{{"issuer":"https://a.com"}}}},
            "resources":{{"https://r.com":{{}},"https://none.com":{{}}}},"routes":[{{"audience":"https://r.com",{wrong}}}]}}"#
        );
        let found = places(&policy);
        assert_eq!((found.len(), found[1].as_str()), (2, "resources.\"https://none.com\""), "{wrong}");
    }
    let tenants = r#""issuer":"https://a.com/x","tenants":["x/y"],"jwks_uri":"x""#;
    assert_eq!(issuer_places(tenants), ["issuers.a.tenants[0]", "issuers.a.issuer", "issuers.a.jwks_uri"]);
    let no_table = r#"{"version":1,"issuers":[],"origin":"https://o","routes":[{"path":"/","audience":"x"}]}"#;
    assert_eq!(places(no_table), ["issuers"]);
}

#[test]
fn what_is_unusual_and_right() {
    for route in [
        r#"{"path":"/","audience":"x","methods":["GET","GET"]}"#,
        r#"{"path":"/","audience":"x","claims":{}}"#,
        r#"{"path":"/","audience":"x","claims":{"a{b":1,"}":{"contains":["x","x"]},"":true}}"#,
        r#"{"path":"/","audience":"x","claims":[{"path":["a"],"is":1},{"path":["a"],"is":1}]}"#,
        r#"{"path":"/{t}","audience":"x","claims":[{"path":["a.b/c","{t}-{query.q}"],"has":"{t}{header.x}"}]}"#,
        r#"{"path":"/","audience":"x","origin":"service:my-api"}"#,
        r#"{"path":"/","audience":"x","timeout_ms":1e3}"#,
        r#"{"path":"/{org}","audience":"x","hosts":["{t}.a.com","{t}.b.com"],"organization":"{t}"}"#,
    ] {
        let issuers = r#""issuers":{"a":{"issuer":"https://a.com"}}"#;
        support::read(&format!(r#"{{"version":1.0,"origin":"https://o.com",{issuers},"routes":[{route}]}}"#));
    }
}

#[test]
fn a_prefix_has_two_to_thirty_two_characters() {
    for prefix in ["a-", "a234567890123456789012345678901-"] {
        let policy = support::read(&format!(
            r#"{{"version":1,"identity":{{"prefix":"{prefix}"}},"routes":[{{"path":"/","access":"deny"}}]}}"#
        ));
        assert_eq!(policy.identity.prefix, prefix);
    }
}

#[test]
fn places_within_a_route() {
    for (route, place) in [
        (r#"{"audience":"x"}"#, "path"),
        (r#"{"path":"/"}"#, "audience"),
        (r#"{"path":"/","access":"optional"}"#, "audience"),
        (r#"{"path":"/","access":"open","audience":"x"}"#, "access"),
        (r#"{"path":"/{a}/{a}","audience":"x"}"#, "path"),
        (r#"{"path":"/%61","audience":"x"}"#, "path"),
        (r#"{"path":"/","audience":[]}"#, "audience"),
        (r#"{"path":"/","audience":"{org}"}"#, "audience"),
        (r#"{"path":"/","audience":"a{"}"#, "audience"),
        (r#"{"path":"/","audience":["a",1]}"#, "audience[1]"),
        (r#"{"path":"/","audience":"x","methods":[]}"#, "methods"),
        (r#"{"path":"/","audience":"x","methods":["get"]}"#, "methods[0]"),
        (r#"{"path":"/","audience":"x","methods":["GET","TRACE"]}"#, "methods[1]"),
        (r#"{"path":"/","audience":"x","methods":["TRACK"]}"#, "methods[0]"),
        (r#"{"path":"/","audience":"x","methods":["CONNECT"]}"#, "methods[0]"),
        (r#"{"path":"/","audience":"x{header.x-auth-org}"}"#, "audience"),
        (r#"{"path":"/","audience":"x","organization":"{header.X_Forwarded.Host}"}"#, "organization"),
        (r#"{"path":"/","audience":"x","claims":{"a":"{header.te}"}}"#, "claims.a"),
        (r#"{"path":"/","audience":"x","hosts":[]}"#, "hosts"),
        (r#"{"path":"/","audience":"x","hosts":["a.com:80"]}"#, "hosts[0]"),
        (r#"{"path":"/","audience":"x","hosts":["a.com."]}"#, "hosts[0]"),
        (r#"{"path":"/{t}","audience":"x","hosts":["{t}.a.com"]}"#, "hosts"),
        (r#"{"path":"/","audience":"x","name":1}"#, "name"),
        (r#"{"path":"/","audience":"x","issuers":[]}"#, "issuers"),
        (r#"{"path":"/","audience":"x","issuers":["b"]}"#, "issuers[0]"),
        (r#"{"path":"/","audience":"x","token_header":""}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":true}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"x token"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"x-token:"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"X-Auth-Token"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"x_forwarded_host"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"proxy-authorization"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","token_header":"Host"}"#, "token_header"),
        (r#"{"path":"/","access":"public","token_header":"x-token"}"#, "token_header"),
        (r#"{"path":"/","access":"deny","token_header":"te"}"#, "token_header"),
        (r#"{"path":"/","audience":"x","scopes":[]}"#, "scopes"),
        (r#"{"path":"/","audience":"x","scopes":"a"}"#, "scopes"),
        (r#"{"path":"/","audience":"x","scopes":{}}"#, "scopes"),
        (r#"{"path":"/","audience":"x","scopes":{"all":[]}}"#, "scopes.all"),
        (r#"{"path":"/","audience":"x","scopes":{"any":["a b"]}}"#, "scopes.any[0]"),
        (r#"{"path":"/","audience":"x","scopes":{"all":["a"],"al":["b"]}}"#, "scopes.al"),
        (r#"{"path":"/","audience":"x","scopes":["a\"b"]}"#, "scopes[0]"),
        (r#"{"path":"/","audience":"x","scopes":["a\\b"]}"#, "scopes[0]"),
        (r#"{"path":"/","audience":"x","organization":""}"#, "organization"),
        (r#"{"path":"/","audience":"x","organization":"{x}"}"#, "organization"),
        (r#"{"path":"/","audience":"x","claims":{"a":null}}"#, "claims.a"),
        (r#"{"path":"/","audience":"x","claims":{"a":[1]}}"#, "claims.a"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"any":[]}}}"#, "claims.a.any"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"any":[{}]}}}"#, "claims.a.any[0]"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"any":[1],"contains":1}}}"#, "claims.a"),
        (
            r#"{"path":"/","audience":"x","claims":{"https://x/y":{"contain":1,"contains":"a"}}}"#,
            "claims.\"https://x/y\".contain",
        ),
        (r#"{"path":"/","audience":"x","claims":1}"#, "claims"),
        (r#"{"path":"/","audience":"x","claims":{"a":{}}}"#, "claims.a"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"contains":[]}}}"#, "claims.a.contains"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"contains":["x",["y"]]}}}"#, "claims.a.contains[1]"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"has":1}}}"#, "claims.a.has"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"has":"{t}"}}}"#, "claims.a.has"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"has":"x","any":["x"]}}}"#, "claims.a"),
        (r#"{"path":"/{t}","audience":"x","claims":{"tenants.{t}.roles":"x"}}"#, "claims.\"tenants.{t}.roles\""),
        (r#"{"path":"/","audience":"x","claims":{"a":9007199254740992}}"#, "claims.a"),
        (r#"{"path":"/","audience":"x","claims":{"a":{"any":[1,-1e300]}}}"#, "claims.a.any[1]"),
        (r#"{"path":"/","audience":"x","claims":[]}"#, "claims"),
        (r#"{"path":"/","audience":"x","claims":[1]}"#, "claims[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"is":1}]}"#, "claims[0].path"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"]}]}"#, "claims[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"is":1,"has":"x"}]}"#, "claims[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":"a.b","is":1}]}"#, "claims[0].path"),
        (r#"{"path":"/","audience":"x","claims":[{"path":[],"is":1}]}"#, "claims[0].path"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a",""],"is":1}]}"#, "claims[0].path[1]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a",1],"is":1}]}"#, "claims[0].path[1]"),
        (
            r#"{"path":"/","audience":"x","claims":[{"path":["a"],"is":1},{"path":["{t}"],"is":1}]}"#,
            "claims[1].path[0]",
        ),
        (r#"{"path":"/","audience":"x","claims":[{"path":["{"],"is":1}]}"#, "claims[0].path[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["{header.te}"],"is":1}]}"#, "claims[0].path[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"is":[1]}]}"#, "claims[0].is"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"any":[]}]}"#, "claims[0].any"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"any":["{t}"]}]}"#, "claims[0].any[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"contains":[null]}]}"#, "claims[0].contains[0]"),
        (r#"{"path":"/","audience":"x","claims":[{"path":["a"],"is":1,"equals":2}]}"#, "claims[0].equals"),
        (r#"{"path":"/","access":"public","claims":[{"path":["a"],"is":1}]}"#, "claims"),
        (r#"{"path":"/","audience":"x","origin":"o.com"}"#, "origin"),
        (r#"{"path":"/","audience":"x","strip_prefix":"/{a}"}"#, "strip_prefix"),
        (r#"{"path":"/","audience":"x","strip_prefix":"a"}"#, "strip_prefix"),
        (r#"{"path":"/","audience":"x","cache":"no-store"}"#, "cache"),
        (r#"{"path":"/","access":"public","cache":1}"#, "cache"),
        (r#"{"path":"/","access":"deny","cache":null}"#, "cache"),
        (r#"{"path":"/","audience":"x","timeout_ms":1.5}"#, "timeout_ms"),
        (r#"{"path":"/","audience":"x","scope":["a"]}"#, "scope"),
        (r#"{"path":"/","access":"public","claims":{"a":"b"}}"#, "claims"),
        (r#"{"path":"/","access":"public","issuers":["a"]}"#, "issuers"),
        (r#"{"path":"/","access":"deny","organization":"*"}"#, "organization"),
    ] {
        assert_eq!(route_places(route), [format!("routes[0].{place}")], "{route}");
    }
    assert_eq!(route_places("1"), ["routes[0]"]);
    let twins_and_more = r#"{"path":"/","audience":"x"},{"path":"/","audience":"x"},5"#;
    assert_eq!(route_places(twins_and_more), ["routes[2]", "routes[1]"]);
    assert_eq!(route_places(r#"{"path":"a","audience":"{x"}"#), ["routes[0].path", "routes[0].audience"]);
    assert_eq!(route_places(r#"{"path":"/","audience":"x","hosts":["{a}.x.com","{b}.x.com"]}"#), ["routes[0].hosts"]);
    assert_eq!(
        route_places(r#"{"path":"/a","audience":"x"},{"path":"/b","audience":"x"},{"path":"/a/","audience":"x"}"#),
        ["routes[2]"]
    );
}

#[test]
fn places_within_cors() {
    let everywhere = |cors: &str| {
        let mut found = document_places(&format!(r#","version":1,"cors":{cors}"#));
        found.extend(route_places(&format!(r#"{{"path":"/","access":"public","cors":{cors}}}"#)));
        found
    };
    let both = |place: &str| vec![format!("cors{place}"), format!("routes[0].cors{place}")];
    for (cors, place) in [
        ("true", ""),
        ("[]", ""),
        (r#""*""#, ""),
        ("{}", ".origins"),
        (r#"{"origins":[]}"#, ".origins"),
        (r#"{"origins":"*"}"#, ".origins"),
        (r#"{"origins":["*","https://a.com"]}"#, ".origins[0]"),
        (r#"{"origins":["https://a.com","null"]}"#, ".origins[1]"),
        (r#"{"origins":["https://a.com/"]}"#, ".origins[0]"),
        (r#"{"origins":["https://a.com"],"methods":["TRACE"]}"#, ".methods[0]"),
        (r#"{"origins":[7]}"#, ".origins[0]"),
        (r#"{"origins":["*"],"credentials":true}"#, ".origins"),
        (r#"{"origins":["https://a"],"credentials":true,"headers":["*"]}"#, ".headers"),
        (r#"{"origins":["https://a"],"credentials":true,"expose":["x","*"]}"#, ".expose"),
        (r#"{"origins":["https://a"],"credentials":"true"}"#, ".credentials"),
        (r#"{"origins":["https://a"],"headers":["a b"]}"#, ".headers[0]"),
        (r#"{"origins":["https://a"],"headers":["a",""]}"#, ".headers[1]"),
        (r#"{"origins":["https://a"],"headers":"a"}"#, ".headers"),
        (r#"{"origins":["https://a"],"expose":["a,b"]}"#, ".expose[0]"),
        (r#"{"origins":["https://a"],"methods":["get"]}"#, ".methods[0]"),
        (r#"{"origins":["https://a"],"methods":["*"]}"#, ".methods[0]"),
        (r#"{"origins":["https://a"],"methods":[]}"#, ".methods"),
        (r#"{"origins":["https://a"],"max_age":86401}"#, ".max_age"),
        (r#"{"origins":["https://a"],"max_age":-1}"#, ".max_age"),
        (r#"{"origins":["https://a"],"max-age":1}"#, ".max-age"),
        (r#"{"origins":["https://a"],"origin":"*"}"#, ".origin"),
    ] {
        assert_eq!(everywhere(cors), both(place), "{cors}");
    }
    assert_eq!(document_places(r#","version":1,"cors":false"#), ["cors"], "only a route turns it off");
}

#[test]
fn places_within_resources() {
    let resource = |members: &str| {
        places(&format!(
            r#"{{"version":1,"origin":"https://o.com","issuers":{{"a":{{"issuer":"https://a.com"}},
                "b":{{"issuer":"b","jwks_uri":"https://b.com/jwks"}}}},"resources":{members},"routes":[
                {{"path":"/a","issuers":["a"],"audience":["urn:x","https://r.com/a"]}},
                {{"path":"/b","audience":"https://r.com/b"}},
                {{"path":"/c/{{x}}","issuers":["a"],"audience":"https://r.com/c/{{x}}"}},
                {{"path":"/d","issuers":["a"],"audience":["https://r.com:8443/a","https://r.com/a/"]}},
                {{"path":"/e","issuers":["a"],"audience":"*"}}]}}"#
        ))
    };
    let at = |identifier: &str, rest: &str| format!("resources.{identifier:?}{rest}");
    assert_eq!(resource("[]"), ["resources"]);
    for (identifier, table, place) in [
        ("https://r.com/a", "[]", ""),
        ("https://r.com/a", r#"{"name":""}"#, ".name"),
        ("https://r.com/a", r#"{"documentation":"r.com"}"#, ".documentation"),
        ("https://r.com/a", r#"{"documentation":7}"#, ".documentation"),
        ("https://r.com/a", r#"{"scopes":["a"]}"#, ".scopes"),
        ("https://r.com/b", "{}", ""),
        ("https://r.com/c/1", "{}", ""),
        ("https://r.com/c/{x}", "{}", ""),
        ("https://r.com", "{}", ""),
        ("https://R.com/a", "{}", ""),
        ("http://r.com/a", "{}", ""),
        ("urn:x", "{}", ""),
        ("*", "{}", ""),
        ("https://r.com/a?x", "{}", ""),
    ] {
        let members = format!("{{{identifier:?}:{table}}}");
        assert_eq!(resource(&members), [at(identifier, place)], "{members}");
    }
    assert_eq!(
        resource(r#"{"https://r.com/a":{},"https://r.com/a/":{},"https://r.com:8443/a":{}}"#),
        [at("https://r.com:8443/a", "")],
        "a port does not tell requests apart"
    );
}

fn identity_places(members: &str) -> Vec<String> {
    document_places(&format!(r#","version":1,"identity":{{{members}}}"#))
}

#[test]
fn places_within_what_the_origin_can_check() {
    let good = r#""issuer":"i","keys":["K"]"#;
    for (assertion, place) in [
        ("1".to_owned(), ""),
        (format!("{{{good},\"x\":1}}"), ".x"),
        (r#"{"keys":["K"]}"#.to_owned(), ".issuer"),
        (r#"{"issuer":"","keys":["K"]}"#.to_owned(), ".issuer"),
        (r#"{"issuer":"i"}"#.to_owned(), ".keys"),
        (r#"{"issuer":"i","keys":"K"}"#.to_owned(), ".keys"),
        (r#"{"issuer":"i","keys":[]}"#.to_owned(), ".keys"),
        (r#"{"issuer":"i","keys":["K",""]}"#.to_owned(), ".keys[1]"),
        (r#"{"issuer":"i","keys":["K L"]}"#.to_owned(), ".keys[0]"),
        (r#"{"issuer":"i","keys":["K","K"]}"#.to_owned(), ".keys[1]"),
        (r#"{"issuer":"i","keys":["K","L","M"]}"#.to_owned(), ".keys"),
        (r#"{"issuer":"i","keys":[{"kty":"EC"}]}"#.to_owned(), ".keys[0]"),
        (format!(r#"{{{good},"audience":""}}"#), ".audience"),
        (format!(r#"{{{good},"audience":["a"]}}"#), ".audience"),
        (format!(r#"{{{good},"algorithm":"RS256"}}"#), ".algorithm"),
        (format!(r#"{{{good},"algorithm":"es256"}}"#), ".algorithm"),
        (format!(r#"{{{good},"algorithm":"none"}}"#), ".algorithm"),
        (format!(r#"{{{good},"ttl":9}}"#), ".ttl"),
        (format!(r#"{{{good},"ttl":3601}}"#), ".ttl"),
        (format!(r#"{{{good},"ttl":"300"}}"#), ".ttl"),
    ] {
        let members = format!(r#""assertion":{assertion}"#);
        assert_eq!(identity_places(&members), [format!("identity.assertion{place}")], "{members}");
    }
    for (secret, place) in [
        ("[]", ""),
        ("{}", ".binding"),
        (r#"{"binding":""}"#, ".binding"),
        (r#"{"binding":"a b"}"#, ".binding"),
        (r#"{"binding":"S","value":"hunter2"}"#, ".value"),
        (r#"{"binding":"S","header":"x-secret"}"#, ".header"),
        (r#"{"binding":"S","header":"x-auth-"}"#, ".header"),
        (r#"{"binding":"S","header":"x-auth-a b"}"#, ".header"),
        (r#"{"binding":"S","header":"x-auth-Subject"}"#, ".header"),
        (r#"{"binding":"S","header":1}"#, ".header"),
    ] {
        let members = format!(r#""secret":{secret}"#);
        assert_eq!(identity_places(&members), [format!("identity.secret{place}")], "{members}");
    }
    let all = r#""secret":{"header":"y"},"assertion":{"ttl":0}"#;
    let expected = ["issuer", "keys", "ttl"]
        .map(|key| format!("identity.assertion.{key}"))
        .into_iter()
        .chain(["header", "binding"].map(|key| format!("identity.secret.{key}")));
    assert_eq!(identity_places(all), expected.collect::<Vec<_>>());
}

/// The errors of a policy whose requests carry a secret, each with the place that led to it.
fn with_secret(members: &str, routes: &str) -> Vec<String> {
    let policy = format!(
        r#"{{"version":1,"issuers":{{"a":{{"issuer":"https://a.com"}}}},"identity":{{"secret":{{"binding":"S"}}}}{members},
            "routes":{routes}}}"#
    );
    let errors = Policy::parse(&policy).err().unwrap_or_default();
    let related = |place: Option<&Place>| place.map(|place| format!(" <- {place}")).unwrap_or_default();
    errors.iter().map(|error| format!("{error}{}", related(error.related.as_ref()))).collect()
}

#[test]
fn a_secret_goes_to_hosts_that_the_policy_names() {
    let own = r#"[
        {"path":"/a","audience":"x","origin":"passthrough"},
        {"path":"/b","access":"public","origin":"passthrough"},
        {"path":"/c","access":"optional","audience":"x","origin":"passthrough","hosts":["{t}.a.com"]},
        {"path":"/d","access":"deny","origin":"passthrough"},
        {"path":"/e","access":"public","origin":"https://o.com"},
        {"path":"/f","access":"optional","audience":"x","origin":"passthrough"}]"#;
    let message =
        "is required: with the origin passthrough the caller could choose which host receives identity.secret";
    let error = |index: usize, origin: &str| format!("routes[{index}].hosts: {message} <- {origin}");
    let all = [error(0, "routes[0].origin"), error(1, "routes[1].origin"), error(5, "routes[5].origin")];
    assert_eq!(with_secret("", own), all, "all at once");
    let inherited = r#"[
        {"path":"/a","access":"public"},
        {"path":"/b","audience":"x","hosts":["a.com"]},
        {"path":"/c","access":"deny"},
        {"path":"/d","access":"public","origin":"service:API"},
        {"path":"/e","audience":"x"}]"#;
    let passthrough = r#","origin":"passthrough""#;
    assert_eq!(with_secret(passthrough, inherited), [error(0, "origin"), error(4, "origin")]);
    // What else is wrong is told beside it, and once.
    let wrong = |route: &str| with_secret(passthrough, &format!("[{route}]")).len();
    assert_eq!(wrong(r#"{"path":"/","access":"public","hosts":[]}"#), 1);
    assert_eq!(wrong(r#"{"path":"/","access":"public","scopes":["a"]}"#), 2);
    assert_eq!(wrong(r#"{"path":"/","access":"dney"}"#), 1);
    let misnamed = r#"{"version":1,"identity":{"secret":{"bnding":"S"}},
        "routes":[{"path":"/","access":"public","origin":"passthrough"}]}"#;
    assert_eq!(places(misnamed), ["identity.secret.binding", "identity.secret.bnding", "routes[0].hosts"]);
    // Without a secret there is none to learn.
    support::read(r#"{"version":1,"origin":"passthrough","routes":[{"path":"/","access":"public"}]}"#);
    let assertion = r#"{"assertion":{"issuer":"i","keys":["K"]}}"#;
    support::read(&format!(
        r#"{{"version":1,"origin":"passthrough","identity":{assertion},"routes":[{{"path":"/","access":"public"}}]}}"#
    ));
}

#[test]
fn only_public_answers_are_for_caches_unless_the_route_says_so() {
    let policy = support::policy(
        r#"[{"path":"/token","audience":"*"}, {"path":"/optional","access":"optional","audience":"*"},
            {"path":"/public","access":"public"}, {"path":"/deny","access":"deny"},
            {"path":"/token/cached","audience":"*","cache":true}, {"path":"/public/own","access":"public","cache":false},
            {"path":"/deny/said","access":"deny","cache":true}]"#,
    );
    let policy = support::read(&policy);
    let cached: Vec<_> =
        policy.routes.iter().map(|route| route.forwarding().map(|forwarding| forwarding.cache)).collect();
    assert_eq!(cached, [Some(false), Some(false), Some(true), None, Some(true), Some(false), None]);
}

#[test]
fn a_claim_cannot_take_a_header_that_the_gate_uses() {
    let assertion = r#""assertion":{"issuer":"i","keys":["K"]}"#;
    let secret = r#""secret":{"binding":"S","header":"x-auth-Gate"}"#;
    for (used, header) in [(assertion, "x-auth-assertion"), (secret, "x-auth-gate")] {
        let claims = format!(r#""claims":{{"{header}":"c"}}"#);
        assert_eq!(identity_places(&format!("{used},{claims}")), [format!("identity.claims.{header}")]);
        // Where it is not in use, the name is free as it always was.
        support::read(&format!(r#"{{"version":1,"identity":{{{claims}}},"routes":[{{"path":"/","access":"deny"}}]}}"#));
    }
    for claims in [r#""x-auth_subject":"c""#, r#""x-auth-a":"c","x-auth.a":"d""#] {
        assert_eq!(
            identity_places(&format!(r#""claims":{{{claims}}}"#)).len(),
            1,
            "other spellings of a header: {claims}"
        );
    }
    let forwarded = r#""prefix":"x-","claims":{"x-forwarded-host":"c"}"#;
    assert_eq!(identity_places(forwarded), ["identity.claims.x-forwarded-host"]);
    let taken = format!(r#"{assertion},"secret":{{"binding":"S","header":"x-auth-assertion"}}"#);
    assert_eq!(identity_places(&taken), ["identity.secret.header"]);
}

#[test]
fn places_within_what_operators_see() {
    for (members, expected) in [
        (r#""log":{"decisions":"some"}"#, &["log.decisions"][..]),
        (r#""log":{"subject":"hash"}"#, &["log.subject_key"]),
        (
            r#""log":{"subject":"sub","subject_key":"","analytics":"a b","traces":1,"x":1}"#,
            &["log.subject", "log.subject_key", "log.analytics", "log.traces", "log.x"],
        ),
        (r#""log":true"#, &["log"]),
        (r#""status":{}"#, &["status.audience", "status.scopes"]),
        (r#""status":{"audience":"{x}","scopes":[]}"#, &["status.audience", "status.scopes"]),
        (r#""status":{"audience":"*","scopes":["a"]}"#, &["status.audience"]),
        (
            r#""status":{"audience":["a","{header.x-a}"],"scopes":{},"issuers":["z"],"y":1}"#,
            &["status.issuers[0]", "status.audience", "status.scopes", "status.y"],
        ),
    ] {
        let policy = format!(
            r#"{{"version":1,"origin":"https://o.com","issuers":{{"a":{{"issuer":"https://a.com"}}}},{members},
                "routes":[{{"path":"/","audience":"x"}}]}}"#
        );
        assert_eq!(places(&policy), expected, "{members}");
    }
    // A token for the status needs an issuer, whatever the routes take.
    assert_eq!(
        places(
            r#"{"version":1,"origin":"https://o.com","status":{"audience":"a","scopes":["s"]},"routes":[{"path":"/","access":"public"}]}"#
        ),
        ["issuers"]
    );
}

#[test]
fn places_within_a_route_that_is_only_tried() {
    assert_eq!(route_places(r#"{"path":"/","audience":"x","enforce":"no"}"#), ["routes[0].enforce"]);
    let denying = r#"{"version":1,"routes":[{"path":"/","access":"deny","enforce":false}]}"#;
    assert_eq!(places(denying), ["routes[0].origin"], "it forwards what it would refuse");
    let policy = support::read(
        r#"{"version":1,"origin":"https://o.com","routes":[{"path":"/","access":"deny","enforce":false},{"path":"/a","access":"deny"}]}"#,
    );
    assert!(matches!(policy.routes[0].forwarding().unwrap().access, Access::Nobody));
    assert_eq!((policy.routes[0].is_enforced, policy.routes[1].is_enforced), (false, true));
    assert!(policy.routes[1].forwarding().is_none());
}
