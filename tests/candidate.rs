//! A candidate policy: when there is one, and what is told of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::rc::Rc;

use portcullis::log::{Quota, Verdict};
use portcullis::platform::Runtime;
use portcullis::policy::Log;
use portcullis::request::Request;
use portcullis::rollout::{CANDIDATE_KEY, MAX_POLICY_BYTES, POLICY_KEY};
use portcullis::route::url::Url;
use portcullis::time::UnixMillis;
use serde_json::{Value, json};
use support::assertion::P256;
use support::isolate::Isolate;
use support::token::key_set;
use support::{ISSUER, NOW, Token, World, outcome, policy};

const BAD: &str = r#"{"version":1,"routes":[{"path":"/","access":"publik"}]}"#;
const API: &str = "https://api.example.com";
const OWN_JWKS: &str = "https://own.example/jwks";

fn named(name: &str) -> String {
    json!({"version": 1, "origin": "https://o", "routes": [{"path": "/", "access": "public", "name": name}]})
        .to_string()
}

fn put(world: &World, key: &str, text: &str) {
    world.shared.policies.borrow_mut().insert(key.to_owned(), text.to_owned());
}

fn drop_candidate(world: &World) {
    world.shared.policies.borrow_mut().remove(CANDIDATE_KEY);
}

/// Checks the store for a candidate; the text of the one that judges then.
fn check(isolate: &Isolate, world: &mut World) -> Option<String> {
    let (rollout, platform) = (Rc::clone(&isolate.rollout), world.platform());
    world.run(async move { rollout.check_candidate(&platform).await });
    text(isolate)
}

fn text(isolate: &Isolate) -> Option<String> {
    isolate.rollout.candidate().map(|edition| edition.text().to_owned())
}

/// Puts a policy in force.
fn enforce(isolate: &Isolate, world: &mut World, text: &str) {
    put(world, POLICY_KEY, text);
    let (isolate, platform) = (isolate.clone(), world.platform());
    world.run(async move { isolate.check(&platform).await });
    world.settle();
}

fn started(live: &str) -> (World, Isolate) {
    let mut world = World::new(&named("unused"));
    let isolate = Isolate::new(None);
    enforce(&isolate, &mut world, live);
    (world, isolate)
}

/// The lines of the log about candidates.
fn rejections(world: &World) -> usize {
    world.shared.log.borrow().iter().filter(|line| line.contains("policy:candidate is rejected")).count()
}

#[test]
fn a_candidate_appears_is_replaced_and_is_dropped() {
    let (mut world, isolate) = started(&named("live"));
    assert_eq!(check(&isolate, &mut world), None);
    for name in ["a", "b"] {
        put(&world, CANDIDATE_KEY, &named(name));
        assert_eq!(check(&isolate, &mut world), Some(named(name)));
    }
    let edition = isolate.rollout.candidate().unwrap();
    check(&isolate, &mut world);
    assert!(Rc::ptr_eq(&edition, &isolate.rollout.candidate().unwrap()), "a text is parsed once");
    drop_candidate(&world);
    assert_eq!(check(&isolate, &mut world), None);
}

#[test]
fn without_a_policy_in_force_there_is_no_candidate() {
    let mut world = World::new(&named("unused"));
    put(&world, CANDIDATE_KEY, &named("a"));
    let isolate = Isolate::new(None);
    assert_eq!(check(&isolate, &mut world), None);
}

#[test]
fn a_candidate_that_is_too_large_beside_one_policy_may_not_be_beside_another() {
    let large = named(&"x".repeat(MAX_POLICY_BYTES / 2 + 1000));
    let other = named(&"y".repeat(MAX_POLICY_BYTES / 2 + 1000));
    let (mut world, isolate) = started(&large);
    put(&world, CANDIDATE_KEY, &other);
    for _ in 0..3 {
        assert_eq!(check(&isolate, &mut world), None);
    }
    assert_eq!(rejections(&world), 1);
    enforce(&isolate, &mut world, &named("small"));
    assert_eq!(check(&isolate, &mut world), Some(other));
}

#[test]
fn the_policy_in_force_is_no_candidate() {
    let (mut world, isolate) = started(&named("live"));
    put(&world, CANDIDATE_KEY, &named("live"));
    assert_eq!(check(&isolate, &mut world), None);
}

#[test]
fn a_store_that_fails_leaves_the_candidate() {
    let (mut world, isolate) = started(&named("live"));
    put(&world, CANDIDATE_KEY, &named("a"));
    check(&isolate, &mut world);
    world.shared.policies_fail.set(true);
    put(&world, CANDIDATE_KEY, &named("b"));
    let lines = world.shared.log.borrow().len();
    assert_eq!(check(&isolate, &mut world), Some(named("a")));
    assert_eq!(world.shared.log.borrow().len(), lines, "it is told where the policy is read");
    world.shared.policies_fail.set(false);
    assert_eq!(check(&isolate, &mut world), Some(named("b")));
}

#[test]
fn an_invalid_candidate_is_told_once_whatever_is_in_force_and_ignored() {
    let (mut world, isolate) = started(&named("live"));
    put(&world, CANDIDATE_KEY, &named("a"));
    check(&isolate, &mut world);
    let unusable = json!({"version": 1, "origin": "https://o", "routes": [{"path": "/", "audience": "*"}],
        "issuers": {"i": {"issuer": "i", "jwks": {"keys": [off_the_curve()]}}}})
    .to_string();
    for (told, bad) in [(1, BAD), (2, &unusable), (3, "")] {
        put(&world, CANDIDATE_KEY, bad);
        for live in ["live", "live", "other", "live"] {
            enforce(&isolate, &mut world, &named(live));
            assert_eq!(check(&isolate, &mut world), None);
        }
        assert_eq!(rejections(&world), told, "{bad}");
    }
    put(&world, CANDIDATE_KEY, &named("b"));
    assert_eq!(check(&isolate, &mut world), Some(named("b")));
}

fn off_the_curve() -> Value {
    let mut key = support::token::public("p256");
    key["x"] = key["y"].clone();
    key
}

#[test]
fn a_candidate_judges_beside_the_policy_that_it_was_read_for_and_no_other() {
    let (mut world, isolate) = started(&named("live"));
    put(&world, CANDIDATE_KEY, &named("a"));
    check(&isolate, &mut world);
    enforce(&isolate, &mut world, &named("other"));
    assert_eq!(text(&isolate), None, "its keys would be shared with the former policy");
    assert_eq!(check(&isolate, &mut world), Some(named("a")));
    enforce(&isolate, &mut world, &named("a"));
    assert_eq!(text(&isolate), None, "it was promoted");
    assert_eq!(check(&isolate, &mut world), None);
}

#[test]
fn a_candidate_that_takes_long_to_read_does_not_judge_beside_a_policy_that_came_meanwhile() {
    let (mut world, isolate) = started(&named("live"));
    put(&world, CANDIDATE_KEY, &named("a"));
    world.shared.policies_reply_ms.set(500);
    let (rollout, platform) = (Rc::clone(&isolate.rollout), world.platform());
    let slow = async move { rollout.check_candidate(&platform).await };
    let (shared, quick, platform) = (Rc::clone(&world.shared), isolate.clone(), world.platform());
    let quick = async move {
        platform.sleep(100).await;
        shared.policies.borrow_mut().insert(POLICY_KEY.to_owned(), named("other"));
        shared.policies_reply_ms.set(10);
        quick.check(&platform).await;
    };
    world.run(futures_util::future::join(slow, quick));
    assert_eq!(text(&isolate), None);
    world.shared.policies_reply_ms.set(0);
    assert_eq!(check(&isolate, &mut world), Some(named("a")));
}

/// A policy that takes tokens of an issuer with its keys at [`OWN_JWKS`].
fn with_own_issuer(name: &str) -> String {
    json!({"version": 1, "origin": "https://o",
        "issuers": {"own": {"issuer": "https://own.example", "jwks_uri": OWN_JWKS, "jwks_cooldown": 3600}},
        "routes": [{"path": "/", "audience": "*", "name": name}]})
    .to_string()
}

/// What the candidate decides on a request with a token of its issuer.
fn judged(isolate: &Isolate, world: &mut World) -> String {
    let (edition, platform) = (isolate.rollout.candidate().unwrap(), world.platform());
    let token = Token::default().claim("iss", json!("https://own.example")).claim("exp", json!(NOW + 1_000_000)).sign();
    world.run(async move {
        let token = format!("Bearer {token}");
        let headers = vec![("authorization", token.as_str())];
        let request = Request { method: "GET", url: Url::split("https://api.example.com/"), headers };
        let gateway = edition.gateway(&platform).await.unwrap();
        gateway.decide(&request, &platform, |decision, _, _| outcome(&decision)).await
    })
}

#[test]
fn the_keys_of_a_candidate_outlive_it_so_that_its_issuer_is_asked_once_a_cooldown() {
    let (mut world, isolate) = started(&named("live"));
    world.document_at(OWN_JWKS, &key_set(&["p384"]), None);
    put(&world, CANDIDATE_KEY, &with_own_issuer("a"));
    check(&isolate, &mut world);
    assert_eq!(judged(&isolate, &mut world), "503 gate.keys_unavailable", "it waits for nothing");
    world.settle();
    for (live, between) in [("live", None), ("live", Some(BAD)), ("live", Some("")), ("other", None), ("live", None)] {
        drop_candidate(&world);
        between.iter().for_each(|text| put(&world, CANDIDATE_KEY, text));
        assert_eq!(check(&isolate, &mut world), None);
        enforce(&isolate, &mut world, &named(live));
        put(&world, CANDIDATE_KEY, &with_own_issuer(&format!("after {between:?}")));
        check(&isolate, &mut world);
        assert_eq!(judged(&isolate, &mut world), "allow");
        world.settle();
        assert_eq!(world.fetches(), 1);
    }
    assert_eq!(world.shared.store_reads.get(), 0);
    assert!(world.shared.store.borrow().is_empty(), "what a candidate fetches is its own");
}

/// The verdict of a policy on a request.
fn verdict(policy: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Verdict {
    let mut world = World::new(policy);
    world.shared.secrets.borrow_mut().insert("A".to_owned(), "secret-a".to_owned());
    world.shared.secrets.borrow_mut().insert("B".to_owned(), "secret-b".to_owned());
    world.shared.secrets.borrow_mut().insert("KEY".to_owned(), P256.to_owned());
    // Assertions are signed at another time in each world.
    world.set_clock(NOW + u64::try_from(policy.len() % 7).unwrap());
    let gateway = Rc::new(portcullis::gateway::Gateway::new(support::read(policy)));
    let (platform, identity) = (world.platform(), support::read(policy).identity);
    let url = format!("{API}{path}");
    let (method, headers): (_, Vec<_>) =
        (method.to_owned(), headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    world.run(async move {
        gateway.keyring().check_static_keys(&platform).await.unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request { method: &method, url: Url::split(&url), headers };
        gateway
            .decide(&request, &platform, |decision, context, report| Verdict::of(&decision, context, report, &identity))
            .await
    })
}

/// A policy with this `identity` and this only route.
fn document(identity: &Value, route: &Value) -> String {
    let mut policy: Value = serde_json::from_str(&policy(&json!([route]).to_string())).unwrap();
    policy["identity"] = identity.clone();
    policy.to_string()
}

fn route(changes: &Value) -> Value {
    let mut route = json!({"path": "/a", "audience": API, "name": "a"});
    for (name, value) in changes.as_object().unwrap() {
        route[name] = value.clone();
        if value.is_null() {
            route.as_object_mut().unwrap().remove(name);
        }
    }
    route
}

fn bearer(token: &Token) -> String {
    format!("Bearer {}", token.sign())
}

/// What is told if the second policy decides a request otherwise than the first; null if nothing is.
fn told(live: &str, candidate: &str, headers: &[(&str, &str)]) -> Value {
    told_of(live, candidate, "GET", "/a", headers, &Log::default())
}

fn told_of(live: &str, candidate: &str, method: &str, path: &str, headers: &[(&str, &str)], log: &Log) -> Value {
    let (live, candidate) = (verdict(live, method, path, headers), verdict(candidate, method, path, headers));
    let told = live.told(candidate, log, &mut Quota::default(), UnixMillis(NOW * 1000));
    told.map_or(Value::Null, |told| serde_json::from_str(&told).unwrap())
}

#[test]
fn policies_that_decide_alike_differ_in_nothing() {
    let token = bearer(&Token::default());
    let plain = document(&json!({}), &route(&json!({})));
    let others = [
        document(&json!({"prefix": "x-auth-"}), &route(&json!({"methods": ["GET"]}))),
        document(&json!({}), &route(&json!({"scopes": ["read:data"], "timeout_ms": 10}))),
        document(&json!({"forward_token": false}), &route(&json!({"origin": "https://origin.example.com"}))),
    ];
    for other in &others {
        assert_eq!(told(&plain, other, &[("authorization", &token)]), Value::Null, "{other}");
        assert_eq!(told(&plain, other, &[]), Value::Null, "{other}");
    }
}

#[test]
fn every_kind_of_difference_is_told() {
    let token = bearer(&Token::default());
    let with = [("authorization", token.as_str())];
    let identity = json!({"secret": {"binding": "A"}, "claims": {"x-auth-name": "sub"}});
    let live = document(&identity, &route(&json!({})));
    let allowed = json!({"status": 200, "route": "a", "origin": "https://origin.example.com", "enforced": true});
    let same_identity = |changes: Value| document(&identity, &route(&changes));
    let same_route = |identity: Value| document(&identity, &route(&json!({})));
    let changed = |changes: Value| {
        let mut allowed = allowed.clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| allowed[name] = value.clone());
        allowed
    };
    let refused = |status: u16, code: &str| json!({"status": status, "code": code, "route": "a", "enforced": true});
    for (candidate, reason, outcome, headers) in [
        (
            same_identity(json!({"scopes": ["admin"]})),
            json!("insufficient_scope"),
            refused(403, "auth.insufficient_scope"),
            vec![],
        ),
        (
            same_identity(json!({"audience": "https://other"})),
            json!("invalid_audience"),
            refused(403, "auth.invalid_audience"),
            vec![],
        ),
        (
            same_identity(json!({"access": "deny", "audience": null})),
            json!("denied"),
            refused(403, "gate.denied"),
            vec![],
        ),
        (
            same_identity(json!({"methods": ["POST"]})),
            json!("method_not_allowed"),
            json!({"status": 405, "code": "gate.method_not_allowed", "enforced": true}),
            vec![],
        ),
        (
            same_identity(json!({"path": "/b"})),
            json!("no_route"),
            json!({"status": 404, "code": "gate.no_route", "enforced": true}),
            vec![],
        ),
        (same_identity(json!({"enforce": false})), Value::Null, changed(json!({"enforced": false})), vec![]),
        (same_identity(json!({"name": "b"})), Value::Null, changed(json!({"route": "b"})), vec![]),
        (
            same_identity(json!({"origin": "https://other"})),
            Value::Null,
            changed(json!({"origin": "https://other"})),
            vec![],
        ),
        (
            same_identity(json!({"origin": "https://origin.example.com/base"})),
            Value::Null,
            changed(json!({"origin": "https://origin.example.com/base"})),
            vec![],
        ),
        (
            same_identity(json!({"origin": "service:API"})),
            Value::Null,
            changed(json!({"origin": "service:API"})),
            vec![],
        ),
        (same_identity(json!({"strip_prefix": "/a"})), Value::Null, allowed.clone(), vec!["x-forwarded-prefix"]),
        (
            same_identity(json!({"enforce": false, "scopes": ["admin"]})),
            json!("insufficient_scope"),
            changed(json!({"enforced": false, "status": 403, "code": "auth.insufficient_scope"})),
            vec![
                "x-auth-audience",
                "x-auth-client-id",
                "x-auth-issuer",
                "x-auth-name",
                "x-auth-scopes",
                "x-auth-secret",
                "x-auth-subject",
            ],
        ),
        (
            same_identity(json!({"access": "public", "audience": null})),
            Value::Null,
            allowed.clone(),
            vec![
                "x-auth-audience",
                "x-auth-client-id",
                "x-auth-issuer",
                "x-auth-name",
                "x-auth-scopes",
                "x-auth-subject",
            ],
        ),
        (
            same_route(json!({"secret": {"binding": "B"}, "claims": {"x-auth-name": "sub"}})),
            Value::Null,
            allowed.clone(),
            vec!["x-auth-secret"],
        ),
        (
            same_route(json!({"secret": {"binding": "A"}, "claims": {"x-auth-name": "scope"}})),
            Value::Null,
            allowed.clone(),
            vec!["x-auth-name"],
        ),
        (
            same_route(json!({"secret": {"binding": "A"}, "claims": {"x-auth-other": "sub"}})),
            Value::Null,
            allowed.clone(),
            vec!["x-auth-name", "x-auth-other"],
        ),
        (
            same_route(json!({"secret": {"binding": "A"}, "claims": {"x-auth-name": "sub"}, "payload_header": true})),
            Value::Null,
            allowed.clone(),
            vec!["x-auth-claims"],
        ),
        (
            same_route(json!({"secret": {"binding": "ABSENT"}, "claims": {"x-auth-name": "sub"}})),
            json!("misconfigured"),
            refused(500, "gate.misconfigured"),
            vec![],
        ),
    ] {
        let told = told(&live, &candidate, &with);
        let line = &told["line"];
        assert_eq!(line["event"], "candidate", "{candidate}");
        assert_eq!((&line["live"], &line["candidate"]), (&allowed, &outcome), "{candidate}");
        assert_eq!(line.get("reason").cloned().unwrap_or(Value::Null), reason, "{candidate}");
        let mut names: Vec<_> = line["headers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, headers, "{candidate}");
        for secret in ["secret-a", "secret-b", token.as_str()] {
            assert!(!told.to_string().contains(secret), "{told}");
        }
        // And the other way round.
        let back = self::told(&candidate, &live, &with);
        assert_eq!((&back["line"]["live"], &back["line"]["candidate"]), (&outcome, &allowed), "{candidate}");
    }
}

#[test]
fn an_assertion_differs_by_what_it_says() {
    let token = bearer(&Token::default());
    let with = [("authorization", token.as_str())];
    let asserting = |issuer: &str, ttl: u64| {
        document(&json!({"assertion": {"issuer": issuer, "keys": ["KEY"], "ttl": ttl}}), &route(&json!({})))
    };
    let live = asserting("https://gate.test", 100);
    assert_eq!(told(&live, &live.replace("\"name\":\"a\"", "\"name\":\"a\",\"timeout_ms\":9"), &with), Value::Null);
    let status = told(&live, &document(&json!({}), &route(&json!({}))), &with)["line"]["live"]["status"].clone();
    assert_eq!(status, 200, "it is signed");
    let names = |candidate: &str| told(&live, candidate, &with)["line"]["headers"].clone();
    assert_eq!(names(&asserting("https://other.test", 100)), json!(["x-auth-assertion"]));
    assert_eq!(names(&document(&json!({}), &route(&json!({})))), json!(["x-auth-assertion"]));
    let moved =
        asserting("https://gate.test", 100).replace("\"keys\":[\"KEY\"]", "\"keys\":[\"KEY\"],\"audience\":\"urn:o\"");
    assert_eq!(names(&moved), json!(["x-auth-assertion"]));
}

#[test]
fn what_the_gate_answers_for_itself_is_told_only_where_the_policy_in_force_does_not() {
    let plain = policy(r#"[{"path":"/{*rest}","access":"public","name":"all"}]"#);
    let cors = plain.replace("\"routes\"", r#""cors":{"origins":["https://page"]},"routes""#);
    let preflight = [("origin", "https://page"), ("access-control-request-method", "PUT")];
    let analytics = Log { analytics: Some("POINTS".to_owned()), ..Log::default() };
    let of = |live: &str, candidate: &str| told_of(live, candidate, "OPTIONS", "/a", &preflight, &analytics);
    assert_eq!(of(&cors, &plain), Value::Null);
    assert_eq!(of(&cors, &cors), Value::Null);
    let told = of(&plain, &cors);
    assert_eq!(
        told["line"]["live"],
        json!({"status": 200, "route": "all", "origin": "https://origin.example.com", "enforced": true})
    );
    assert_eq!(told["line"]["candidate"], json!({"status": 204, "enforced": true}));
    assert_eq!(told["line"]["headers"], json!([]));
    assert_eq!(
        told["point"],
        json!({"binding": "POINTS", "index": "", "blobs": ["allowed", "", "", ""], "kind": "candidate", "status": 204})
    );
}

#[test]
fn a_request_that_would_have_to_wait_for_keys_is_not_judged() {
    let token = bearer(&Token::default());
    let with = [("authorization", token.as_str())];
    let live = document(&json!({}), &route(&json!({})));
    let away = json!({"version": 1, "origin": "https://origin.example.com", "routes": [route(&json!({}))],
        "issuers": {"logto": {"issuer": ISSUER, "jwks_uri": "https://nobody/jwks"}}})
    .to_string();
    assert_eq!(told(&live, &away, &with), Value::Null);
    assert_eq!(told(&live, &away.replace("\"name\":\"a\"", "\"name\":\"a\",\"enforce\":false"), &with), Value::Null);
    // The policy in force has waited; what the candidate says without keys is a difference.
    assert_eq!(told(&away, &live, &with)["line"]["live"]["status"], 503);
}
