//! `portcullis explain`: the routes that came near, and what each check expects and finds.

use serde_json::json;

use crate::explain::{ROUTES, claims, explain, explain_json, folder, refused};
use crate::support::token::{Token, key_set};
use crate::support::{self, NOW};
use crate::tool::Folder;

#[test]
fn a_token_that_names_none_of_several_keys_says_so() {
    let (folder, token) = (folder("explain-ambiguous"), Token::default().header("kid", json!(null)).sign());
    folder.write("keys.json", key_set(&["p384", "p384b"]));
    let explanation = explain_json(&folder, &["GET", "/access", "--token", &token, "--jwks", "keys.json"]);
    let expected = "a key of issuer logto, one of these: \"p384\", \"p384b\"";
    assert_eq!(refused(&explanation), ["key", expected, "no kid, alg \"ES384\", which several keys fit"]);
    let answer = explanation.to_string();
    assert!(answer.contains("The token has no kid, and several keys fit its algorithm"), "{answer}");
}

#[test]
fn the_token_is_looked_for_where_the_route_says() {
    let (folder, token) = (folder("explain-token-header"), Token::default().sign());
    let header = format!("cf-access-jwt-assertion: {token}");
    let claims = claims(json!({}));
    for args in [&["--token", token.as_str()][..], &["-H", &header], &["--claims", &claims]] {
        let explanation = explain_json(&folder, &[&["GET", "/access"], args].concat());
        assert_eq!(explanation["decision"], "allow", "{explanation:#}");
    }
    let expected = "one token without a scheme in cf-access-jwt-assertion";
    let authorization = format!("authorization: Bearer {token}");
    for (args, found) in [
        (&["-H", authorization.as_str()][..], "none"),
        (&["-H", &header, "-H", "cf_access_jwt_assertion: x"], "a malformed value"),
        (&["-H", "cf-access-jwt-assertion: Bearer x"], "a malformed value"),
    ] {
        let explanation = explain_json(&folder, &[&["GET", "/access"], args].concat());
        assert_eq!(refused(&explanation), ["authorization", expected, found]);
    }
}

#[test]
fn each_step_names_what_it_refused() {
    let folder = folder("explain-steps");
    let at = |path: &str, token: Token| {
        let token = token.sign();
        explain_json(&folder, &["GET", path, "--token", &token])
    };
    let api = |token: Token| at("/api/products/7", token);
    for (explanation, [name, expected, found]) in [
        (explain_json(&folder, &["GET", "https://a..b/"]), ["host", "a host, with or without a port", "\"a..b\""]),
        (explain_json(&folder, &["GET", "/a/../b"]), ["path", "an unambiguous path", "\"/a/../b\""]),
        (
            explain_json(&folder, &["GET", "/healthz", "-H", "host: other/x"]),
            ["host", "a host, with or without a port", "\"localhost\" in the URL, \"other/x\" in Host"],
        ),
        (
            explain_json(&folder, &["GET", "/api/Products/7"]),
            ["case", "routes[1] for case-insensitive origins, too", "routes[0]"],
        ),
        (explain_json(&folder, &["GET", "/none"]), ["route", "a route for GET on localhost", ""]),
        (explain_json(&folder, &["PUT", "/orgs"]), ["route", "a route for PUT on localhost", ""]),
        (explain_json(&folder, &["GET", "/closed"]), ["access", "not deny", "deny"]),
        (explain_json(&folder, &["GET", "/api/x"]), ["authorization", "one bearer token", "none"]),
        (
            explain_json(&folder, &["GET", "/api/x", "-H", "authorization: Basic YTpi"]),
            ["authorization", "one bearer token", "another scheme"],
        ),
        (explain_json(&folder, &["GET", "/api/x", "-t", "opaque"]), ["form", "a strict compact JWS", ""]),
        (
            explain_json(&folder, &["GET", "/api/x", "-t", "eyJhbGciOiJub25lIn0.e30.AA"]),
            ["algorithm", "one that the gate supports", "\"none\""],
        ),
        (api(Token::default().header("crit", json!(["b64"]))), ["extensions", "neither crit nor b64 = false", ""]),
        (
            api(Token::default().claim("iss", json!("https://other"))),
            ["issuer", "\"https://tenant.logto.app/oidc\"", "\"https://other\""],
        ),
        (api(Token::default().header("typ", json!("id"))), ["type", "one of \"jwt\", \"at+jwt\", none", "\"id\""]),
        (
            api(Token::default().claim("exp", json!("1"))),
            ["claims", "exp, and claims of the right types", "exp: a string"],
        ),
        (
            api(Token::default().claim("cnf", json!({"jkt": "x"})).claim("exp", json!(1))),
            ["cnf", "a token that is not bound to a key", "bound by DPoP (cnf.jkt)"],
        ),
        (
            api(Token::default().claim("cnf", json!({"x5t#S256": "x"}))),
            ["cnf", "a token that is not bound to a key", "bound to a certificate (cnf.x5t#S256)"],
        ),
        (
            api(Token::default().claim("cnf", json!("x"))),
            ["cnf", "a token that is not bound to a key", "bound to a key (cnf)"],
        ),
        (
            api(Token::default().claim("exp", json!(NOW - 31))),
            ["exp", "later than 2027-01-15T08:00:00Z (with 30 s of leeway)", "1799999969 (2027-01-15T07:59:29Z)"],
        ),
        (
            api(Token::default().claim("nbf", json!(NOW + 31))),
            [
                "nbf, iat",
                "not later than 2027-01-15T08:00:00Z (with 30 s of leeway)",
                "nbf 1800000031 (2027-01-15T08:00:31Z), iat 1800000000 (2027-01-15T08:00:00Z)",
            ],
        ),
        (
            api(Token::default().header("kid", json!("p384b"))),
            [
                "key",
                "a key of issuer logto, one of these: \"rsa\", \"p256\", \"p384\", \"ed\"",
                "kid \"p384b\", alg \"ES384\"",
            ],
        ),
        (api(Token { key: "p384b", ..Token::default() }), ["signature", "a signature by the key", ""]),
        (
            api(Token::default().claim("aud", json!(["a", "b"]))),
            ["audience", "\"https://api.example.com\"", "\"a\", \"b\""],
        ),
        (api(Token::default().claim("organization_id", json!("o"))), ["organization", "no organization_id", "\"o\""]),
        (api(Token::default().claim("scope", json!(""))), ["scopes", "all of \"read:data\"", "none"]),
    ] {
        assert_eq!(refused(&explanation), [name, expected, found]);
        assert_eq!(explanation["decision"], "deny");
    }
}

#[test]
fn a_claim_is_named_as_its_rule_names_it() {
    let folder = Folder::new("explain-claims");
    let listed = r#"{"path":["tenants","{t}","roles"],"#;
    let routes = format!(
        r#"[{{"path":"/is/{{t}}","audience":"*","claims":[{listed}"is":"{{t}}"}}]}},
            {{"path":"/any/{{t}}","audience":"*","claims":[{{"path":["kubernetes.io","n"],"any":["{{t}}",7,true]}}]}},
            {{"path":"/all/{{t}}","audience":"*","claims":[{listed}"contains":["a","{{t}}"]}}]}},
            {{"path":"/has/{{t}}","audience":"*","claims":{{"a.b":{{"has":"{{t}}"}}}}}},
            {{"path":"/query","audience":"*","claims":[{{"path":["{{query.t}}","x"],"is":1}}]}}]"#
    );
    folder.write("policy.json", support::policy(&routes));
    let own = claims(json!({"tenants": {"acme": {"roles": ["a"]}}, "a": {"b": []}}));
    for (path, [name, expected, found]) in [
        ("/is/acme", [r#"claim tenants."{t}".roles"#, r#""acme" (from "{t}")"#, r#"["a"]"#]),
        (
            "/any/acme",
            [
                r#"claim "kubernetes.io".n"#,
                r#"alone or in a list, one of "acme" (from "{t}"), 7, true"#,
                "no such claim",
            ],
        ),
        (
            "/all/acme",
            [
                r#"claim tenants."{t}".roles"#,
                r#"a list or space-separated words with "a" and "acme" (from "{t}")"#,
                r#"["a"]"#,
            ],
        ),
        ("/has/acme", ["claim a.b", r#"an object with the member "acme" (from "{t}")"#, "[]"]),
        (
            "/query",
            [r#"claim "{query.t}".x"#, "1", r#""{query.t}", which has no value for this request: it is absent"#],
        ),
    ] {
        assert_eq!(refused(&explain_json(&folder, &["GET", path, "--claims", &own])), [name, expected, found]);
    }
}

#[test]
fn a_bound_token_that_is_taken_is_shown_as_one() {
    let folder = Folder::new("explain-bound");
    folder.write("policy.json", support::policy_with(r#","bound_tokens":"ignore""#, ROUTES));
    let token = Token::default().claim("cnf", json!({"jkt": "x"})).sign();
    for (caller, claims) in [("--token", token), ("--claims", claims(json!({"cnf": {"jkt": "x"}})))] {
        let explanation = explain_json(&folder, &["GET", "/api/x", caller, &claims]);
        assert_eq!(explanation["decision"], "allow", "{explanation:#}");
        let checks = explanation["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "cnf").unwrap();
        assert_eq!(check["expected"], "anything (bound_tokens = \"ignore\")");
        assert_eq!((&check["found"], &check["outcome"]), (&json!("bound by DPoP (cnf.jkt)"), &json!("passed")));
    }
}

#[test]
fn what_a_token_says_before_its_signature_holds_is_marked() {
    let folder = folder("explain-unverified");
    let token = Token { key: "p384b", ..Token::default() }.claim("sub", json!("mallory")).sign();
    let explanation = explain_json(&folder, &["GET", "/api/x", "--token", &token]);
    for check in explanation["checks"].as_array().unwrap() {
        let is_of_token = check["step"].as_u64().unwrap() > 2;
        assert_eq!(check["unverified"], is_of_token, "{check}");
    }
    assert!(!explanation.to_string().contains("mallory"));
    let run = explain(&folder, &["GET", "/api/x", "--token", &token]);
    assert!(run.out.contains("kid \"p384\", alg \"ES384\" (unverified)"), "{}", run.out);
}

#[test]
fn checks_stand_in_the_order_of_the_contract_and_end_with_the_one_that_refuses() {
    let folder = folder("explain-order");
    for token in [Token::default(), Token::default().header("typ", json!("id"))] {
        let explanation = explain_json(&folder, &["GET", "/api/x", "-t", &token.sign()]);
        let checks = explanation["checks"].as_array().unwrap();
        let steps: Vec<u64> = checks.iter().map(|check| check["step"].as_u64().unwrap()).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        let refused = checks.iter().position(|check| check["outcome"] == "refused");
        assert!(refused.is_none_or(|at| at + 1 == checks.len()), "{checks:?}");
    }
}

#[test]
fn what_the_gate_answers_by_itself_is_explained() {
    let folder = Folder::new("explain-own");
    let policy = json!({
        "version": 1, "origin": "https://o", "issuers": {"i": {"issuer": "https://i"}},
        "cors": {"origins": ["https://app.example.com"]},
        "resources": {"https://api.example.com/mcp": {}},
        "routes": [{"path": "/mcp", "methods": ["POST"], "audience": "https://api.example.com/mcp"}, {"path": "/open", "access": "public"}],
    });
    folder.write("policy.json", policy.to_string());
    let ask = |origin: &str, method: &str| {
        let headers = [format!("origin: {origin}"), format!("access-control-request-method: {method}")];
        explain_json(&folder, &["OPTIONS", "https://api.example.com/mcp", "-H", &headers[0], "-H", &headers[1]])
    };
    let granted = ask("https://app.example.com", "POST");
    assert_eq!((&granted["decision"], &granted["effect"]["status"]), (&json!("serve"), &json!(204)));
    let refusal = ask("https://evil.example.com", "POST");
    assert_eq!(refusal["effect"]["status"], 403);
    let found = r#"origin "https://evil.example.com", method "POST""#;
    assert_eq!(refused(&refusal), ["preflight", "an origin and a method that cors allows", found]);
    let document = "https://api.example.com/.well-known/oauth-protected-resource/mcp";
    assert_eq!(explain_json(&folder, &["GET", document])["effect"]["status"], 200);
    assert_eq!(refused(&explain_json(&folder, &["PUT", document])), ["document", "GET or HEAD", "PUT"]);
    let page =
        explain_json(&folder, &["POST", "https://api.example.com/mcp", "-H", "Origin: https://evil.example.com"]);
    assert_eq!(refused(&page), ["page", "an origin that cors allows, or none", "\"https://evil.example.com\""]);
    assert_eq!(page["effect"]["status"], 403);
    assert!(page["effect"]["body"].as_str().unwrap().contains("gate.origin_denied"), "{page:#}");
    let page = explain_json(&folder, &["POST", "https://api.example.com/mcp", "-H", "Origin: https://app.example.com"]);
    assert_eq!(refused(&page)[0], "authorization");
    let shared = explain_json(&folder, &["GET", "/open", "-H", "Origin: https://app.example.com"]);
    let added = json!([
        {"name": "vary", "value": "origin"}, {"name": "access-control-allow-origin", "value": "https://app.example.com"},
    ]);
    assert_eq!(shared["effect"]["added"], added);
    let run = explain(&folder, &["GET", "/open", "-H", "Origin: https://app.example.com"]);
    assert!(run.out.ends_with("\nHeaders added to the origin's answer\n  vary: origin\n  access-control-allow-origin: https://app.example.com\n"), "{}", run.out);
}

#[test]
fn near_misses_say_what_was_missed() {
    let folder = folder("explain-near");
    let near = |args: &[&str]| {
        let explanation = explain_json(&folder, args);
        let candidates = explanation["candidates"].as_array().unwrap().clone();
        let texts = candidates.iter().map(|candidate| {
            let [standing, reason] = ["standing", "reason"].map(|name| candidate[name].as_str().unwrap_or("-"));
            format!("{} {standing}: {reason}", candidate["index"])
        });
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        near(&["GET", "https://api.example.com/api/products/7"]),
        [
            "0 chosen: -",
            "1 behind: routes[0] takes precedence: a literal before {*name} in segment 2",
            "2 other_host: is only for {tenant}.example.org, not for api.example.com",
        ]
    );
    assert_eq!(
        near(&["PUT", "https://acme.example.org/api/products/7"]),
        [
            "2 chosen: -",
            "0 behind: routes[2] takes precedence: its host pattern before any host",
            "1 behind: routes[2] takes precedence: its host pattern before any host",
        ]
    );
    assert_eq!(near(&["POST", "/api/x"]), ["1 other_method: takes only GET PUT"]);
    assert_eq!(near(&["TRACE", "/healthz"]), ["5 other_method: takes all methods except CONNECT, TRACE and TRACK"]);
    assert_eq!(near(&["GET", "/none"]), [""; 0]);
    assert_eq!(near(&["GET", "/org/x"]), [r#"3 other_path: has "orgs" in segment 1, where the request has "org""#]);
    assert_eq!(
        near(&["GET", "/api/Products/7"])[0],
        "1 chosen: -",
        "a route that has the path, though not the one that was meant"
    );
    assert_eq!(near(&["GET", "/orgs"]), ["3 other_path: has 2 segments, where the request has 1"]);
    assert_eq!(near(&["GET", "/api"]), ["1 chosen: -"], "a rest covers its root");
    assert_eq!(near(&["GET", "/"]), [""; 0]);
}

#[test]
fn a_request_that_is_answered_before_routes_is_behind_none() {
    let folder = Folder::new("explain-unasked");
    let policy = json!({"version": 1, "origin": "https://o", "cors": {"origins": ["https://page.example.com"]},
        "routes": [{"path": "/a", "access": "public"}]});
    folder.write("policy.json", policy.to_string());
    let preflight = ["-H", "origin: https://page.example.com", "-H", "access-control-request-method: GET"];
    let explanation = explain_json(&folder, &[&["OPTIONS", "/a"], preflight.as_slice()].concat());
    assert_eq!(explanation["decision"], "serve");
    assert_eq!(explanation["candidates"][0]["standing"], "unasked");
}

#[test]
fn a_preflight_of_a_path_with_an_encoded_slash_leaves_the_checks_of_the_path_alone() {
    let folder = Folder::new("explain-preflight-slash");
    let policy = json!({"version": 1, "origin": "https://o", "cors": {"origins": ["https://page.example.com"]},
        "routes": [{"path": "/kept/{name}", "access": "public", "encoded_slashes": "keep"}]});
    folder.write("policy.json", policy.to_string());
    let preflight = ["-H", "origin: https://page.example.com", "-H", "access-control-request-method: GET"];
    let explanation = explain_json(&folder, &[&["OPTIONS", "/kept/a%2Fb"], preflight.as_slice()].concat());
    assert_eq!(explanation["decision"], "serve");
    let names: Vec<_> = explanation["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, ["host", "path", "preflight"]);
    assert_eq!(explanation["checks"][1]["found"], "\"/kept/a%2Fb\"");
}

/// workerd drops them, so the Worker never sees them.
#[test]
fn empty_headers_that_the_runtime_drops_are_not_there() {
    let folder = Folder::new("explain-empty-headers");
    let cors = json!({"origins": ["https://page.example.com"]});
    let policy = json!({"version": 1, "origin": "https://o", "issuers": {"i": {"issuer": "https://i.example.com"}},
        "resources": {"https://a.example.com/mcp": {}},
        "routes": [{"path": "/mcp", "audience": "https://a.example.com/mcp", "access": "optional", "cors": cors}]});
    folder.write("policy.json", policy.to_string());
    let explanation =
        explain_json(&folder, &["GET", "/mcp", "-H", "Origin:", "-H", "Authorization: ", "-H", "X-Other:"]);
    assert_eq!(explanation["decision"], "allow", "{explanation}");
    let refused = explain_json(&folder, &["GET", "/mcp", "-H", "Origin: https://other.example.com"]);
    assert_eq!(refused["decision"], "deny");
}

/// A folder with routes that keep encoded slashes, with a token in `Authorization` and in another header.
fn kept_slashes(name: &str) -> Folder {
    let folder = Folder::new(name);
    let route = |path: &str, more: &str| {
        format!(r#"{{"path":"{path}","audience":"https://api.example.com","encoded_slashes":"keep"{more}}}"#)
    };
    let routes = [route("/files/{name}", r#","token_header":"x-access-token""#), route("/usual/{name}", "")];
    folder.write("policy.json", support::policy(&format!("[{}]", routes.join(","))));
    folder
}

#[test]
fn a_token_is_looked_for_where_a_route_with_encoded_slashes_says() {
    let folder = kept_slashes("explain-kept");
    for url in ["/files/a%2Fb", "/files/a", "/usual/a%2Fb"] {
        let explanation = explain_json(&folder, &["GET", url, "--claims", &claims(json!({}))]);
        assert_eq!(explanation["decision"], "allow", "{url}: {explanation:#}");
        assert_eq!(explanation["candidates"][0]["standing"], "chosen", "{url}: {explanation:#}");
    }
    let human = explain(&folder, &["GET", "/files/a%2Fb", "--claims", &claims(json!({}))]).out;
    assert!(human.contains("chosen   routes[0]") && !human.contains("no route has this path"), "{human}");
}

#[test]
fn a_caller_has_one_token_where_the_route_looks_for_it() {
    let folder = kept_slashes("explain-token-header");
    let claims = claims(json!({}));
    let beside = ["GET", "/files/a", "--claims", &claims, "-H", "Authorization: Basic eDp5"];
    assert_eq!(explain_json(&folder, &beside)["decision"], "allow", "of another server");
    for (url, header) in [("/files/a", "X-Access-Token: a.b.c"), ("/usual/a", "authorization: Basic eDp5")] {
        let run = explain(&folder, &["GET", url, "--claims", &claims, "-H", header]);
        assert_eq!((run.code, run.err.contains("not two")), (Some(2), true), "{url}: {}", run.err);
    }
    let other = explain_json(&folder, &["GET", "/usual/a", "--claims", &claims, "-H", "X-Access-Token: a.b.c"]);
    assert_eq!(other["decision"], "allow");
    let caller = |url, header| explain_json(&folder, &["GET", url, "-H", header])["caller"].clone();
    assert_eq!(caller("/files/a", "x-access-token: a.b.c"), "token");
    assert_eq!(caller("/files/a", "authorization: Bearer a.b.c"), "anonymous");
    assert_eq!(caller("/usual/a", "x-access-token: a.b.c"), "anonymous");
    assert_eq!(caller("/usual/a", "authorization: Bearer a.b.c"), "token");
}
