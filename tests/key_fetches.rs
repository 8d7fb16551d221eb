//! What is asked of an issuer, and what becomes of odd answers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::rc::Rc;

use futures_util::future::join_all;
use portcullis::platform::{Fetched, Runtime, Stored};
use serde_json::{Value, json};
use support::issuer::{INVALID, JWKS, METADATA, STORE_KEY, UNAVAILABLE, keys_are_at, policy, stored};
use support::token::key_set;
use support::{NOW, Token, World, outcome};

const MOVED: &str = "https://tenant.logto.app/oidc/moved";

fn world() -> World {
    let world = World::new(&policy(""));
    keys_are_at(&world, JWKS);
    world.document_at(JWKS, &key_set(&["p384"]), Some("\"v1\""));
    world
}

fn get(world: &mut World) -> String {
    get_by(world, "p384")
}

/// The outcome of a request with a token of this key, when all that it set off is done.
fn get_by(world: &mut World, key: &'static str) -> String {
    let token = Token::default().claim("exp", json!(NOW + 1_000_000)).signed_with(key, "ES384");
    let decision = world.get("/", &token.sign());
    world.settle();
    outcome(&decision)
}

/// Another isolate has put this set of keys into the store.
fn store(world: &World, fetched_at: u64, keys: &[&str]) {
    let mut entry = stored(world);
    entry["fetched_at"] = json!(fetched_at);
    entry["keys"] = serde_json::from_str::<Value>(&key_set(keys)).unwrap()["keys"].take();
    let entry = Stored { text: entry.to_string(), metadata: String::new() };
    world.shared.store.borrow_mut().insert(STORE_KEY.to_owned(), entry);
}

fn last_fetch(world: &World) -> (String, Option<String>) {
    world.shared.fetches.borrow().last().unwrap().clone()
}

const NOT_MODIFIED: Fetched = Fetched::NotModified { cache_control: None };

#[test]
fn an_entity_tag_goes_only_to_where_it_came_from() {
    let mut world = world();
    get(&mut world);
    keys_are_at(&world, MOVED);
    world.document_at(MOVED, &key_set(&["p384b"]), None);
    world.pass(700);
    get(&mut world);
    assert_eq!(last_fetch(&world), (MOVED.to_owned(), None));
    assert_eq!((&stored(&world)["jwks_uri"], stored(&world).get("etag")), (&json!(MOVED), None));
}

#[test]
fn an_entity_tag_that_is_not_fit_for_a_header_is_not_kept() {
    let mut world = world();
    world.document_at(JWKS, &key_set(&["p384"]), Some("\"v\n1\""));
    get(&mut world);
    assert_eq!(stored(&world).get("etag"), None);
    world.pass(700);
    get(&mut world);
    assert_eq!(last_fetch(&world), (JWKS.to_owned(), None));
}

#[test]
fn not_modified_is_an_answer_only_to_a_tag() {
    for url in [METADATA, JWKS] {
        let mut world = world();
        world.answer_at(url, 5, Ok(NOT_MODIFIED));
        assert_eq!(get(&mut world), UNAVAILABLE, "{url}");
    }
    // Nor is it one where there is a set, when that came without a tag.
    let mut world = world();
    world.document_at(JWKS, &key_set(&["p384"]), None);
    get(&mut world);
    world.answer_at(JWKS, 5, Ok(NOT_MODIFIED));
    world.pass(700);
    assert_eq!(get(&mut world), "allow");
    assert_eq!(stored(&world)["fetched_at"], json!(NOW));
}

#[test]
fn the_issuers_cache_control_shortens_the_ttl_and_never_lengthens_it() {
    for (cache_control, fresh, stale) in
        [("max-age=120", 119, 120), ("no-store", 59, 60), ("max-age=86400", 599, 600), ("public", 599, 600)]
    {
        let mut world = world();
        world.cached_document_at(JWKS, &key_set(&["p384"]), None, Some(cache_control));
        get(&mut world);
        // Another isolate knows it too, from the store.
        world.restart(&policy(""));
        world.pass(fresh - 1);
        assert_eq!(get(&mut world), "allow");
        assert_eq!(world.fetches(), 2, "{cache_control}: fresh");
        world.pass(stale - fresh + 2);
        assert_eq!(get(&mut world), "allow");
        assert_eq!(world.fetches(), 4, "{cache_control}: stale");
    }
}

#[test]
fn a_withdrawn_key_is_good_for_the_ttl_whatever_the_issuers_cache_control_says() {
    let lives = policy(r#","jwks_ttl":2,"jwks_max_stale":0"#);
    for restarts in [false, true] {
        let mut world = World::new(&lives);
        keys_are_at(&world, JWKS);
        world.cached_document_at(JWKS, &key_set(&["p384"]), None, Some("max-age=86400"));
        assert_eq!(get(&mut world), "allow");
        world.document_at(JWKS, &key_set(&["p384b"]), None);
        world.pass(2);
        if restarts {
            world.restart(&lives);
        }
        assert_eq!(get(&mut world), INVALID);
    }
}

#[test]
fn a_lifetime_that_the_store_tells_of_lengthens_no_ttl() {
    let mut world = world();
    get(&mut world);
    let entry =
        Stored { metadata: json!({"fresh_for": 3600}).to_string(), ..world.shared.store.borrow()[STORE_KEY].clone() };
    world.shared.store.borrow_mut().insert(STORE_KEY.to_owned(), entry);
    world.restart(&policy(""));
    world.pass(600);
    assert_eq!(get(&mut world), "allow");
    assert_eq!(world.fetches(), 4, "stale");
}

#[test]
fn an_older_set_of_the_store_does_not_undo_the_one_in_memory() {
    // As old is not newer.
    for age in [0, 40] {
        let mut world = world();
        get(&mut world);
        world.pass(40);
        world.document_at(JWKS, &key_set(&["p384b"]), None);
        assert_eq!(get_by(&mut world, "p384b"), "allow");
        let fetched_at = stored(&world)["fetched_at"].as_u64().unwrap();
        store(&world, fetched_at - age, &["p384"]);
        world.pass(40);
        let fetches = world.fetches();
        assert_eq!(get_by(&mut world, "p384"), INVALID, "the key was withdrawn, and the withdrawal seen: {age}");
        assert_eq!(world.fetches(), fetches + 2, "{age}");
        assert_eq!(get_by(&mut world, "p384b"), "allow", "{age}");
    }
}

#[test]
fn a_newer_set_of_the_store_that_is_stale_too_spares_no_fetch() {
    let mut world = world();
    get(&mut world);
    world.pass(1300);
    store(&world, NOW + 100, &["p384"]);
    assert_eq!(get(&mut world), "allow");
    assert_eq!(world.fetches(), 4);
    assert!(stored(&world)["fetched_at"].as_u64().unwrap() >= NOW + 1300);
}

#[test]
fn a_newer_set_of_the_store_that_lacks_the_key_spares_no_fetch() {
    let mut world = world();
    get(&mut world);
    store(&world, NOW + 5, &["p384", "rsa"]);
    world.pass(10);
    world.document_at(JWKS, &key_set(&["p384", "p384b"]), None);
    assert_eq!(get_by(&mut world, "p384b"), "allow");
    assert_eq!((world.fetches(), world.shared.store_reads.get()), (4, 2), "each was asked once more");
}

#[test]
fn a_newer_set_of_the_store_that_has_the_key_spares_the_fetch() {
    let mut world = world();
    get(&mut world);
    // By more than what clocks may differ.
    store(&world, NOW + 70, &["p384", "p384b"]);
    world.pass(80);
    assert_eq!(get_by(&mut world, "p384b"), "allow");
    assert_eq!((world.fetches(), world.shared.store_reads.get()), (2, 2));
}

#[test]
fn with_a_jwks_uri_only_an_entry_from_there_is_taken() {
    let named = policy(&format!(r#","jwks_uri":"{MOVED}""#));
    let mut world = world();
    get(&mut world);
    world.document_at(MOVED, &key_set(&["p384b"]), None);
    world.restart(&named);
    assert_eq!(get(&mut world), INVALID, "the keys of elsewhere are not the issuer's any more");
    assert_eq!((world.fetches(), last_fetch(&world).0), (3, MOVED.to_owned()));
    world.restart(&named);
    assert_eq!(get_by(&mut world, "p384b"), "allow");
    assert_eq!(world.fetches(), 3, "from the store");
}

#[test]
fn without_room_no_request_begins_to_wait_and_none_that_waits_is_sent_away() {
    for has_room_at_first in [false, true] {
        let mut world = world();
        world.shared.has_room.set(has_room_at_first);
        let bearer = format!("Bearer {}", Token::default().sign());
        let [fetches, waits] = [(); 2].map(|()| world.start("GET", "http://h/", &[("authorization", &bearer)]));
        let (platform, shared) = (world.platform(), Rc::clone(&world.shared));
        let waits = async move {
            let decision = waits.await;
            (decision, platform.now().0 - NOW * 1000)
        };
        let platform = world.platform();
        let fills_up = async move {
            platform.sleep(2).await;
            shared.has_room.set(false);
        };
        let (fetched, (waited, after_ms), ()) = world.run(futures_util::future::join3(fetches, waits, fills_up));
        assert_eq!(outcome(&fetched), "allow");
        let expected = if has_room_at_first { "allow" } else { UNAVAILABLE };
        assert_eq!(outcome(&waited), expected);
        assert_eq!(after_ms > 0, has_room_at_first, "after {after_ms} ms");
    }
}

#[test]
fn without_a_set_a_second_fetch_begins_after_two_seconds() {
    for (after_ms, fetches) in [(1900, 1), (2500, 2), (4000, 2)] {
        let mut world = world();
        world.fails_at(METADATA, 3_600_000);
        let bearer = format!("Bearer {}", Token::default().sign());
        let [one, other] = [(); 2].map(|()| world.start("GET", "http://h/", &[("authorization", &bearer)]));
        let platform = world.platform();
        world.run(async move {
            let (both, time) = (futures_util::future::join(one, other), platform.sleep(after_ms));
            futures_util::pin_mut!(both, time);
            futures_util::future::select(both, time).await;
        });
        assert_eq!(world.fetches(), fetches, "after {after_ms} ms");
    }
}

/// Lets time pass, and all that is under way with it, but not to its end.
#[test]
fn simultaneous_first_requests_ask_a_slow_issuer_twice_also_for_keys_that_it_lacks() {
    let mut world = world();
    let document = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 3000, Ok(document));
    let bearer = |kid: &str| format!("Bearer {}", Token::default().header("kid", json!(kid)).sign());
    let tokens = ["p384", "new", "other", "p384", "none"].map(bearer);
    let requests = tokens.each_ref().map(|token| world.start("GET", "http://h/", &[("authorization", token)]));
    let outcomes: Vec<_> = world.run(join_all(requests)).iter().map(outcome).collect();
    assert_eq!(outcomes, ["allow", INVALID, INVALID, "allow", INVALID]);
    assert_eq!(world.fetches(), 4, "metadata and keys, twice");
}

fn wait(world: &mut World, milliseconds: u32) {
    let platform = world.platform();
    world.run(async move { platform.sleep(milliseconds).await });
}

#[test]
fn of_two_questions_in_one_second_the_later_ones_answer_counts() {
    let mut world = world();
    // The issuer decides on its answer when it is asked, and delivers this one after four seconds.
    let old = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 4000, Ok(old));
    let bearer = format!("Bearer {}", Token::default().sign());
    let asks = world.start("GET", "http://h/", &[("authorization", &bearer)]);
    let platform = world.platform();
    world.run(async move {
        let time = platform.sleep(100);
        futures_util::pin_mut!(asks, time);
        futures_util::future::select(asks, time).await;
    });
    world.document_at(JWKS, &key_set(&["p384b"]), None);
    world.refresh_all();
    assert_eq!(stored(&world)["fetched_at"], json!(NOW), "as old as the other");
    world.settle();
    assert_eq!(get(&mut world), INVALID, "the key was withdrawn, and the withdrawal seen");
    assert_eq!(get_by(&mut world, "p384b"), "allow");
}

#[test]
fn while_there_is_a_set_one_refresh_is_under_way_however_long_it_takes() {
    let mut world = world();
    get(&mut world);
    world.pass(700);
    let set = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 4500, Ok(set));
    let token = Token::default().sign();
    for _ in 0..4 {
        assert_eq!(outcome(&world.get("/", &token)), "allow");
        wait(&mut world, 1000);
    }
    assert_eq!(world.fetches(), 4);
    world.settle();
    assert_eq!((world.fetches(), get(&mut world)), (4, "allow".to_owned()));
}
