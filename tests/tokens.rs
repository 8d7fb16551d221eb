//! What makes a token valid, in the order of the contract's section 3.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::denial::{Denial, InvalidToken};
use portcullis::jose::base64url;
use serde_json::{Value, json};
use support::token::{public, sign_segments, sign_texts};
use support::{ISSUER, NOW, Token, World, denied, outcome, policy, policy_with};

const ROUTES: &str = r#"[{"path": "/", "audience": "https://api.example.com"}]"#;
const INVALID: &str = "401 auth.invalid_token";
const EXPIRED: &str = "401 auth.token_expired";
const NOT_YET: &str = "401 auth.token_not_yet_valid";
const TOO_OLD: &str = "401 auth.token_too_old";

fn get(token: &str) -> String {
    outcome(&World::new(&policy(ROUTES)).get("/", token))
}

fn get_with(issuer: &str, token: &Token) -> String {
    outcome(&World::new(&policy_with(issuer, ROUTES)).get("/", &token.sign()))
}

fn good() -> Token {
    Token::default()
}

#[test]
fn every_native_algorithm_is_accepted() {
    for (key, algorithm) in [
        ("rsa", "RS256"),
        ("rsa", "RS384"),
        ("rsa", "RS512"),
        ("rsa", "PS256"),
        ("rsa", "PS384"),
        ("rsa", "PS512"),
        ("p256", "ES256"),
        ("p384", "ES384"),
        ("ed", "EdDSA"),
    ] {
        let token = good().signed_with(key, algorithm);
        assert_eq!(get(&token.sign()), "allow", "{algorithm}");
        assert_eq!(get_with(r#","algorithms":["ES512"]"#, &token), INVALID, "{algorithm} is not on the issuer's list");
    }
}

/// RFC 9864 §2.2: tokens, keys and policies may say `Ed25519` where others say `EdDSA`.
#[test]
fn ed25519_is_eddsa_by_another_name() {
    let get = |own: Option<&str>, accepted: &str, alg: &str| {
        let mut key = public("ed");
        if let Some(own) = own {
            key["alg"] = json!(own);
        }
        let routes = r#"[{"path": "/", "audience": "*"}]"#;
        let policy = format!(
            r#"{{"version":1,"origin":"https://o.com","issuers":{{"a":{{"issuer":"{ISSUER}","jwks":{{"keys":[{key}]}}{accepted}}}}},"routes":{routes}}}"#
        );
        outcome(&World::new(&policy).get("/", &good().signed_with("ed", alg).sign()))
    };
    for alg in ["EdDSA", "Ed25519"] {
        for own in [None, Some("EdDSA"), Some("Ed25519")] {
            for accepted in ["", r#","algorithms":["EdDSA"]"#, r#","algorithms":["ES256","Ed25519"]"#] {
                assert_eq!(get(own, accepted, alg), "allow", "{own:?} {accepted} {alg}");
            }
            assert_eq!(get(own, r#","algorithms":["ES256"]"#, alg), INVALID, "{own:?} {alg}");
        }
    }
    for alg in ["ed25519", "ED25519", "Ed448", "Ed25519ph"] {
        let token = good().signed_with("ed", "EdDSA").header("alg", json!(alg));
        let forged = sign_texts(&json!(token.header).to_string(), &json!(token.claims).to_string(), "ed", "EdDSA");
        assert_eq!(self::get(&forged), INVALID, "{alg}");
    }
}

#[test]
fn a_token_has_three_canonical_parts() {
    // A signature that the two alphabets write differently.
    let tokens = (0..).map(|i| good().claim("sub", json!(i.to_string())).sign());
    let differs = |token: &String| token.rsplit('.').next().unwrap().contains(['-', '_']);
    let token = tokens.into_iter().find(differs).unwrap();
    assert_eq!(get(&token), "allow");
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for bad in [
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{token}.{signature}"),
        format!("{token}.{header}.{payload}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{}", signature.replace('-', "+").replace('_', "/")),
        "a.b.c".to_owned(),
        "opaque".to_owned(),
        ".".repeat(4000),
    ] {
        assert_eq!(get(&bad), INVALID, "{bad}");
    }
    // The same bytes must not have two spellings, in no part.
    let loose = |canonical: &str| {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        assert_ne!(canonical.len() % 4, 0, "the last character holds unused bits");
        let (rest, last) = canonical.split_at(canonical.len() - 1);
        let index = ALPHABET.find(last).unwrap() + 1;
        format!("{rest}{}", &ALPHABET[index..=index])
    };
    let padded = |i: usize| {
        good().signed_with("rsa", "RS256").header("x", json!("x".repeat(i / 3))).claim("x", json!("x".repeat(i % 3)))
    };
    let has_loose_ends = |token: &String| token.split('.').all(|segment| segment.len() % 4 != 0);
    let rsa = (0..9).map(|i| padded(i).sign()).find(has_loose_ends).unwrap();
    let [header, payload, signature] = rsa.split('.').collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(get(&rsa), "allow");
    assert_eq!(get(&format!("{header}.{payload}.{}", loose(signature))), INVALID);
    assert_eq!(get(&sign_segments(&loose(header), payload, "rsa", "RS256")), INVALID);
    assert_eq!(get(&sign_segments(header, &loose(payload), "rsa", "RS256")), INVALID);
}

#[test]
fn a_token_over_the_limit_is_refused() {
    let long = good().claim("pad", json!("x".repeat(6000))).sign();
    assert!(long.len() > 8192);
    assert_eq!(get(&long), INVALID);
    let roomy = policy(ROUTES).replacen("\"version\":1", "\"version\":1,\"limits\":{\"max_token_bytes\":65536}", 1);
    assert_eq!(outcome(&World::new(&roomy).get("/", &long)), "allow");
    for (limit, expected) in [(long.len(), "allow"), (long.len() - 1, INVALID)] {
        let exact = roomy.replacen("65536", &limit.to_string(), 1);
        assert_eq!(outcome(&World::new(&exact).get("/", &long)), expected, "{limit}");
    }
}

#[test]
fn the_header_is_checked() {
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("es384")),
        ("alg", json!(["ES384"])),
        ("alg", Value::Null),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("id_token")),
        ("typ", json!("")),
        ("typ", json!(1)),
        ("kid", json!(1)),
        ("kid", json!(["p384"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!("true")),
    ] {
        let token = good().header(name, value.clone());
        let forged = sign_texts(&json!(token.header).to_string(), &json!(token.claims).to_string(), "p384", "ES384");
        assert_eq!(get(&forged), INVALID, "{name}: {value}");
    }
    let payload = json!(good().claims).to_string();
    for name in ["alg", "typ", "kid", "crit", "b64"] {
        let rest = json!(good().header(name, Value::Null).header).to_string();
        let header = rest.replacen('{', &format!("{{\"{name}\":null,"), 1);
        assert_eq!(get(&sign_texts(&header, &payload, "p384", "ES384")), INVALID, "{name}: null");
    }
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("application/AT+JWT")),
        ("typ", Value::Null),
        ("b64", json!(true)),
        ("jku", json!("https://evil.example.com")),
        ("jwk", public("p384b")),
        ("x5u", json!(7)),
        ("x5c", json!("junk")),
    ] {
        assert_eq!(get(&good().header(name, value.clone()).sign()), "allow", "{name}: {value}");
    }
}

#[test]
fn an_explicit_list_of_types_makes_typ_required() {
    let types = r#","types":["application/At+JWT"]"#;
    assert_eq!(get_with(types, &good()), "allow");
    assert_eq!(get_with(types, &good().header("typ", json!("jwt"))), INVALID);
    assert_eq!(get_with(types, &good().header("typ", Value::Null)), INVALID);
}

#[test]
fn header_and_payload_are_strict_json_objects() {
    let header = json!(good().header).to_string();
    let payload = json!(good().claims).to_string();
    let doubled = payload.replacen('{', r#"{"aud":"https://api.example.com","#, 1);
    let deep =
        |levels: usize| payload.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(levels), "]".repeat(levels)), 1);
    for (header, payload) in [
        (header.clone(), doubled),
        (header.replacen('{', r#"{"alg":"ES384","#, 1), payload.clone()),
        (header.clone(), format!("[{payload}]")),
        (header.clone(), "\"x\"".to_owned()),
        (header.clone(), format!("{payload}{payload}")),
        (header.clone(), format!("\u{feff}{payload}")),
        (header.clone(), payload.replacen('{', r#"{"x":1e400,"#, 1)),
        (header.clone(), payload.replacen('{', r#"{"x":"\ud800","#, 1)),
        (header.clone(), deep(32)),
        ("[]".to_owned(), payload.clone()),
        (format!("\u{feff}{header}"), payload.clone()),
    ] {
        assert_eq!(get(&sign_texts(&header, &payload, "p384", "ES384")), INVALID, "{header} {payload}");
    }
    let latin =
        |text: &str| base64url::encode(&text.replace('%', "\u{e9}").chars().map(|c| c as u8).collect::<Vec<_>>());
    let (with_header, with_payload) =
        (header.replacen('{', "{\"x\":\"%\",", 1), payload.replacen('{', "{\"x\":\"%\",", 1));
    for (header, payload) in [(&with_header, &payload), (&header, &with_payload)] {
        let token = sign_segments(&latin(header), &latin(payload), "p384", "ES384");
        assert_eq!(get(&token), INVALID, "no UTF-8: {header} {payload}");
    }
    assert_eq!(get(&sign_texts(&header, &deep(31), "p384", "ES384")), "allow", "32 levels with the object itself");
    assert_eq!(get(&sign_texts(&format!(" {header}\n"), &format!("\t{payload} "), "p384", "ES384")), "allow");
}

#[test]
fn claims_have_the_right_types() {
    let wrong: &[(&str, &[Value])] = &[
        (
            "iss",
            &[
                Value::Null,
                json!([support::ISSUER]),
                json!("https://tenant.logto.app/oidc/"),
                json!("HTTPS://tenant.logto.app/oidc"),
                json!(1),
            ],
        ),
        (
            "exp",
            &[
                Value::Null,
                json!("9999999999"),
                json!(-1),
                json!(253_402_300_800_u64),
                json!(1e308),
                json!([1]),
                json!(true),
            ],
        ),
        ("nbf", &[json!("0"), json!(-1), json!(253_402_300_800_u64), json!({})]),
        ("iat", &[json!("0"), json!(-0.5), json!(1e300), json!(false)]),
        ("sub", &[json!(1), json!(["a"]), json!({})]),
        ("client_id", &[json!(1)]),
        ("azp", &[json!([])]),
        ("jti", &[json!(1)]),
        ("organization_id", &[json!(1), json!(["acme"])]),
        (
            "aud",
            &[
                json!(1),
                json!(["https://api.example.com", 1]),
                json!([["https://api.example.com"]]),
                json!({}),
                json!(true),
            ],
        ),
        ("scope", &[json!(1), json!({}), json!(["a", 1]), json!(["a b", null]), json!([["a"]]), json!([{"a": "b"}])]),
        ("scp", &[json!(1), json!([true]), json!(["a", ["b c"]])]),
    ];
    for (name, values) in wrong {
        for value in *values {
            assert_eq!(get(&good().claim(name, value.clone()).sign()), INVALID, "{name}: {value}");
        }
    }
    let payload = json!(good().claims).to_string();
    for name in ["exp", "nbf", "iat", "sub", "client_id", "azp", "jti", "organization_id", "aud", "scope", "scp"] {
        let token = good().claim(name, Value::Null);
        let payload = json!(token.claims).to_string().replacen('{', &format!("{{\"{name}\":null,"), 1);
        assert_eq!(
            get(&sign_texts(&json!(token.header).to_string(), &payload, "p384", "ES384")),
            INVALID,
            "{name}: null"
        );
    }
    assert!(!payload.is_empty());
    for (name, value) in [
        ("exp", json!(253_402_300_799_u64)),
        ("exp", json!(NOW as f64 + 0.5)),
        ("nbf", json!(0)),
        ("sub", Value::Null),
        ("scope", json!([])),
        ("scope", json!("  a \t b  ")),
        ("aud", json!(["https://api.example.com"])),
    ] {
        assert_eq!(get(&good().claim(name, value.clone()).sign()), "allow", "{name}: {value}");
    }
}

#[test]
fn times_have_a_leeway() {
    for (name, value, expected) in [
        ("exp", NOW - 29, "allow"),
        ("exp", NOW - 30, EXPIRED),
        ("exp", 0, EXPIRED),
        ("nbf", NOW + 30, "allow"),
        ("nbf", NOW + 31, NOT_YET),
        ("iat", NOW + 30, "allow"),
        ("iat", NOW + 31, NOT_YET),
        ("iat", 0, "allow"),
    ] {
        assert_eq!(get(&good().claim(name, json!(value)).sign()), expected, "{name}: {value}");
    }
    let strict = r#","leeway":0"#;
    assert_eq!(get_with(strict, &good().claim("exp", json!(NOW))), EXPIRED);
    assert_eq!(get_with(strict, &good().claim("exp", json!(NOW + 1))), "allow");
    assert_eq!(get_with(strict, &good().claim("nbf", json!(NOW + 1))), NOT_YET);
    let aged = r#","max_age":100"#;
    assert_eq!(get_with(aged, &good().claim("iat", json!(NOW - 130))), "allow");
    assert_eq!(get_with(aged, &good().claim("iat", json!(NOW - 131))), TOO_OLD);
    assert_eq!(get_with(aged, &good().claim("iat", Value::Null)), INVALID);
}

#[test]
fn times_are_checked_in_order_and_before_key_and_signature() {
    let token = good().claim("exp", json!(1)).claim("nbf", json!(NOW + 999)).claim("iat", json!(NOW + 999));
    assert_eq!(get(&token.sign()), EXPIRED);
    assert_eq!(get(&token.header("kid", json!("unknown")).sign()), EXPIRED);
    let expired = good().claim("exp", json!(1)).sign();
    assert_eq!(get(&format!("{expired}AAAA")), EXPIRED, "whatever the signature");
    let (unsigned, _) = expired.rsplit_once('.').unwrap();
    assert_eq!(get(&format!("{unsigned}.")), INVALID, "an empty one is none");
    assert_eq!(get(&good().claim("exp", json!(1)).claim("sub", json!(1)).sign()), INVALID, "types come first");
}

#[test]
fn the_key_is_chosen_by_kid_or_by_being_the_only_one() {
    assert_eq!(get(&good().header("kid", json!("unknown")).sign()), INVALID);
    assert_eq!(get(&good().header("kid", json!("p256")).sign()), INVALID, "a key of another type");
    assert_eq!(get(&good().header("kid", Value::Null).sign()), "allow", "the only key for ES384");
    let keys = support::token::key_set(&["p384", "p384b"]);
    let two = format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{"i":{{"issuer":"{}","jwks":{keys}}}}},"routes":{ROUTES}}}"#,
        support::ISSUER
    );
    let mut world = World::new(&two);
    let ambiguous = world.get("/", &good().header("kid", Value::Null).sign());
    assert_eq!(outcome(&ambiguous), INVALID, "two that fit");
    assert_eq!(denied(ambiguous), Denial::InvalidToken(InvalidToken::AmbiguousKey));
    let unknown = world.get("/", &good().header("kid", json!("unknown")).sign());
    assert_eq!(denied(unknown), Denial::InvalidToken(InvalidToken::Key), "another reason");
    assert_eq!(outcome(&world.get("/", &good().signed_with("p384b", "ES384").sign())), "allow");
    // Two keys of one kid: both are tried.
    let mut world = World::new(&two.replace("p384b", "p384"));
    assert_eq!(outcome(&world.get("/", &good().sign())), "allow");
    assert_eq!(
        outcome(&world.get("/", &good().signed_with("p384b", "ES384").header("kid", json!("p384")).sign())),
        "allow"
    );
}

#[test]
fn at_most_four_keys_are_tried() {
    let mut keys = vec![public("p384b"); 4];
    keys.push(public("p384"));
    keys.iter_mut().for_each(|key| key["kid"] = json!("k"));
    let policy = |keys: &[Value]| {
        let keys = json!({"keys": keys});
        format!(
            r#"{{"version":1,"origin":"https://o","issuers":{{"i":{{"issuer":"{}","jwks":{keys}}}}},"routes":{ROUTES}}}"#,
            support::ISSUER
        )
    };
    let token = good().header("kid", json!("k")).sign();
    let mut world = World::new(&policy(&keys));
    assert_eq!(outcome(&world.get("/", &token)), INVALID);
    assert_eq!(world.shared.verifications.get(), 4);
    assert_eq!(outcome(&World::new(&policy(&keys[1..])).get("/", &token)), "allow");
}

#[test]
fn the_signature_must_hold() {
    let token = good().sign();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = base64url::decode(signature).unwrap();
    for index in 0..signature.len() {
        let mut flipped = signature.clone();
        flipped[index] ^= 1;
        assert_eq!(get(&format!("{signed}.{}", base64url::encode(&flipped))), INVALID, "byte {index}");
    }
    for (bad, checks) in
        [(vec![0; 96], 1), (signature[..95].to_vec(), 0), ([signature.as_slice(), &[0]].concat(), 0), (vec![1], 0)]
    {
        let mut world = World::new(&policy(ROUTES));
        let token = format!("{signed}.{}", base64url::encode(&bad));
        assert_eq!(outcome(&world.get("/", &token)), INVALID, "{} bytes", bad.len());
        // Of the wrong length there is no signature to check.
        assert_eq!(world.shared.verifications.get(), checks, "{} bytes", bad.len());
    }
    let other = good().claim("sub", json!("admin")).sign();
    let (_, others) = other.rsplit_once('.').unwrap();
    assert_eq!(get(&format!("{signed}.{others}")), INVALID, "another token's signature");
    let own_alg = World::new(&policy(ROUTES).replace(r#""kid":"rsa""#, r#""kid":"rsa","alg":"RS256""#))
        .get("/", &good().signed_with("rsa", "PS256").sign());
    assert_eq!(outcome(&own_alg), INVALID, "an RS256 key is not for PS256");
}

/// What a token may be bound by, and what is none of it: any `cnf` counts.
fn bindings() -> [Value; 9] {
    [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jwk": public("p256")}),
        json!({"kid": "k"}),
        json!({}),
        json!([]),
        json!(""),
        json!(false),
        json!(0),
    ]
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    const BOUND: Denial = Denial::InvalidToken(InvalidToken::Bound);
    let refused = |token: &str| denied(World::new(&policy(ROUTES)).get("/", token));
    let null = json!(good().claims).to_string().replacen('{', r#"{"cnf":null,"#, 1);
    let null = sign_texts(&json!(good().header).to_string(), &null, "p384", "ES384");
    let bound: Vec<String> = bindings().into_iter().map(|cnf| good().claim("cnf", cnf).sign()).chain([null]).collect();
    for token in &bound {
        assert_eq!(refused(token), BOUND, "{token}");
        assert_eq!(get(token), INVALID);
        for (settings, expected) in [(r#","bound_tokens":"refuse""#, INVALID), (r#","bound_tokens":"ignore""#, "allow")]
        {
            assert_eq!(outcome(&World::new(&policy_with(settings, ROUTES)).get("/", token)), expected, "{settings}");
        }
    }
    // No other claim, and none further down, binds a token.
    for (name, value) in [("CNF", json!({})), ("cnf ", json!({})), ("x", json!({"cnf": {}})), ("req_cnf", json!("x"))] {
        assert_eq!(get(&good().claim(name, value).sign()), "allow", "{name}");
    }
    // Behind the types of claims, before times and the key.
    let bound = good().claim("cnf", json!({}));
    assert_eq!(refused(&bound.clone().claim("sub", json!(1)).sign()), Denial::InvalidToken(InvalidToken::Claims));
    assert_eq!(refused(&bound.clone().claim("exp", json!(1)).sign()), BOUND);
    let mut world = World::new(&policy(ROUTES));
    assert_eq!(denied(world.get("/", &bound.header("kid", json!("unknown")).sign())), BOUND);
    assert_eq!(world.shared.verifications.get(), 0);
}

#[test]
fn a_bound_token_is_refused_each_time_and_never_kept() {
    let token = good().claim("cnf", json!({"jkt": "x"})).sign();
    let mut world = World::new(&policy(ROUTES));
    for _ in 0..3 {
        assert_eq!(outcome(&world.get("/", &token)), INVALID);
        assert_eq!(outcome(&world.get("/", &good().sign())), "allow");
    }
    assert_eq!(world.shared.verifications.get(), 1, "of the other token");
    // One that the former policy took, and that is known, is refused by the next.
    let mut world = World::new(&policy_with(r#","bound_tokens":"ignore""#, ROUTES));
    for _ in 0..2 {
        assert_eq!(outcome(&world.get("/", &token)), "allow");
    }
    world.succeed(&policy(ROUTES));
    assert_eq!(outcome(&world.get("/", &token)), INVALID);
}

#[test]
fn scopes_come_from_the_configured_claim() {
    let routes = r#"[{"path": "/", "audience": "*", "scopes": ["a"]}]"#;
    let get = |issuer: &str, token: Token| outcome(&World::new(&policy_with(issuer, routes)).get("/", &token.sign()));
    let token = good().claim("scope", Value::Null);
    assert_eq!(get("", token.clone().claim("scp", json!(["b", "a"]))), "allow");
    assert_eq!(get("", token.clone().claim("scp", json!("b a"))), "allow");
    assert_eq!(
        get("", token.clone().claim("scope", json!("")).claim("scp", json!("a"))),
        "403 auth.insufficient_scope"
    );
    for list in [json!(["b c", "a"]), json!(["a", "a\u{a0}b", "\ta", ""])] {
        assert_eq!(get("", token.clone().claim("scp", list.clone())), "allow", "{list}");
    }
    for list in [json!(["b a"]), json!(["a "]), json!(["\u{2003}a", "b a"]), json!(["a\nb"]), json!([])] {
        assert_eq!(get("", token.clone().claim("scp", list.clone())), "403 auth.insufficient_scope", "{list}");
        let both = token.clone().claim("scope", list.clone()).claim("scp", json!("a"));
        assert_eq!(get("", both), "403 auth.insufficient_scope", "a scope that is present decides: {list}");
    }
    let nested = r#","scope_claim":"realm.roles""#;
    assert_eq!(get(nested, token.clone().claim("realm", json!({"roles": ["a"]})).claim("scope", json!("b"))), "allow");
    assert_eq!(get(nested, token.clone().claim("scope", json!("a"))), "403 auth.insufficient_scope");
    let roles = json!({"roles": ["default-roles-shop", "Sales team", "a"]});
    assert_eq!(get(nested, token.clone().claim("realm", roles)), "allow");
    assert_eq!(get(nested, token.claim("realm", json!({"roles": 1}))), INVALID);
}
