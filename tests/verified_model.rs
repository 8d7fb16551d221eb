//! Verified tokens that are kept change no answer: an isolate that keeps none, one that keeps two and one that keeps all
//! decide alike over random histories of requests, rotations, clock steps, outages and policies.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis::decision::Decision;
use portcullis::platform::Runtime;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use support::assertion::{ED25519, ISS, claims, published, set_secret};
use support::token::{key_set, sign_segments};
use support::{ISSUER, NOW, Token, World};

const OTHER: &str = "https://other.example.com";
const JWKS: &str = "https://keys.example.com/main";
const OTHER_JWKS: &str = "https://keys.example.com/other";
const PATHS: [&str; 5] = ["/", "/scoped", "/main", "/org/o1", "/optional"];

/// Two policies that differ in what the same paths ask for.
fn policy(strict: bool) -> String {
    let (issuers, scopes, leeway) =
        if strict { (r#"["main"]"#, "write:data", 0) } else { (r#"["main","other"]"#, "read:data", 30) };
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{
            "main":{{"issuer":"{ISSUER}","jwks_uri":"{JWKS}","jwks_ttl":300,"jwks_max_stale":2000,"leeway":{leeway},"max_age":3000}},
            "other":{{"issuer":"{OTHER}","jwks_uri":"{OTHER_JWKS}"}}}},
        "identity":{{"payload_header":true,"assertion":{{"issuer":"{ISS}","keys":["KEY"],"algorithm":"EdDSA","ttl":60}}}},
        "routes":[
            {{"path":"/","audience":"*","issuers":{issuers},"organization":"*"}},
            {{"path":"/scoped","audience":"https://api.example.com","scopes":["{scopes}"]}},
            {{"path":"/main","audience":"https://api.example.com","issuers":["main"]}},
            {{"path":"/org/{{org}}","audience":"https://api.example.com","organization":"{{org}}"}},
            {{"path":"/optional","audience":"https://api.example.com","access":"optional"}}]}}"#
    )
}

/// Tokens that are good, not yet, not for long, for other things, and not at all.
fn tokens() -> Vec<String> {
    let token = || Token::default().signed_with("ed", "EdDSA");
    let good = token().sign();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other_header = token().header("typ", json!("JWT")).sign();
    vec![
        good.clone(),
        token().claim("exp", json!(NOW + 400)).sign(),
        token().claim("nbf", json!(NOW + 300)).sign(),
        token().claim("iat", json!(NOW - 2500)).sign(),
        token().claim("aud", json!("https://elsewhere")).sign(),
        token().claim("organization_id", json!("o1")).sign(),
        token().claim("scope", json!("write:data")).sign(),
        token().claim("iss", json!(OTHER)).signed_with("ed3", "EdDSA").sign(),
        Token::default().signed_with("ed2", "EdDSA").sign(),
        // A key of the other issuer, and a kid of this one.
        Token::default().signed_with("ed3", "EdDSA").header("kid", json!("ed")).sign(),
        sign_segments(header, &payload.replacen('A', "B", 1), "ed3", "EdDSA"),
        format!("{}.{payload}.{signature}", other_header.split('.').next().unwrap()),
        format!("{good}x"),
    ]
}

#[derive(Clone, Debug)]
enum Event {
    /// A request for a path with a token.
    Request(usize, usize),
    /// Seconds pass.
    Pass(u64),
    /// The clock is set, back too.
    Clock(u64),
    /// The first issuer publishes these of its keys.
    Rotate(bool, bool),
    /// The first issuer is down, or up again.
    Outage(bool),
    /// Another isolate, perhaps with another policy.
    Restart(bool),
    /// The cron.
    Scheduled,
}

fn event(tokens: usize) -> impl Strategy<Value = Event> {
    prop_oneof![
        // A few tokens come again and again.
        12 => (0..PATHS.len(), prop_oneof![0..3_usize, 0..tokens]).prop_map(|(path, token)| Event::Request(path, token)),
        2 => prop_oneof![0..40_u64, 0..700_u64, 0..4000_u64].prop_map(Event::Pass),
        1 => (NOW - 1000..NOW + 5000).prop_map(Event::Clock),
        2 => any::<(bool, bool)>().prop_map(|(one, two)| Event::Rotate(one, two)),
        1 => any::<bool>().prop_map(Event::Outage),
        1 => any::<bool>().prop_map(Event::Restart),
        1 => Just(Event::Scheduled),
    ]
}

fn publish(world: &World, keys: &[&str]) {
    world.document_at(JWKS, &key_set(keys), None);
    world.document_at(OTHER_JWKS, &key_set(&["ed3"]), None);
}

/// The decision with what its assertion says in the place of it, without times, which must be right: isolates that keep
/// assertions send older ones.
fn without_times(mut decision: Decision<'static>, world: &mut World) -> Decision<'static> {
    let Decision::Allow(forward) = &mut decision else { return decision };
    forward.grant = None; // only for tokens that are kept
    let (_, text) = forward.set.iter_mut().find(|(name, _)| name == "x-auth-assertion").unwrap();
    let now = world.platform().now().seconds().0;
    let mut said = claims(text, &published(world));
    let [iat, exp] = ["iat", "exp"].map(|name| said.remove(name).unwrap().as_u64().unwrap());
    assert!(iat <= now && now < exp && exp <= iat + 60 && 2 * (now - iat) < exp - iat, "{iat} {now} {exp}");
    *text = serde_json::to_string(&said).unwrap().into();
    decision
}

/// What a step leaves to see: a decision, and whom it made the gate ask.
fn step(world: &mut World, event: &Event, tokens: &[String]) -> String {
    let mut seen = String::new();
    match event {
        Event::Request(path, token) => {
            let decision = world.get(PATHS[*path], &tokens[*token]);
            seen = format!("{:?}", without_times(decision, world));
        }
        Event::Pass(seconds) => world.pass(*seconds),
        Event::Clock(now) => world.set_clock(*now),
        Event::Rotate(one, two) => {
            let keys: Vec<_> =
                [("ed", *one), ("ed2", *two)].into_iter().filter(|(_, is)| *is).map(|(key, _)| key).collect();
            publish(world, if keys.is_empty() { &["p256"] } else { &keys });
        }
        Event::Outage(true) => world.fails_at(JWKS, 100),
        Event::Outage(false) => publish(world, &["ed", "ed2"]),
        Event::Restart(strict) => world.restart(&policy(*strict)),
        Event::Scheduled => world.refresh_all(),
    }
    world.settle();
    format!("{seen} {:?} {}", world.shared.fetches.borrow(), world.shared.store_reads.get())
}

#[test]
fn kept_tokens_change_no_answer() {
    let tokens = tokens();
    let (saved, unsigned) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let config =
        ProptestConfig { cases: 200, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() };
    let events = proptest::collection::vec(event(tokens.len()), 1..80);
    TestRunner::new(config)
        .run(&events, |events| {
            let mut worlds = [0, 2, usize::MAX].map(|most| World::remembering(&policy(false), most));
            worlds.iter().for_each(|world| set_secret(world, "KEY", ED25519));
            worlds.iter().for_each(|world| publish(world, &["ed", "ed2"]));
            for event in &events {
                let seen = worlds.each_mut().map(|world| step(world, event, &tokens));
                assert_eq!(seen[0], seen[1], "two tokens kept: {event:?}");
                assert_eq!(seen[0], seen[2], "all tokens kept: {event:?}");
            }
            let count = |count: fn(&World) -> usize| [&worlds[0], &worlds[2]].map(count);
            for (counts, saved) in [
                (count(|world| world.shared.verifications.get()), &saved),
                (count(|world| world.shared.signatures.get()), &unsigned),
            ] {
                saved.fetch_add(counts[0] - counts[1], Ordering::Relaxed);
            }
            Ok(())
        })
        .unwrap();
    let (saved, unsigned) = (saved.into_inner(), unsigned.into_inner());
    assert!(saved > 50, "{saved} checks were saved: the tokens are kept for nothing");
    assert!(unsigned > 50, "{unsigned} signatures were saved: the assertions are kept for nothing");
}

/// The key set with one key and then without, and what a token of that key is answered.
#[test]
fn a_token_of_a_withdrawn_key_stops_with_the_set() {
    let mut world = World::new(&policy(false));
    set_secret(&world, "KEY", ED25519);
    publish(&world, &["ed", "ed2"]);
    let token = Token::default().signed_with("ed", "EdDSA").sign();
    let get = |world: &mut World| support::outcome(&world.get("/", &token));
    assert_eq!([get(&mut world), get(&mut world)], ["allow", "allow"]);
    assert_eq!(world.shared.verifications.get(), 1);
    publish(&world, &["ed2"]);
    world.refresh_all();
    assert_eq!(get(&mut world), "401 auth.invalid_token");
    publish(&world, &["ed", "ed2"]);
    world.refresh_all();
    assert_eq!([get(&mut world), get(&mut world)], ["allow", "allow"]);
    assert_eq!(world.shared.verifications.get(), 2, "what was verified with the former set does not count");
}

#[test]
fn a_refresh_that_brings_nothing_new_leaves_what_was_verified() {
    let mut world = World::new(&policy(false));
    set_secret(&world, "KEY", ED25519);
    publish(&world, &["ed"]);
    let token = Token::default().signed_with("ed", "EdDSA").sign();
    for _ in 0..3 {
        assert_eq!(support::outcome(&world.get("/", &token)), "allow");
        world.refresh_all();
    }
    assert_eq!(world.shared.verifications.get(), 1);
    let with_note = |note: &str| {
        let mut set: Value = serde_json::from_str(&key_set(&["ed"])).unwrap();
        set["keys"][0]["note"] = json!(note);
        set.to_string()
    };
    world.document_at(JWKS, &with_note("changed"), None);
    world.refresh_all();
    assert_eq!(support::outcome(&world.get("/", &token)), "allow");
    assert_eq!(world.shared.verifications.get(), 2, "another set, as far as anyone can tell");
}

#[test]
fn what_is_refused_is_not_kept() {
    let mut world = World::new(&policy(false));
    set_secret(&world, "KEY", ED25519);
    publish(&world, &["ed"]);
    let token = Token::default().signed_with("ed3", "EdDSA").header("kid", json!("ed")).sign();
    for _ in 0..3 {
        assert_eq!(support::outcome(&world.get("/", &token)), "401 auth.invalid_token");
    }
    assert_eq!(world.shared.verifications.get(), 3);
}
