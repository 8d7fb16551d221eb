//! `portcullis explain`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::token::{Token, key_set, public};
use crate::support::{self, ISSUER, NOW};
use crate::tool::{Folder, Run, snapshot};

const ROUTES: &str = r#"[
    {"path":"/api/products/{id}","methods":["GET"],"audience":"https://api.example.com","scopes":["read:data"]},
    {"path":"/api/{*rest}","methods":["GET","PUT"],"audience":"https://api.example.com"},
    {"path":"/api/products/{id}","hosts":["{tenant}.example.org"],"access":"optional","audience":"*"},
    {"path":"/orgs/{org}","audience":"urn:logto:organization:{org}","claims":{"role":{"any":["admin","{header.x-role}"]}}},
    {"path":"/closed","access":"deny"},
    {"path":"/healthz","access":"public","origin":"service:HEALTH"}]"#;

/// A folder with a policy whose issuer's keys stand in it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("policy.json", support::policy(ROUTES));
    folder
}

fn explain(folder: &Folder, args: &[&str]) -> Run {
    let now = NOW.to_string();
    folder.run(&[&["explain", "--policy", "policy.json", "--now", &now], args].concat())
}

fn explain_json(folder: &Folder, args: &[&str]) -> Value {
    let run = explain(folder, &[args, &["--format", "json"]].concat());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}");
    serde_json::from_str(&run.out).unwrap()
}

fn claims(more: Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": "https://api.example.com", "exp": NOW + 60, "sub": "user-1"});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims.to_string()
}

/// What of the checks was refused: its name, what was expected, what was found.
fn refused(explanation: &Value) -> [&str; 3] {
    let checks = explanation["checks"].as_array().unwrap();
    let refused: Vec<&Value> = checks.iter().filter(|check| check["outcome"] == "refused").collect();
    assert_eq!(refused.len(), 1, "{explanation:#}");
    assert_eq!(refused[0], checks.last().unwrap(), "what was refused comes last");
    ["name", "expected", "found"].map(|member| refused[0][member].as_str().unwrap_or_default())
}

#[test]
fn an_allowed_request_is_explained() {
    let folder = folder("explain-allow");
    let claims = claims(json!({"scope": "read:data write:data"}));
    let url = "https://api.example.com/api/products/7?x=1";
    let args = ["GET", url, "--claims", &claims, "-H", "Accept: */*", "-H", "X-Auth-Subject: me", "-H", "TE: trailers"];
    snapshot("explain/allow.txt", &explain(&folder, &args).out);
    snapshot("explain/allow.json", &explain(&folder, &[&args[..], &["--format", "json"]].concat()).out);
    snapshot("explain/allow-coloured.txt", &explain(&folder, &[&args[..], &["--color", "always"]].concat()).out);
}

#[test]
fn a_refused_request_is_explained() {
    let folder = folder("explain-deny");
    let claims = claims(json!({"aud": "urn:logto:organization:acme", "role": "guest"}));
    let args = ["GET", "/orgs/acme", "--claims", &claims, "-H", "x-role: owner"];
    snapshot("explain/deny.txt", &explain(&folder, &args).out);
    let explanation = explain_json(&folder, &args);
    let expected = r#"one of "admin", "owner" (from "{header.x-role}")"#;
    assert_eq!(refused(&explanation), ["claim role", expected, r#""guest""#]);
    let without = explain_json(&folder, &args[..4]);
    assert_eq!(
        refused(&without)[1],
        r#"one of "admin", "{header.x-role}", which has no value on this request: it is absent"#
    );
}

#[test]
fn a_token_is_verified_with_the_keys_of_the_policy() {
    let folder = folder("explain-token");
    let token = Token::default().sign();
    let args = ["GET", "https://api.example.com/api/products/7", "--token", &token];
    let run = explain(&folder, &args);
    snapshot("explain/token.txt", &run.out);
    let signature = token.rsplit('.').next().unwrap();
    for other in [
        explain(&folder, &[&args[..], &["--format", "json"]].concat()),
        folder.run_with(&["explain", "GET", "/api/x", "-p", "policy.json", "--now", "1800000000", "-t", "-"], &token),
        folder.run_in(&[("TOKEN", &token)], &["explain", "GET", "/api/x", "-p", "policy.json", "--token", "env:TOKEN"]),
        explain(&folder, &["GET", "/api/x", "-H", &format!("Authorization: Bearer {token}")]),
        run,
    ] {
        assert_eq!(other.code, Some(0));
        assert!(
            !other.out.contains(signature) && !other.out.contains(token.split('.').nth(1).unwrap()),
            "{}",
            other.out
        );
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
        (explain_json(&folder, &["GET", "https://a..b/"]), ["host", "a host, and a port if any", "\"a..b\""]),
        (explain_json(&folder, &["GET", "/a/../b"]), ["path", "a path with one reading", "\"/a/../b\""]),
        (
            explain_json(&folder, &["GET", "/healthz", "-H", "host: other/x"]),
            ["host", "a host, and a port if any", "\"localhost\" in the URL, \"other/x\" in Host"],
        ),
        (
            explain_json(&folder, &["GET", "/api/Products/7"]),
            ["case", "routes[1] for origins that ignore case, too", "routes[0]"],
        ),
        (explain_json(&folder, &["GET", "/none"]), ["route", "one for GET on localhost", ""]),
        (explain_json(&folder, &["PUT", "/orgs"]), ["route", "one for PUT on localhost", ""]),
        (explain_json(&folder, &["GET", "/closed"]), ["access", "not deny", "deny"]),
        (explain_json(&folder, &["GET", "/api/x"]), ["authorization", "one bearer token", "none"]),
        (
            explain_json(&folder, &["GET", "/api/x", "-H", "authorization: Basic YTpi"]),
            ["authorization", "one bearer token", "another scheme"],
        ),
        (explain_json(&folder, &["GET", "/api/x", "-t", "opaque"]), ["form", "a strict compact JWS", ""]),
        (
            explain_json(&folder, &["GET", "/api/x", "-t", "eyJhbGciOiJub25lIn0.e30.AA"]),
            ["algorithm", "one that the gate knows", "\"none\""],
        ),
        (api(Token::default().header("crit", json!(["b64"]))), ["extensions", "no crit, and no b64 that is false", ""]),
        (
            api(Token::default().claim("iss", json!("https://other"))),
            ["issuer", "\"https://tenant.logto.app/oidc\"", "\"https://other\""],
        ),
        (api(Token::default().header("typ", json!("id"))), ["type", "one of \"jwt\", \"at+jwt\", none", "\"id\""]),
        (api(Token::default().claim("exp", json!("1"))), ["claims", "exp, and the right types", "exp: a string"]),
        (
            api(Token::default().claim("cnf", json!({"jkt": "x"})).claim("exp", json!(1))),
            ["cnf", "a token that is bound to no key", "bound by DPoP (cnf.jkt)"],
        ),
        (
            api(Token::default().claim("cnf", json!({"x5t#S256": "x"}))),
            ["cnf", "a token that is bound to no key", "bound to a certificate (cnf.x5t#S256)"],
        ),
        (
            api(Token::default().claim("cnf", json!("x"))),
            ["cnf", "a token that is bound to no key", "bound to a key (cnf)"],
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
        (api(Token { key: "p384b", ..Token::default() }), ["signature", "under the key", ""]),
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
fn whether_a_cache_may_answer_is_shown_and_what_keeps_it_from_it() {
    let folder = Folder::new("explain-cache");
    let routes = r#"[{"path":"/public","access":"public"}, {"path":"/own","access":"public","cache":false},
        {"path":"/service","access":"public","cache":false,"origin":"service:API"}]"#;
    folder.write("policy.json", support::policy(routes));
    let mine = ["-H", "Cache-Control: max-age=0"];
    let named = ["-H", "Connection: cache-control", "-H", "Cache-Control: max-age=0", "-H", "Pragma: x"];
    let none: [&str; 0] = [];
    for (path, headers, cache, added) in [
        ("/public", &none[..], true, &none[..]),
        ("/own", &none, false, &["cache-control", "pragma"]),
        ("/own", &mine, false, &["pragma"]),
        ("/own", &named, false, &["cache-control"]),
        ("/service", &none, false, &none),
    ] {
        let effect = &explain_json(&folder, &[&["GET", path], headers].concat())["effect"];
        assert_eq!(effect["cache"], cache, "{path}");
        let set = effect["set"].as_array().unwrap().iter().filter(|header| header["value"] == "no-cache");
        assert_eq!(set.map(|header| header["name"].as_str().unwrap()).collect::<Vec<_>>(), added, "{path} {headers:?}");
    }
    let shown = |path: &str| explain(&folder, &["GET", path]).out.contains("  cache    Cloudflare's cache may answer");
    assert_eq!(["/public", "/own", "/service"].map(shown), [true, false, false]);
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
            "1 behind: routes[0] goes before it: a literal before {*name} in segment 2",
            "2 other_host: is for {tenant}.example.org only, not for api.example.com",
        ]
    );
    assert_eq!(
        near(&["PUT", "https://acme.example.org/api/products/7"]),
        [
            "2 chosen: -",
            "0 behind: routes[2] goes before it: its host pattern before no hosts",
            "1 behind: routes[2] goes before it: its host pattern before no hosts",
        ]
    );
    assert_eq!(near(&["POST", "/api/x"]), ["1 other_method: takes GET PUT only"]);
    assert_eq!(near(&["TRACE", "/healthz"]), ["5 other_method: takes all methods but CONNECT, TRACE and TRACK"]);
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
fn keys_may_come_from_a_file() {
    let folder = folder("explain-jwks");
    folder.write("keys.json", key_set(&["p384b"])).write("none.json", "{\"keys\":[]}");
    let token = Token::default().signed_with("p384b", "ES384").sign();
    let args = ["GET", "/api/x", "--token", &token];
    let expect = |more: &[&str]| explain(&folder, &[&args[..], more].concat());
    assert_eq!(expect(&["--expect", "deny"]).code, Some(0));
    assert_eq!(expect(&["--expect", "allow", "--jwks", "keys.json"]).code, Some(0));
    let none = expect(&["--jwks", "none.json"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.starts_with("error: none.json is no key set: "), "{}", none.err);
}

#[test]
fn an_expectation_that_is_not_met_ends_with_1() {
    let folder = folder("explain-expect");
    let code = |expected: &str, path: &str| explain(&folder, &["GET", path, "--expect", expected]).code;
    assert_eq!(code("allow", "/healthz"), Some(0));
    assert_eq!(code("deny", "/healthz"), Some(1));
    assert_eq!(code("200", "/healthz"), Some(1));
    assert_eq!(code("allow", "/api/x"), Some(1));
    assert_eq!(code("deny", "/api/x"), Some(0));
    assert_eq!(code("401", "/api/x"), Some(0));
    assert_eq!(code("403", "/api/x"), Some(1));
    assert_eq!(code("maybe", "/api/x"), Some(2));
}

#[test]
fn wrong_usage_ends_with_2_and_says_why() {
    let folder = folder("explain-usage");
    for (args, why) in [
        (&["GET", "example.com/a"][..], "expected an http or https URL, or a path"),
        (&["GET", "https://a b/"], "without spaces"),
        (&["GET", "/a\nb"], "without spaces and control characters, found \"/a\\nb\""),
        (&["G T", "/a"], "expected a method"),
        (&["GET", "/a", "-H", "no colon"], "name: value"),
        (&["GET", "/a", "-H", "a b: c"], "the name of a header"),
        (
            &["GET", "/a", "-H", "x-secret: s3cr3t\r\nx: y"],
            "the value of the header x-secret holds a control character",
        ),
        (&["GET", "https://é.com/a"], "expected a host in ASCII"),
        (&["GET", "ftp://api.example.com/a"], "expected an http or https URL"),
        (&["GET", "/a", "--token", "x", "-H", "Authorization: Bearer y"], "not two"),
        (&["GET", "/a", "--token", "env:NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE holds no token"),
        (&["GET", "/a", "--token", "-"], "expected a token, found nothing"),
        (&["GET", "/a", "--token", "x", "--claims", "{}"], "cannot be used with"),
        (&["GET", "/a", "--claims", "[]"], "a JSON object, found a list"),
        (&["GET", "/a", "--claims", "{\"a\":1,\"a\":2}"], "a JSON object"),
        (&["GET", "/a", "--jwks", "none.json"], "cannot read none.json"),
        (&["GET", "/a", "--now", "soon"], "seconds since 1970"),
    ] {
        let run = folder.run(&[&["explain", "--policy", "policy.json"], args].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.err.replace('\n', " ").contains(why), "{args:?}: {}", run.err);
        assert!(!run.err.contains("s3cr3t"));
    }
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
fn a_caller_without_a_bearer_token_has_none() {
    let folder = folder("explain-caller");
    for (header, caller) in [
        ("authorization: ", "anonymous"),
        ("authorization: Basic eDp5", "anonymous"),
        ("authorization: Bearer abc", "token"),
    ] {
        let explanation = explain_json(&folder, &["GET", "/api/x", "-H", header]);
        assert_eq!(explanation["caller"], caller, "{header}");
    }
}

#[test]
fn a_url_is_read_as_clients_send_it() {
    let folder = folder("explain-url");
    let explanation = explain_json(&folder, &["GET", "HTTPS://api.example.com/api/x"]);
    assert_eq!(explanation["url"], "https://api.example.com/api/x");
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
fn hostile_claims_and_tokens_are_only_shown_escaped() {
    let folder = folder("explain-hostile");
    let evil = "\u{1b}[2J\u{202e}\r\n";
    let hostile = claims(json!({"aud": evil, "scope": evil}));
    let token = Token::default().header("kid", json!(evil)).claim("iss", json!(evil)).sign();
    let runs = [
        explain(&folder, &["GET", "/api/x", "--claims", &hostile]),
        explain(&folder, &["GET", "/api/x", "--token", &token]),
        explain(&folder, &["GET", "/api/products/%1b%e2%80%ae"]),
        explain(&folder, &["GET", "https://api.example.com/api/\u{202e}x", "--claims", &claims(json!({"sub": evil}))]),
    ];
    for run in runs {
        assert_eq!(run.code, Some(0));
        let bad = |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
        assert_eq!(run.out.chars().find(bad), None, "{}", run.out);
        assert!(run.out.lines().all(|line| !line.is_empty() || !line.contains("[2J")));
    }
}

#[test]
fn huge_claims_are_too_long_for_a_token() {
    let folder = folder("explain-huge");
    let huge = claims(json!({"x": "x".repeat(100_000)}));
    let explanation = explain_json(&folder, &["GET", "/api/x", "--claims", &huge]);
    assert_eq!(refused(&explanation)[0], "size");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(explain(&folder, &["GET", "/api/x", "--claims", &deep]).code, Some(2));
}

/// Answers of the tool and of the core, for one request with these claims.
#[test]
fn what_is_explained_is_what_the_gate_decides() {
    let folder = folder("explain-property");
    let world = std::cell::RefCell::new(support::World::new(&support::policy(ROUTES)));
    let texts = |texts: &'static [&'static str]| prop::sample::select(texts);
    let request = (
        texts(&["GET", "PUT", "HEAD"]),
        texts(&["https://api.example.com", "https://acme.example.org:8443", "http://A.example.org.", "https://x"]),
        texts(&["/api/products/7", "/api/a%20b?q=1", "/orgs/acme/", "/healthz", "/closed", "/api//x", "/é", "/none"]),
        texts(&["", "admin", "owner", "a, b"]),
    );
    let caller = proptest::option::of((
        texts(&["https://api.example.com", "urn:logto:organization:acme", "urn:logto:organization:b", ""]),
        texts(&["read:data", "write:data", "read:data write:data", "\"", " "]),
        texts(&["admin", "owner", "guest", "é,%"]),
        -40i64..40,
        any::<bool>(),
    ));
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let property = runner.run(&(request, caller), |((method, base, path, role), caller)| {
        let url = format!("{base}{path}");
        let claims = caller.map(|(aud, scope, role, age, has_organization)| {
            let exp = NOW.checked_add_signed(age).unwrap();
            let mut claims = json!({"iss": ISSUER, "aud": aud, "scope": scope, "role": role, "exp": exp, "sub": "é"});
            if has_organization {
                claims["organization_id"] = json!("acme");
            }
            claims.as_object().unwrap().clone()
        });
        let header = format!("X-Role: {role}");
        let text = claims.as_ref().map(|claims| json!(claims).to_string());
        let mut args = vec!["--header", &header, method, &url];
        if let Some(text) = &text {
            args.extend(["--claims", text]);
        }
        let explained = explain_json(&folder, &args);
        let bearer = claims.map(|claims| format!("Bearer {}", Token { claims, ..Token::default() }.sign()));
        let mut headers = vec![("x-role", role)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let encoded = url.replace('é', "%C3%A9");
        let decision = world.borrow_mut().request(method, &encoded, &headers);
        prop_assert_eq!(
            &explained["effect"],
            &effect(decision, &encoded, method, bearer.is_some()),
            "{} {}",
            method,
            url
        );
        Ok(())
    });
    property.unwrap();
}

/// A decision in the form of `--format json`.
fn effect(decision: portcullis::decision::Decision<'_>, url: &str, method: &str, has_claims: bool) -> Value {
    use portcullis::decision::Decision;
    let named = |headers: Vec<(String, String)>| -> Value {
        headers.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    match decision {
        Decision::Deny(denial) => {
            let context = portcullis::decision::AnswerContext::at(portcullis::route::url::Url::split(url).host());
            let answer = portcullis::answer::answer(&denial, &context);
            let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            json!({"status": answer.status, "headers": named(headers), "body": answer.body})
        }
        decision => {
            let mut sent = support::allowed(decision);
            if !sent.cache && sent.service.is_none() {
                sent.set.extend(["cache-control", "pragma"].map(|name| (name.to_owned(), "no-cache".to_owned())));
            }
            let kept = if has_claims { vec!["x-role", "authorization"] } else { vec!["x-role"] };
            json!({
                "method": method, "url": sent.url, "service": sent.service, "timeout_ms": sent.timeout_ms,
                "cache": sent.cache, "route": sent.route, "set": named(sent.set), "removed": sent.remove, "kept": kept, "added": [],
            })
        }
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
    assert_eq!(refused(&explain_json(&folder, &["PUT", document])), ["document", "only reading", "PUT"]);
    let shared = explain_json(&folder, &["GET", "/open", "-H", "Origin: https://app.example.com"]);
    let added = json!([
        {"name": "vary", "value": "origin"}, {"name": "access-control-allow-origin", "value": "https://app.example.com"},
    ]);
    assert_eq!(shared["effect"]["added"], added);
    let run = explain(&folder, &["GET", "/open", "-H", "Origin: https://app.example.com"]);
    assert!(run.out.ends_with("\nTo the origin's answer are added\n  vary: origin\n  access-control-allow-origin: https://app.example.com\n"), "{}", run.out);
}

#[test]
fn what_secrets_make_is_shown_as_what_it_stands_for() {
    let folder = Folder::new("explain-secrets");
    for algorithm in ["ES256", "EdDSA"] {
        let policy = json!({
            "version": 1, "origin": "https://o.example.com", "issuers": {"i": {"issuer": ISSUER}},
            "identity": {
                "assertion": {"issuer": "https://gate", "keys": ["NEW_KEY", "OLD_KEY"], "algorithm": algorithm},
                "secret": {"binding": "ORIGIN_SECRET"},
            },
            "routes": [{"path": "/a", "audience": "*"}],
        });
        folder.write("policy.json", policy.to_string());
        let explanation = explain_json(&folder, &["GET", "/a", "--claims", &claims(json!({}))]);
        let set = |name: &str| {
            let set = explanation["effect"]["set"].as_array().unwrap();
            set.iter().find(|header| header["name"] == name).map(|header| header["value"].as_str().unwrap().to_owned())
        };
        assert_eq!(set("x-auth-secret").as_deref(), Some("<ORIGIN_SECRET>"), "{explanation:#}");
        let assertion = set("x-auth-assertion").unwrap();
        let said: Value =
            serde_json::from_str(assertion.strip_prefix("<signed ").unwrap().strip_suffix('>').unwrap()).unwrap();
        assert_eq!([&said["iss"], &said["aud"], &said["sub"]], ["https://gate", "https://o.example.com", "user-1"]);
        let log = explanation["log"].as_array().unwrap();
        assert!(log.contains(&json!("the secret ORIGIN_SECRET is not here: something stands for it")), "{log:?}");
        let keys = explain_json(&folder, &["GET", "/.well-known/portcullis/jwks.json"]);
        assert_eq!((&keys["decision"], &keys["effect"]["status"]), (&json!("serve"), &json!(200)));
    }
}

#[test]
fn keys_are_found_by_discovery() {
    let port = crate::server::serve(|path, port| match path {
        "/.well-known/openid-configuration" => Some(
            json!({"issuer": format!("http://127.0.0.1:{port}"), "jwks_uri": format!("http://127.0.0.1:{port}/keys")}),
        ),
        "/keys" => Some(json!({"keys": [public("p384")]})),
        _ => None,
    });
    let issuer = format!("http://127.0.0.1:{port}");
    let folder = Folder::new("explain-online");
    let policy = |issuer: &str| {
        json!({"version": 1, "origin": "https://o", "issuers": {"i": {"issuer": issuer}},
            "routes": [{"path": "/a", "audience": "https://api.example.com"}]})
        .to_string()
    };
    folder.write("policy.json", policy(&issuer));
    let token = Token::default().claim("iss", json!(issuer)).sign();
    let explanation = explain_json(&folder, &["GET", "/a", "--token", &token]);
    assert_eq!(explanation["decision"], "allow", "{explanation:#}");
    let fetched = |path: &str, more: &str| format!("fetched {issuer}{path}{more}");
    assert_eq!(
        explanation["log"],
        json!([fetched("/.well-known/openid-configuration", ""), fetched("/keys", ": \"p384\"")])
    );
    // An issuer that is not there.
    let nobody = format!("{issuer}/nobody");
    folder.write("policy.json", policy(&nobody));
    let token = Token::default().claim("iss", json!(nobody)).sign();
    let explanation = explain_json(&folder, &["GET", "/a", "--token", &token]);
    assert_eq!(refused(&explanation)[0], "key");
    assert_eq!(explanation["effect"]["status"], 503);
    let log = explanation["log"].as_array().unwrap();
    assert!(log.iter().any(|line| line.as_str().unwrap().ends_with("openid-configuration: status 404")), "{log:?}");
}
