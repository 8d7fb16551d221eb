//! Where keys come from, what is fetched and when, with the clock in hand.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use futures_util::future::join_all;
use portcullis::decision::Decision;
use portcullis::denial::Denial;
use portcullis::platform::{Fetched, Stored};
use serde_json::{Value, json};
use support::issuer::{INVALID, JWKS, METADATA, STORE_KEY, UNAVAILABLE, keys_are_at, policy, stored};
use support::token::{key_set, public};
use support::{ISSUER, NOW, Token, World, denied, outcome};

fn world() -> World {
    let world = World::new(&policy(""));
    publish(&world, &["p384"]);
    keys_are_at(&world, JWKS);
    world
}

fn publish(world: &World, keys: &[&str]) {
    world.document_at(JWKS, &key_set(keys), None);
}

fn get(world: &mut World, key: &'static str) -> String {
    let now = NOW + 1_000_000;
    let token = Token::default().claim("exp", json!(now)).signed_with(key, "ES384").sign();
    let decision = world.get("/", &token);
    outcome(&decision)
}

#[test]
fn a_first_request_discovers_fetches_and_stores() {
    let mut world = world();
    assert_eq!(get(&mut world, "p384"), "allow");
    world.settle();
    assert_eq!(*world.shared.fetches.borrow(), [(METADATA.to_owned(), None), (JWKS.to_owned(), None)]);
    let expected =
        json!({"version": 1, "issuer": ISSUER, "jwks_uri": JWKS, "fetched_at": NOW, "keys": [public("p384")]});
    assert_eq!(stored(&world), expected);
    for _ in 0..5 {
        assert_eq!(get(&mut world, "p384"), "allow");
    }
    assert_eq!((world.fetches(), world.shared.store_reads.get()), (2, 1));
}

#[test]
fn a_second_isolate_starts_from_the_store() {
    let mut world = world();
    get(&mut world, "p384");
    world.settle();
    world.restart(&policy(""));
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(world.fetches(), 2, "those of the first");
}

#[test]
fn a_store_that_is_behind_does_not_refuse_a_new_key() {
    let mut world = world();
    get(&mut world, "p384");
    world.settle();
    publish(&world, &["p384b"]);
    world.restart(&policy(""));
    assert_eq!(get(&mut world, "p384b"), "allow", "the store's set does not have it, so the issuer is asked");
    assert_eq!(world.fetches(), 4);
}

#[test]
fn short_lives_leave_what_was_just_fetched_usable() {
    for lives in [r#","jwks_max_stale":0"#, r#","jwks_ttl":1,"jwks_max_stale":0"#] {
        let mut world = World::new(&policy(lives));
        keys_are_at(&world, JWKS);
        // The set is older than its life when it is there.
        world.answer_at(
            JWKS,
            3000,
            Ok(Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None }),
        );
        for _ in 0..3 {
            assert_eq!(get(&mut world, "p384"), "allow", "{lives}");
        }
    }
}

#[test]
fn jwks_uri_needs_no_discovery_and_takes_no_entry_from_elsewhere() {
    let mut world = world();
    get(&mut world, "p384");
    world.settle();
    let moved = policy(r#","jwks_uri":"https://keys.example.com""#);
    world.document_at("https://keys.example.com", &key_set(&["p384b"]), None);
    world.restart(&moved);
    assert_eq!(get(&mut world, "p384b"), "allow");
    assert_eq!(world.shared.fetches.borrow().last().unwrap().0, "https://keys.example.com");
    assert_eq!(world.fetches(), 3);
}

#[test]
fn a_stale_set_is_used_and_refreshed_after_the_response() {
    let mut world = world();
    get(&mut world, "p384");
    world.pass(599);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.settle();
    assert_eq!(world.fetches(), 2);
    publish(&world, &["p384b"]);
    world.pass(1);
    assert_eq!(get(&mut world, "p384"), "allow", "at once, with the stale set");
    world.settle();
    assert_eq!(world.fetches(), 4);
    assert_eq!(stored(&world)["keys"], json!([public("p384b")]));
    assert_eq!(get(&mut world, "p384b"), "allow");
    assert_eq!(get(&mut world, "p384"), INVALID, "a withdrawn key stops working");
}

#[test]
fn the_stores_newer_set_spares_the_fetch() {
    let mut world = world();
    get(&mut world, "p384");
    world.pass(700);
    let mut entry = stored(&world);
    entry["fetched_at"] = json!(NOW + 650);
    entry["keys"] = json!([public("p384b")]);
    world
        .shared
        .store
        .borrow_mut()
        .insert(STORE_KEY.to_owned(), Stored { text: entry.to_string(), metadata: String::new() });
    get(&mut world, "p384");
    world.settle();
    assert_eq!(get(&mut world, "p384b"), "allow");
    assert_eq!(world.fetches(), 2);
}

#[test]
fn an_unknown_kid_refetches_once_under_the_cooldown() {
    let mut world = world();
    assert_eq!(get(&mut world, "p384"), "allow");
    publish(&world, &["p384", "p384b"]);
    assert_eq!(get(&mut world, "p384b"), "allow", "with no 401 in between: a first fetch starts no cooldown");
    assert_eq!(world.fetches(), 4);
    let unknown = Token::default().header("kid", json!("nowhere")).sign();
    for _ in 0..20 {
        assert_eq!(outcome(&world.get("/", &unknown)), INVALID);
    }
    assert_eq!(world.fetches(), 4, "the cooldown");
    world.pass(30);
    for _ in 0..20 {
        assert_eq!(outcome(&world.get("/", &unknown)), INVALID);
    }
    assert_eq!(world.fetches(), 6);
    assert_eq!(get(&mut world, "p384"), "allow");
}

#[test]
fn no_key_that_fits_refetches_as_well() {
    let mut world = world();
    get(&mut world, "p384");
    world.document_at(JWKS, &json!({"keys": [public("rsa")]}).to_string(), None);
    let token = Token::default().signed_with("rsa", "RS256").header("kid", Value::Null).sign();
    assert_eq!(outcome(&world.get("/", &token)), "allow");
}

#[test]
fn without_any_set_keys_are_unavailable() {
    let mut world = world();
    world.fails_at(METADATA, 10);
    for fetches in [1, 2] {
        assert_eq!(get(&mut world, "p384"), UNAVAILABLE);
        assert_eq!(world.fetches(), fetches, "the first failure starts no cooldown, the try because of it does");
    }
    let token = Token::default().sign();
    world.pass(10);
    assert_eq!(denied(world.get("/", &token)), Denial::KeysUnavailable { retry_after: 20 });
    assert_eq!(world.fetches(), 2);
    keys_are_at(&world, JWKS);
    world.pass(20);
    assert_eq!(get(&mut world, "p384"), "allow", "recovery needs no restart");
}

#[test]
fn an_outage_refuses_no_known_key_until_the_set_is_too_old() {
    let mut world = world();
    get(&mut world, "p384");
    world.fails_at(METADATA, 10);
    for _ in 0..86 {
        world.pass(1000);
        assert_eq!(get(&mut world, "p384"), "allow");
        world.settle();
    }
    assert_eq!(stored(&world)["fetched_at"], json!(NOW));
    world.pass(400);
    assert_eq!(get(&mut world, "p384"), UNAVAILABLE);
}

#[test]
fn a_bad_answer_never_replaces_a_good_set() {
    let many: Vec<_> = (0..101).map(|_| public("p384b")).collect();
    let mut off_curve = public("p384b");
    off_curve["x"] = off_curve["y"].clone();
    let bad = [
        "".to_owned(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        json!({"keys": []}).to_string(),
        json!({"keys": {"a": public("p384b")}}).to_string(),
        json!({"keys": [{"kty": "oct", "k": "AQ"}]}).to_string(),
        json!({"keys": [off_curve]}).to_string(),
        json!({"keys": many}).to_string(),
        key_set(&["p384b"]).split_at(40).0.to_owned(),
        format!("{}{}", key_set(&["p384b"]), " ".repeat(256 * 1024)),
    ];
    for body in bad {
        let mut world = world();
        get(&mut world, "p384");
        world.document_at(JWKS, &body, None);
        world.pass(700);
        assert_eq!(get(&mut world, "p384"), "allow");
        world.settle();
        assert_eq!(world.fetches(), 4);
        assert_eq!(get(&mut world, "p384"), "allow");
        assert_eq!(stored(&world)["fetched_at"], json!(NOW));
        let log = world.shared.log.borrow();
        assert!(log.iter().any(|line| line.starts_with("issuer logto: its keys cannot be fetched: ")), "{log:?}");
    }
}

#[test]
fn entries_that_are_passed_over_leave_the_rest() {
    let mut world = world();
    let mut private = public("p384b");
    private["d"] = json!("AQ");
    let keys = json!({"keys": [1, null, {"kty": "new"}, {"kty": "oct", "k": "AQ"}, private, public("p384")]});
    world.document_at(JWKS, &keys.to_string(), None);
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(get(&mut world, "p384b"), INVALID);
    world.settle();
    assert_eq!(stored(&world)["keys"], json!([public("p384")]), "nor are secrets put into the store");
}

#[test]
fn metadata_of_another_issuer_is_refused() {
    let mut world = world();
    world.document_at(METADATA, &json!({"issuer": "https://evil", "jwks_uri": JWKS}).to_string(), None);
    assert_eq!(get(&mut world, "p384"), UNAVAILABLE);
    assert_eq!(world.fetches(), 1);
}

#[test]
fn an_entity_tag_is_kept_sent_and_believed() {
    let mut world = world();
    world.document_at(JWKS, &key_set(&["p384"]), Some("\"v1\""));
    get(&mut world, "p384");
    world.settle();
    assert_eq!(stored(&world)["etag"], json!("\"v1\""));
    world.answer_at(JWKS, 5, Ok(Fetched::NotModified { cache_control: None }));
    world.pass(700);
    get(&mut world, "p384");
    world.settle();
    assert_eq!(world.shared.fetches.borrow().last().unwrap(), &(JWKS.to_owned(), Some("\"v1\"".to_owned())));
    assert_eq!(stored(&world)["keys"], json!([public("p384")]));
    assert!(stored(&world)["fetched_at"].as_u64().unwrap() >= NOW + 700);
}

#[test]
fn a_failing_or_slow_store_stops_nothing() {
    let mut world = world();
    world.shared.store_fails.set(true);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.settle();
    world.restart(&policy(""));
    world.shared.store_fails.set(false);
    world.shared.store_reply_ms.set(60_000);
    assert_eq!(get(&mut world, "p384"), "allow");
}

#[test]
fn garbage_in_the_store_is_replaced() {
    for garbage in ["", "x", "{}", "null", r#"{"version":2}"#] {
        let mut world = world();
        let entry = Stored { text: garbage.to_owned(), metadata: garbage.to_owned() };
        world.shared.store.borrow_mut().insert(STORE_KEY.to_owned(), entry);
        assert_eq!(get(&mut world, "p384"), "allow");
        world.settle();
        assert_eq!(stored(&world)["version"], json!(1));
    }
}

#[test]
fn simultaneous_first_requests_fetch_once() {
    let mut world = world();
    let token = format!("Bearer {}", Token::default().sign());
    let requests: Vec<_> = (0..50).map(|_| world.start("GET", "http://h/", &[("authorization", &token)])).collect();
    let decisions = world.run(join_all(requests));
    assert!(decisions.iter().all(|decision| matches!(decision, Decision::Allow(_))));
    assert_eq!((world.fetches(), world.shared.store_reads.get()), (2, 1));
}

#[test]
fn simultaneous_first_requests_of_a_hanging_issuer_are_refused_in_time() {
    let mut world = world();
    world.fails_at(METADATA, 3_600_000);
    let token = format!("Bearer {}", Token::default().sign());
    let requests: Vec<_> = (0..50).map(|_| world.start("GET", "http://h/", &[("authorization", &token)])).collect();
    let decisions = world.run(join_all(requests));
    assert!(decisions.iter().all(|decision| outcome(decision) == UNAVAILABLE));
    assert!(world.fetches() <= 2, "{}", world.fetches());
}

#[test]
fn without_room_to_wait_requests_are_refused_at_once() {
    let mut world = world();
    world.shared.has_room.set(false);
    let bearer = |kid: &str| format!("Bearer {}", Token::default().header("kid", json!(kid)).sign());
    let mut outcomes = |kids: [&str; 3]| {
        let tokens = kids.map(bearer);
        let requests = tokens.each_ref().map(|token| world.start("GET", "http://h/", &[("authorization", token)]));
        world.run(join_all(requests)).iter().map(outcome).collect::<Vec<_>>()
    };
    // Who fetches waits for itself alone.
    assert_eq!(outcomes(["p384", "p384", "p384"]), ["allow", UNAVAILABLE, UNAVAILABLE]);
    assert_eq!(outcomes(["p384", "p384", "p384"]), ["allow"; 3]);
    assert_eq!(outcomes(["new", "other", "p384"]), [INVALID, INVALID, "allow"], "there is a set, without these keys");
    assert_eq!(world.fetches(), 4);
}

#[test]
fn an_issuer_that_hangs_has_half_of_the_room() {
    use portcullis::platform::Runtime;
    let mut world = world();
    world.fails_at(METADATA, 3_600_000);
    let token = format!("Bearer {}", Token::default().sign());
    let began = world.platform().now();
    let requests = |world: &World, count: usize| {
        let request = |_| {
            let (decision, platform) =
                (world.start("GET", "http://h/", &[("authorization", &token)]), world.platform());
            async move { (outcome(&decision.await), platform.now().since(began)) }
        };
        join_all((0..count).map(request).collect::<Vec<_>>())
    };
    let waiting = requests(&world, 600);
    let answers = world.run(waiting);
    assert!(answers.iter().all(|(outcome, _)| outcome == UNAVAILABLE));
    // One fetches, 500 wait for it, the others are told at once.
    assert_eq!(answers.iter().filter(|(_, after_ms)| *after_ms == 0).count(), 99);
    // Who waited leaves the place to others.
    keys_are_at(&world, JWKS);
    world.pass(60);
    let waiting = requests(&world, 501);
    assert!(world.run(waiting).iter().all(|(outcome, _)| outcome == "allow"));
}

#[test]
fn a_request_that_dies_while_it_fetches_strands_nobody() {
    let mut world = world();
    world.fails_at(METADATA, 3_600_000);
    let token = format!("Bearer {}", Token::default().sign());
    {
        let abandoned = world.start("GET", "http://h/", &[("authorization", &token)]);
        let platform = world.platform();
        world.run(async move {
            use portcullis::platform::Runtime;
            let sleep = platform.sleep(500);
            futures_util::pin_mut!(abandoned, sleep);
            futures_util::future::select(abandoned, sleep).await;
        });
    }
    keys_are_at(&world, JWKS);
    assert_eq!(get(&mut world, "p384"), "allow");
}

#[test]
fn a_scheduled_refresh_spares_requests_the_fetch() {
    let mut world = world();
    world.refresh_all();
    assert_eq!((world.fetches(), stored(&world)["fetched_at"].as_u64()), (2, Some(NOW)));
    world.restart(&policy(""));
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(world.fetches(), 2);
}

#[test]
fn the_cooldown_holds_for_isolates_that_share_a_store() {
    let mut world = world();
    let unknown = Token::default().header("kid", json!("nowhere")).sign();
    get(&mut world, "p384");
    assert_eq!(outcome(&world.get("/", &unknown)), INVALID);
    world.settle();
    assert_eq!(world.fetches(), 4);
    for _ in 0..5 {
        world.restart(&policy(""));
        assert_eq!(outcome(&world.get("/", &unknown)), INVALID);
        assert_eq!(get(&mut world, "p384"), "allow");
    }
    assert_eq!(world.fetches(), 4);
    world.pass(30);
    assert_eq!(outcome(&world.get("/", &unknown)), INVALID);
    assert_eq!(world.fetches(), 6);
}

#[test]
fn an_answer_that_comes_late_does_not_undo_a_newer_one() {
    let mut world = world();
    // The issuer decides on its answer when it is asked, and delivers this one after four seconds.
    let old = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 4000, Ok(old));
    let token = |key| format!("Bearer {}", Token::default().signed_with(key, "ES384").sign());
    let first = world.start("GET", "http://h/", &[("authorization", &token("p384"))]);
    let second = world.start("GET", "http://h/", &[("authorization", &token("p384b"))]);
    let (platform, shared) = (world.platform(), std::rc::Rc::clone(&world.shared));
    let rotated = Fetched::Document { body: key_set(&["p384b"]), etag: None, cache_control: None };
    let later = async move {
        use portcullis::platform::Runtime;
        platform.sleep(1000).await;
        let reply = support::world::Reply { after_ms: 5, result: Ok(rotated) };
        shared.web.borrow_mut().insert(JWKS.to_owned(), reply);
        platform.sleep(2000).await;
        second.await
    };
    let (_, second) = world.run(futures_util::future::join(first, later));
    assert_eq!(outcome(&second), "allow", "a second fetch, since the first takes long");
    world.settle();
    // The store first, then the withdrawn key: a request with the new one would fetch and so hide the fault.
    assert_eq!(stored(&world)["keys"], json!([public("p384b")]));
    assert_eq!(get(&mut world, "p384"), INVALID, "withdrawn, and the withdrawal was seen");
    assert_eq!(get(&mut world, "p384b"), "allow");
}

#[test]
fn a_set_in_the_store_that_cannot_be_used_replaces_none() {
    let mut world = world();
    get(&mut world, "p384");
    world.pass(700);
    let mut off_curve = public("p384b");
    off_curve["x"] = off_curve["y"].clone();
    let mut entry = stored(&world);
    entry["fetched_at"] = json!(NOW + 650);
    entry["keys"] = json!([off_curve]);
    world
        .shared
        .store
        .borrow_mut()
        .insert(STORE_KEY.to_owned(), Stored { text: entry.to_string(), metadata: String::new() });
    world.fails_at(METADATA, 10);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.settle();
    assert_eq!(get(&mut world, "p384"), "allow");
}

#[test]
fn a_key_that_is_lacking_is_asked_for_without_an_entity_tag() {
    let mut world = world();
    world.document_at(JWKS, &key_set(&["p384"]), Some("\"v1\""));
    get(&mut world, "p384");
    get(&mut world, "p384b");
    assert_eq!(world.shared.fetches.borrow().last().unwrap(), &(JWKS.to_owned(), None));
}

#[test]
fn a_set_is_as_old_as_the_question_that_it_answers() {
    let mut world = world();
    world.answer_at(JWKS, 3000, Ok(Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None }));
    assert_eq!(get(&mut world, "p384"), "allow");
    world.settle();
    assert_eq!(stored(&world)["fetched_at"], json!(NOW));
}
