//! Keys under clocks that are wrong: those of isolates differ, and one that jumped comes back. What lies ahead of a clock
//! is as old as now, and keeps nothing newer out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::rc::Rc;

use futures_util::future::{join, join_all};
use portcullis::platform::{Fetched, Runtime, Stored};
use serde_json::{Value, json};
use support::issuer::{INVALID, JWKS, METADATA, STORE_KEY, UNAVAILABLE, keys_are_at, policy, stored};
use support::token::key_set;
use support::{ISSUER, NOW, Token, World, outcome};

const HOUR: u64 = 3600;
const AN_HOUR: i64 = 3600;

/// The issuer publishes these keys.
fn world(keys: &[&str]) -> World {
    world_with("", keys)
}

fn world_with(issuer: &str, keys: &[&str]) -> World {
    let world = World::new(&policy(issuer));
    keys_are_at(&world, JWKS);
    publish(&world, keys);
    world
}

fn publish(world: &World, keys: &[&str]) {
    world.document_at(JWKS, &key_set(keys), None);
}

/// A token that is good by every clock.
fn bearer(key: &'static str) -> String {
    let token = Token::default().claim("iat", Value::Null).claim("exp", json!(NOW + 1_000_000));
    token.signed_with(key, "ES384").sign()
}

/// The outcome of a request with a token of this key, when all that it set off is done.
fn get(world: &mut World, key: &'static str) -> String {
    let decision = world.get("/", &bearer(key));
    world.settle();
    outcome(&decision)
}

/// Another isolate has put this set into the store, with this date and these notes.
fn store_with(world: &World, fetched_at: u64, keys: &[&str], notes: &Value) {
    let mut entry = json!({"version": 1, "issuer": ISSUER, "jwks_uri": JWKS, "fetched_at": fetched_at});
    entry["keys"] = serde_json::from_str::<Value>(&key_set(keys)).unwrap()["keys"].take();
    let entry = Stored { text: entry.to_string(), metadata: notes.to_string() };
    world.shared.store.borrow_mut().insert(STORE_KEY.to_owned(), entry);
}

fn store(world: &World, fetched_at: u64, keys: &[&str]) {
    store_with(world, fetched_at, keys, &json!({}));
}

#[test]
fn a_set_of_the_store_keeps_no_newer_one_out_however_far_ahead_its_date_lies() {
    for ahead in [1, 20, 60, 61, HOUR, 1_000_000_000] {
        let mut world = world(&["p384b"]);
        store(&world, NOW + ahead, &["p384"]);
        assert_eq!(get(&mut world, "p384b"), "allow", "{ahead}: the new key");
        assert_eq!(world.fetches(), 2, "{ahead}");
        assert_eq!(get(&mut world, "p384"), INVALID, "{ahead}: the withdrawn key");
        assert_eq!(stored(&world)["fetched_at"], json!(NOW), "{ahead}: isolates that follow find the newer one");
    }
}

#[test]
fn a_set_dated_a_little_ahead_is_as_old_as_now() {
    let mut world = world(&["p384", "p384b"]);
    store(&world, NOW + 20, &["p384"]);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.pass(599);
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(world.fetches(), 0, "fresh");
    world.pass(1);
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(world.fetches(), 2, "stale, not 20 seconds later");
}

#[test]
fn a_set_dated_far_ahead_is_the_last_resort() {
    for lives in ["", r#","jwks_max_stale":0"#] {
        let mut world = world_with(lives, &["p384b"]);
        store(&world, NOW + HOUR, &["p384"]);
        assert_eq!(get(&mut world, "p384"), INVALID, "the issuer is asked first");
        assert_eq!(world.fetches(), 2);

        world.restart(&policy(lives));
        store(&world, world.time() + HOUR, &["p384"]);
        world.fails_at(METADATA, 10);
        assert_eq!(get(&mut world, "p384"), "allow", "{lives}: there is no other set");
        assert_eq!(get(&mut world, "p384"), "allow", "{lives}");
        keys_are_at(&world, JWKS);
        world.pass(30);
        assert_eq!(get(&mut world, "p384"), "allow", "{lives}: while it is refreshed");
        assert_eq!(get(&mut world, "p384"), INVALID, "{lives}: it was never fresh");
    }
    let mut world = world(&["p384"]);
    world.fails_at(METADATA, 10);
    assert_eq!(get(&mut world, "p384"), UNAVAILABLE, "without any set");
}

#[test]
fn a_set_fetched_by_a_clock_that_came_back_is_refreshed_at_once() {
    for (lives, waits) in [("", 0), ("", 600), (r#","jwks_ttl":2,"jwks_max_stale":0"#, 0)] {
        for known in [true, false] {
            let mut world = world_with(lives, &["p384"]);
            world.set_ahead(AN_HOUR);
            if known {
                assert_eq!(get(&mut world, "p384"), "allow");
            } else {
                world.refresh_all();
            }
            world.set_ahead(0);
            publish(&world, &["p384b"]);
            world.pass(waits);
            assert_eq!(get(&mut world, "p384"), "allow", "{lives}: as old as now, so it is used while it is refreshed");
            assert_eq!(get(&mut world, "p384"), INVALID, "{lives}: the withdrawn key");
            let fetches = world.fetches();
            assert_eq!(get(&mut world, "p384b"), "allow", "{lives}: the new key");
            assert_eq!(world.fetches(), fetches, "{lives}: and now it is fresh");
        }
    }
}

#[test]
fn a_new_key_is_accepted_after_a_clock_came_back() {
    let mut world = world(&["p384"]);
    world.set_ahead(AN_HOUR);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.set_ahead(0);
    publish(&world, &["p384", "p384b"]);
    assert_eq!(get(&mut world, "p384b"), "allow");
    // The store's set is newer than one of which nobody knows how old it is, and spares the issuer the question.
    world.set_ahead(AN_HOUR);
    world.refresh_all();
    world.set_ahead(0);
    world.fails_at(METADATA, 10);
    store(&world, world.time(), &["p256"]);
    assert_eq!(get(&mut world, "p384"), "allow");
    assert_eq!(get(&mut world, "p384"), INVALID);
}

#[test]
fn while_the_issuer_is_down_a_set_goes_on_after_a_clock_came_back() {
    let mut world = world_with(r#","jwks_max_stale":1000"#, &["p384"]);
    world.set_ahead(AN_HOUR);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.set_ahead(0);
    world.fails_at(METADATA, 10);
    for _ in 0..9 {
        assert_eq!(get(&mut world, "p384"), "allow");
        world.pass(100);
    }
    world.pass(100);
    assert_eq!(get(&mut world, "p384"), UNAVAILABLE, "no longer than jwks_max_stale from when it came back");
    keys_are_at(&world, JWKS);
    world.pass(30);
    assert_eq!(get(&mut world, "p384"), "allow");
}

#[test]
fn isolates_whose_clocks_differ_keep_nothing_from_each_other() {
    for (one, other) in [(20, 0), (0, 20), (AN_HOUR, 0), (0, AN_HOUR), (-AN_HOUR, AN_HOUR)] {
        let mut world = world(&["p384"]);
        world.set_ahead(one);
        assert_eq!(get(&mut world, "p384"), "allow");
        let first = world.site();
        world.start_beside(&policy(""));
        world.set_ahead(other);
        publish(&world, &["p384b"]);
        assert_eq!(get(&mut world, "p384b"), "allow", "{one} {other}");
        assert_eq!(get(&mut world, "p384"), INVALID, "{one} {other}");
        let second = world.site();
        world.go_to(&first);
        assert_eq!(get(&mut world, "p384b"), "allow", "{one} {other}");
        assert_eq!(get(&mut world, "p384"), INVALID, "{one} {other}");
        let fetches = world.fetches();
        for site in [&first, &second, &first, &second] {
            world.go_to(site);
            assert_eq!((get(&mut world, "p384b").as_str(), get(&mut world, "p384").as_str()), ("allow", INVALID));
        }
        assert_eq!(world.fetches(), fetches, "{one} {other}: they do not fetch in turns");
    }
}

#[test]
fn an_older_set_dated_ahead_does_not_undo_the_issuers_own_answer() {
    let mut world = world(&["p384b"]);
    assert_eq!(get(&mut world, "p384b"), "allow");
    // The store is behind, or was written by an isolate that asked before and whose clock is ahead.
    store(&world, NOW + 20, &["p384"]);
    world.pass(40);
    assert_eq!(get(&mut world, "p384"), INVALID, "withdrawn, and the withdrawal was seen");
    assert_eq!(get(&mut world, "p384b"), "allow");
    assert_eq!(world.fetches(), 4, "the issuer was asked who is right");
    assert!(stored(&world)["fetched_at"].as_u64().unwrap() >= NOW + 40, "and the store was told");
}

#[test]
fn where_store_and_memory_contradict_each_other_another_isolates_cooldown_holds_nobody_up() {
    let notes = json!({"triggered_at_ms": (NOW + 5) * 1000});
    for (keys, answer, fetches) in [(["p384", "p384b"], "allow", 4), (["p384", "p256"], INVALID, 2)] {
        let mut world = world(&["p384"]);
        assert_eq!(get(&mut world, "p384"), "allow");
        publish(&world, &["p384", "p384b"]);
        store_with(&world, NOW + 5, &keys, &notes);
        world.pass(6);
        assert_eq!(get(&mut world, "p384b"), answer);
        assert_eq!(world.fetches(), fetches, "one fetch in a cooldown where the store does not have the key either");
    }
}

#[test]
fn a_cooldown_that_began_ahead_of_the_clock_begins_now_and_once() {
    for ahead in [0, 20, 55] {
        let mut world = world(&["p384"]);
        store_with(&world, NOW, &["p384"], &json!({"triggered_at_ms": (NOW + ahead) * 1000}));
        assert_eq!(get(&mut world, "p384b"), INVALID);
        publish(&world, &["p384", "p384b"]);
        world.pass(29);
        assert_eq!((get(&mut world, "p384b").as_str(), world.fetches()), (INVALID, 0), "{ahead}");
        world.pass(1);
        assert_eq!((get(&mut world, "p384b").as_str(), world.fetches()), ("allow", 2), "{ahead}");
    }
}

#[test]
fn a_cooldown_does_not_outlast_a_clock_that_came_back() {
    let mut world = world(&["p384"]);
    assert_eq!(get(&mut world, "p384"), "allow");
    world.fails_at(METADATA, 10);
    world.set_ahead(25);
    assert_eq!(get(&mut world, "p384b"), INVALID, "the try fails, and starts the cooldown");
    keys_are_at(&world, JWKS);
    publish(&world, &["p384", "p384b"]);
    world.set_ahead(0);
    assert_eq!(get(&mut world, "p384b"), INVALID);
    world.pass(30);
    assert_eq!(get(&mut world, "p384b"), "allow");
}

#[test]
fn an_answer_of_the_issuer_counts_although_the_store_gave_a_set_dated_ahead_meanwhile() {
    let mut world = world(&["p384b"]);
    // The issuer decides on its answer when it is asked, and delivers it after four seconds.
    let answer = Fetched::Document { body: key_set(&["p384b"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 4000, Ok(answer));
    let request = |key| world.start("GET", "http://h/", &[("authorization", &format!("Bearer {}", bearer(key)))]);
    let (first, second) = (request("p384b"), request("p384"));
    let (platform, shared) = (world.platform(), Rc::clone(&world.shared));
    store(&world, NOW + 20, &["p384"]);
    let entry = world.shared.store.borrow_mut().remove(STORE_KEY).unwrap();
    let later = async move {
        platform.sleep(2500).await;
        shared.store.borrow_mut().insert(STORE_KEY.to_owned(), entry);
        second.await
    };
    let (first, second) = world.run(join(first, later));
    assert_eq!((outcome(&first).as_str(), outcome(&second).as_str()), ("allow", "allow"));
    world.settle();
    assert_eq!(stored(&world)["fetched_at"], json!(NOW), "isolates that follow find it");
    assert_eq!(get(&mut world, "p384"), INVALID, "the withdrawn key");
}

#[test]
fn a_set_of_the_store_dated_ahead_is_no_answer_of_the_issuer() {
    let mut world = world(&["p384b"]);
    store(&world, NOW + 20, &["p384"]);
    world.shared.store_reply_ms.set(900);
    let platform = world.platform();
    world.run(async move { platform.sleep(500).await });
    let request = |key| world.start("GET", "http://h/", &[("authorization", &format!("Bearer {}", bearer(key)))]);
    let requests = join_all([request("p384"), request("p384b")]);
    // The second waits for the first one's flight, which asks nobody but the store.
    let outcomes: Vec<_> = world.run(requests).iter().map(outcome).collect();
    assert_eq!(outcomes, ["allow", "allow"]);
}

#[test]
fn a_clock_that_comes_back_while_the_issuer_answers_dates_nothing_ahead() {
    let mut world = world(&["p384"]);
    let answer = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(JWKS, 3000, Ok(answer));
    world.set_ahead(AN_HOUR);
    let request = world.start("GET", "http://h/", &[("authorization", &format!("Bearer {}", bearer("p384")))]);
    let (platform, site) = (world.platform(), world.site());
    let jump = async move {
        platform.sleep(1000).await;
        site.set_ahead(0);
    };
    let (decision, ()) = world.run(join(request, jump));
    world.settle();
    assert_eq!(outcome(&decision), "allow");
    assert_eq!(stored(&world)["fetched_at"], json!(NOW + 3));
}
