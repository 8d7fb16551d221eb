//! Assertions: what they say, how long they are used again, and what happens without a key.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use futures_util::FutureExt;
use serde_json::{Value, json};
use support::assertion::{
    ED25519, ISS, KEY_SET, OTHER_P256, P256, asserting, assertion, claims, header, number, published, set_secret, world,
};
use support::token::key_set;
use support::{ISSUER, NOW, Token, World, outcome};

const ROUTES: &str = r#"[
    {"path":"/","audience":"*","organization":"*"},
    {"path":"/other","audience":"*","organization":"*","origin":"http://other.example.com:81/base/"},
    {"path":"/service","audience":"*","organization":"*","origin":"service:API"},
    {"path":"/through/{*rest}","audience":"*","organization":"*","origin":"passthrough"},
    {"path":"/orgs/{org}","audience":"urn:logto:organization:{org}"},
    {"path":"/scoped","audience":"*","scopes":["admin"]},
    {"path":"/optional","access":"optional","audience":"*"},
    {"path":"/public","access":"public"},
    {"path":"/denied","access":"deny"}]"#;

const IDENTITY: &str = r#"{"assertion":{"issuer":"https://gate.example.com","keys":["KEY"]}}"#;

fn start(settings: &str) -> World {
    world(&asserting(settings, ROUTES))
}

/// The claims of the assertion with which a request goes on.
fn said(world: &mut World, path: &str, token: &Token) -> Value {
    let text = assertion(&world.get(path, &token.sign()));
    let set = published(world);
    json!(claims(&text, &set))
}

#[test]
fn an_assertion_says_who_calls() {
    let mut world = start("");
    let token = Token::default().claim("organization_id", json!("acme"));
    let expected = json!({
        "iss": ISS, "aud": "https://origin.example.com", "sub": "user-1", "client_id": "app-1",
        "organization_id": "acme", "scope": "read:data write:data", "iat": NOW, "exp": NOW + 300,
        "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": "user-1"},
    });
    assert_eq!(said(&mut world, "/", &token), expected);
}

#[test]
fn what_is_absent_is_left_out_and_nothing_is_encoded() {
    let mut world = start("");
    let mut token = Token::default();
    for claim in ["sub", "client_id", "aud", "scope"] {
        token = token.claim(claim, Value::Null);
    }
    let (iat, exp, aud) = (NOW, NOW + 300, "https://origin.example.com");
    assert_eq!(said(&mut world, "/", &token), json!({"iss": ISS, "aud": aud, "iat": iat, "exp": exp}));
    let token = token.claim("azp", json!("app \"2\"")).claim("sub", json!("50% é,\r\n\u{0}"));
    let token = token.claim("scope", json!(["a", "é"]));
    let expected = json!({"iss": ISS, "aud": aud, "iat": iat, "exp": exp, "client_id": "app \"2\"",
        "sub": "50% é,\r\n\u{0}", "scope": "a é",
        "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": "50% é,\r\n\u{0}"}});
    assert_eq!(said(&mut world, "/", &token), expected);
}

#[test]
fn one_subject_of_two_issuers_is_two_users() {
    let other = "urn:other issuer";
    let policy = asserting("", ROUTES);
    let second = format!(r#""issuers":{{"other":{{"issuer":"{other}","jwks":{}}},"#, key_set(&["ed2"]));
    let mut world = world(&policy.replacen(r#""issuers":{"#, &second, 1));
    let token = |iss: &str, key: &'static str| {
        Token::default().claim("sub", json!("admin-1")).claim("iss", json!(iss)).signed_with(key, "EdDSA")
    };
    let tokens = [(ISSUER, token(ISSUER, "ed")), (other, token(other, "ed2"))];
    // In turns, so that what is kept of one could be taken for the other.
    for _ in 0..3 {
        for (issuer, token) in &tokens {
            let said = said(&mut world, "/", token);
            let expected = json!({"format": "iss_sub", "iss": issuer, "sub": "admin-1"});
            assert_eq!((&said["iss"], &said["sub"], &said["sub_id"]), (&json!(ISS), &json!("admin-1"), &expected));
        }
    }
    assert_eq!(world.shared.signatures.get(), 2, "one of each");
}

#[test]
fn the_organization_is_the_one_that_the_headers_name() {
    let mut world = start("");
    let token = Token::default().claim("aud", json!(["urn:logto:organization:a", "urn:logto:organization:b"]));
    for path in ["/orgs/a", "/orgs/b", "/", "/orgs/a", "/orgs/b"] {
        let decision = world.get(path, &token.sign());
        let named = header(&decision, "x-auth-organization-id").map(Value::from);
        assert_eq!(named.as_ref(), said(&mut world, path, &token).get("organization_id"), "{path}");
    }
    assert_eq!(world.shared.signatures.get(), 3, "one for each organization, and one for none");
}

#[test]
fn the_audience_is_the_origin() {
    let token = Token::default();
    let mut world = start("");
    for (path, audience) in [
        ("/", "https://origin.example.com"),
        ("/other", "http://other.example.com:81"),
        ("/service", "service:API"),
        ("/through/x", "https://api.example.com"),
    ] {
        assert_eq!(said(&mut world, path, &token)["aud"], audience, "{path}");
    }
    let bearer = format!("Bearer {}", token.sign());
    let decision = world.request("GET", "http://API.Example.com:8080/through/y", &[("authorization", &bearer)]);
    let set = published(&mut world);
    assert_eq!(claims(&assertion(&decision), &set)["aud"], "http://api.example.com:8080");

    let mut world = start(r#","audience":"urn:mine""#);
    for path in ["/", "/other", "/service", "/through/x"] {
        assert_eq!(said(&mut world, path, &token)["aud"], "urn:mine", "{path}");
    }
    assert_eq!(world.shared.signatures.get(), 1, "one audience, one assertion");
}

#[test]
fn only_who_was_verified_is_asserted() {
    let mut world = start("");
    for path in ["/public", "/optional"] {
        assert_eq!(header(&world.request("GET", &format!("https://h{path}"), &[]), "x-auth-assertion"), None, "{path}");
    }
    let token = Token::default().sign();
    assert_eq!(header(&world.get("/public", &token), "x-auth-assertion"), None, "tokens are not looked at");
    assertion(&world.get("/optional", &token));
    assert_eq!(outcome(&world.get("/scoped", &token)), "403 auth.insufficient_scope");
    assert_eq!(world.shared.signatures.get(), 1);
}

#[test]
fn one_is_used_again_for_half_of_its_life() {
    let mut world = start(r#","ttl":60"#);
    let token = Token::default().sign();
    let first = assertion(&world.get("/", &token));
    for (after, is_first) in [(0, true), (29, true), (30, false), (59, false), (60, false)] {
        world.set_clock(NOW + after);
        assert_eq!(assertion(&world.get("/", &token)) == first, is_first, "after {after} seconds");
    }
    assert_eq!(world.shared.signatures.get(), 3, "at 0, 30 and 60 seconds");
    let set = published(&mut world);
    let latest = claims(&assertion(&world.get("/", &token)), &set);
    assert_eq!((number(&latest, "iat"), number(&latest, "exp")), (NOW + 60, NOW + 120));
}

#[test]
fn a_clock_that_goes_back_gives_none_of_the_future() {
    let mut world = start("");
    let token = Token::default().sign();
    let first = assertion(&world.get("/", &token));
    world.set_clock(NOW - 1);
    let second = assertion(&world.get("/", &token));
    assert_ne!(first, second);
    let set = published(&mut world);
    assert_eq!(number(&claims(&second, &set), "iat"), NOW - 1);
}

#[test]
fn one_is_good_no_longer_than_the_gate_takes_the_token() {
    for (issuer, token, until) in [
        // The gate allows 30 seconds of clock skew.
        ("", Token::default().claim("exp", json!(NOW + 40)), NOW + 70),
        ("", Token::default().claim("exp", json!(NOW - 29)), NOW + 1),
        ("", Token::default().claim("exp", json!(NOW as f64 - 29.5)), NOW + 1),
        (r#","leeway":0"#, Token::default().claim("exp", json!(NOW + 40)), NOW + 40),
        (r#","leeway":0"#, Token::default().claim("exp", json!(NOW as f64 + 40.25)), NOW + 41),
        (r#","max_age":100"#, Token::default().claim("iat", json!(NOW - 90)), NOW + 41),
        (r#","max_age":100,"leeway":0"#, Token::default().claim("iat", json!(NOW as f64 - 90.5)), NOW + 10),
        (r#","max_age":9000"#, Token::default(), NOW + 300),
        ("", Token::default().claim("exp", json!(253_402_300_799_u64)), NOW + 300),
    ] {
        let policy = support::policy_with(issuer, ROUTES).replacen('{', &format!("{{\"identity\":{IDENTITY},"), 1);
        let mut world = world(&policy);
        let token = token.sign();
        let set = published(&mut world);
        let first = claims(&assertion(&world.get("/", &token)), &set);
        assert_eq!(number(&first, "exp"), until, "{issuer} {token}");
        if until == NOW + 300 {
            continue;
        }
        // Until the last second each is good, and then there is none.
        for now in [until - 1, until] {
            world.set_clock(now);
            let decision = world.get("/", &token);
            if now == until {
                assert!(outcome(&decision).starts_with("401 auth.token_"), "{}", outcome(&decision));
            } else {
                assert_eq!(number(&claims(&assertion(&decision), &set), "exp"), until);
            }
        }
    }
}

#[test]
fn each_token_and_each_audience_has_its_own() {
    let mut world = start("");
    let (one, other) = (Token::default(), Token::default().claim("sub", json!("user-2")));
    // Claims are alike, the tokens are not.
    let twin = Token::default().claim("jti", json!("x"));
    for _ in 0..3 {
        for (token, sub) in [(&one, "user-1"), (&other, "user-2"), (&twin, "user-1")] {
            for (path, audience) in [("/", "https://origin.example.com"), ("/service", "service:API")] {
                let said = said(&mut world, path, &Token { key: "ed", ..token.clone().signed_with("ed", "EdDSA") });
                assert_eq!((said["sub"].as_str(), said["aud"].as_str()), (Some(sub), Some(audience)));
            }
        }
    }
    assert_eq!(world.shared.signatures.get(), 6);
}

#[test]
fn a_known_token_with_a_kept_assertion_waits_for_nothing() {
    let mut world = start("");
    world.shared.signature_ms.set(10);
    let token = Token::default().sign();
    let bearer = format!("Bearer {token}");
    let start = |world: &World| world.start("GET", "https://api.example.com/", &[("authorization", &bearer)]);
    assert!(start(&world).now_or_never().is_none());
    let first = assertion(&world.get("/", &token));
    assert_eq!(assertion(&start(&world).now_or_never().expect("at once")), first);
}

#[test]
fn nobody_waits_for_anothers_signature() {
    let mut world = start("");
    world.shared.signature_ms.set(50);
    let bearer = format!("Bearer {}", Token::default().sign());
    let start = |world: &World| world.start("GET", "https://api.example.com/", &[("authorization", &bearer)]);
    // One goes away in the middle, as clients do.
    let gone = Box::pin(start(&world));
    assert!(gone.now_or_never().is_none());
    let both = futures_util::future::join(start(&world), start(&world));
    let (one, other) = world.run(both);
    let set = published(&mut world);
    assert_eq!(claims(&assertion(&one), &set), claims(&assertion(&other), &set));
}

#[test]
fn a_token_that_expires_while_the_key_is_imported_is_refused() {
    let mut world = start("");
    world.shared.signature_ms.set(2000);
    let token = Token::default().claim("exp", json!(NOW - 29)).sign();
    assert_eq!(outcome(&world.get("/", &token)), "401 auth.token_expired");
    assert_eq!(world.shared.signatures.get(), 0);
}

#[test]
fn two_keys_are_published_and_the_first_signs() {
    let two = asserting("", ROUTES).replace(r#"["KEY"]"#, r#"["NEW","KEY"]"#);
    let mut world = world(&two);
    set_secret(&world, "NEW", OTHER_P256);
    let set = published(&mut world);
    let kids: Vec<_> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    // RFC 7638 thumbprints, computed by jose.
    assert_eq!(kids, ["oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U", "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"]);
    for key in set["keys"].as_array().unwrap() {
        let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
    }
    let token = Token::default().sign();
    let kid = |world: &mut World| jsonwebtoken::decode_header(assertion(&world.get("/", &token))).unwrap().kid.unwrap();
    assert_eq!(kid(&mut world), kids[0]);
    // The other order, in a new isolate: what was signed before still holds under the set.
    let before = assertion(&world.get("/", &token));
    world.restart(&asserting("", ROUTES).replace(r#"["KEY"]"#, r#"["KEY","NEW"]"#));
    assert_eq!(kid(&mut world), kids[1]);
    let set = published(&mut world);
    claims(&before, &set);
}

#[test]
fn ed25519_signs_too() {
    for word in ["EdDSA", "Ed25519"] {
        ed25519_signs_by_the_name_of(word);
    }
}

fn ed25519_signs_by_the_name_of(word: &str) {
    let mut world = start(&format!(r#","algorithm":"{word}""#));
    set_secret(&world, "KEY", ED25519);
    let text = assertion(&world.get("/", &Token::default().sign()));
    let header = jsonwebtoken::decode_header(&text).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::EdDSA);
    assert_eq!(header.kid.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    let set = published(&mut world);
    claims(&text, &set);
    assert_eq!(set["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(set["keys"][0].as_object().unwrap().len(), 6);
}

#[test]
fn the_key_set_is_the_gates_on_every_host_and_for_readers_only() {
    let mut world = start("");
    assert_eq!(outcome(&world.request("HEAD", KEY_SET, &[])), "serve");
    assert_eq!(outcome(&world.request("GET", &format!("{KEY_SET}?v=1"), &[])), "serve");
    for method in ["POST", "PUT", "DELETE", "get"] {
        assert_eq!(outcome(&world.request(method, KEY_SET, &[])), "405 gate.method_not_allowed");
    }
    for path in
        ["/.well-known/portcullis/jwks.json/", "/.well-known/portcullis/jwks", "/.well-known/portcullis/%6awks.json"]
    {
        assert_eq!(outcome(&world.request("GET", &format!("https://h{path}"), &[])), "404 gate.no_route", "{path}");
    }
    // Who does not use assertions has the path for a route.
    let routes = r#"[{"path":"/.well-known/{*rest}","access":"public"}]"#;
    assert_eq!(outcome(&World::new(&support::policy(routes)).request("GET", KEY_SET, &[])), "allow");
    assert_eq!(outcome(&support::assertion::world(&asserting("", routes)).request("GET", KEY_SET, &[])), "serve");
}

#[test]
fn without_a_usable_key_nothing_is_sent_that_needs_one() {
    let d_of = |key: &str| key.split_once("\"d\":").unwrap().1.to_owned();
    let zero = P256.replace("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", &"A".repeat(43));
    let mixed = format!("{}\"d\":{}", P256.split_once("\"d\":").unwrap().0, d_of(OTHER_P256));
    let public = P256.split_once(",\"d\":").unwrap().0.to_owned() + "}";
    let p384 = P256.replace("P-256", "P-384");
    for (secret, why) in [
        (None, "is absent"),
        (Some(""), "is not a JWK"),
        (Some("hunter2-hunter2"), "is not a JWK"),
        (Some(public.as_str()), "it has no d"),
        (Some(p384.as_str()), "is not a key for ES256"),
        (Some(ED25519), "is not a key for ES256"),
        (Some(r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#), "is not a key for ES256"),
        (Some(zero.as_str()), "is refused"),
        (Some(mixed.as_str()), "does not match its private part"),
    ] {
        let mut world = World::new(&asserting("", ROUTES));
        if let Some(secret) = secret {
            set_secret(&world, "KEY", secret);
        }
        let token = Token::default().sign();
        assert_eq!(outcome(&world.get("/", &token)), "500 gate.misconfigured", "{why}");
        assert_eq!(outcome(&world.request("GET", KEY_SET, &[])), "500 gate.misconfigured", "{why}");
        let log = world.shared.log.borrow().join("\n");
        assert!(log.contains("the secret KEY ") && log.contains(why), "{log}");
        for number in ["870MB6", "jpsQnn", "MKBCTN", "nWGxne", "hunter2", "AAAA"] {
            assert!(!log.contains(number), "{log}");
        }
        // What needs no key goes on, and refusals come first.
        for path in ["/public", "/optional"] {
            assert_eq!(outcome(&world.request("GET", &format!("https://h{path}"), &[])), "allow");
        }
        assert_eq!(outcome(&world.get("/scoped", &token)), "403 auth.insufficient_scope");
        assert_eq!(outcome(&world.request("GET", "https://h/", &[])), "401 auth.authorization_header_missing");
        // A key that is there later is found.
        set_secret(&world, "KEY", P256);
        assert_eq!(outcome(&world.get("/", &token)), "allow");
    }
}

#[test]
fn a_second_key_that_is_wrong_stops_the_first() {
    let two = asserting("", ROUTES).replace(r#"["KEY"]"#, r#"["KEY","OLD"]"#);
    for (old, why) in [(None, "the secret OLD is absent"), (Some(P256), "the secret OLD is the same key")] {
        let mut world = world(&two);
        if let Some(old) = old {
            set_secret(&world, "OLD", old);
        }
        assert_eq!(outcome(&world.get("/", &Token::default().sign())), "500 gate.misconfigured");
        assert!(world.shared.log.borrow()[0].contains(why), "{:?}", world.shared.log.borrow());
    }
}

#[test]
fn a_platform_that_does_not_sign_stops_the_request() {
    let mut world = start("");
    let token = Token::default().sign();
    published(&mut world);
    world.shared.signing_fails.set(true);
    assert_eq!(outcome(&world.get("/", &token)), "500 gate.misconfigured");
    assert_eq!(*world.shared.log.borrow(), ["identity.assertion: the platform's cryptography failed to sign"]);
    world.shared.signing_fails.set(false);
    assertion(&world.get("/", &token));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut world = start("");
    let bearer = format!("Bearer {}", Token::default().sign());
    let get = |world: &mut World, host: usize| {
        let url = format!("https://host-{host:03}.example.com/through/x");
        assertion(&world.request("GET", &url, &[("authorization", &bearer)]))
    };
    let sizes: Vec<_> = (0..100)
        .map(|host| {
            get(&mut world, host);
            world.kept_bytes()
        })
        .collect();
    assert!(sizes[0] < sizes[3], "each is counted");
    assert!(sizes[4..].iter().all(|size| *size == sizes[3]), "four of one token, and no more: {sizes:?}");
    // The latest are the ones that are kept.
    let before = world.shared.signatures.get();
    for host in 96..100 {
        get(&mut world, host);
    }
    assert_eq!(world.shared.signatures.get(), before);
    get(&mut world, 0);
    assert_eq!(world.shared.signatures.get(), before + 1);

    // An isolate that keeps no tokens keeps no assertions, and works all the same.
    let mut world = World::remembering(&asserting("", ROUTES), 0);
    set_secret(&world, "KEY", P256);
    for _ in 0..2 {
        assertion(&world.get("/", &Token::default().sign()));
    }
    assert_eq!((world.shared.signatures.get(), world.kept_bytes()), (2, 0));
}
