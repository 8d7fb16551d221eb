//! Which policy is in force, and when another takes its place, with the clock in hand.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::rc::Rc;

use futures_util::future::join_all;
use portcullis::platform::Runtime;
use portcullis::rollout::{LAST_GOOD_KEY, MAX_POLICY_BYTES, POLICY_KEY};
use serde_json::json;
use support::isolate::Isolate;
use support::issuer::{JWKS, keys_are_at};
use support::token::{key_set, public};
use support::{ISSUER, NOW, Token, World};

const BAD: &str = r#"{"version":1,"routes":[{"path":"/","access":"publik"}]}"#;
/// In the test's clock: after it a policy is looked for, and used meanwhile.
const MINUTE: u64 = 60;
/// After it no request is decided before the store was asked.
const STALE: u64 = 5 * MINUTE;

/// A policy whose only route has this name.
fn named(name: &str) -> String {
    json!({"version": 1, "origin": "https://o", "routes": [{"path": "/", "access": "public", "name": name}]})
        .to_string()
}

fn world() -> World {
    World::new(&named("unused"))
}

fn put(world: &World, key: &str, text: &str) {
    world.shared.policies.borrow_mut().insert(key.to_owned(), text.to_owned());
}

fn at(world: &World, key: &str) -> Option<String> {
    world.shared.policies.borrow().get(key).cloned()
}

fn get(isolate: &Isolate, world: &mut World) -> String {
    let answer = isolate.get(world, "/", &[]);
    world.settle();
    answer
}

/// The lines of the log that hold this.
fn logged(world: &World, what: &str) -> usize {
    world.shared.log.borrow().iter().filter(|line| line.contains(what)).count()
}

#[test]
fn the_first_request_is_decided_by_the_policy_of_the_store() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(Some(&named("variable")));
    for _ in 0..5 {
        assert_eq!(get(&isolate, &mut world), "a");
    }
    assert_eq!(world.shared.policy_reads.get(), 2, "the policy, and whether it is kept as the last good one");
    assert_eq!(at(&world, LAST_GOOD_KEY), Some(named("a")));
    assert_eq!(*world.shared.log.borrow(), [""; 0]);
}

#[test]
fn an_empty_store_leaves_it_to_the_variable_until_it_has_a_policy() {
    let mut world = world();
    let isolate = Isolate::new(Some(&named("variable")));
    assert_eq!(get(&isolate, &mut world), "variable");
    assert_eq!(at(&world, LAST_GOOD_KEY), None, "the variable is none of the store's");
    put(&world, POLICY_KEY, &named("a"));
    world.pass(MINUTE);
    get(&isolate, &mut world);
    assert_eq!(get(&isolate, &mut world), "a");
}

#[test]
fn with_nothing_anywhere_every_request_is_refused_and_a_policy_is_taken_up_within_a_second() {
    let mut world = world();
    let isolate = Isolate::new(None);
    for _ in 0..10 {
        assert_eq!(get(&isolate, &mut world), "none");
    }
    assert_eq!(world.shared.policy_reads.get(), 2, "no store is asked for every request");
    put(&world, POLICY_KEY, &named("a"));
    assert_eq!(get(&isolate, &mut world), "none");
    world.pass(1);
    assert_eq!(get(&isolate, &mut world), "a");
}

#[test]
fn a_store_that_fails_at_first_does_not_bring_back_an_older_policy() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    world.shared.policies_fail.set(true);
    let isolate = Isolate::new(Some(&named("variable")));
    assert_eq!(get(&isolate, &mut world), "none");
    world.pass(100);
    assert_eq!(get(&isolate, &mut world), "none");
    world.shared.policies_fail.set(false);
    world.pass(1);
    assert_eq!(get(&isolate, &mut world), "a");
}

#[test]
fn a_store_that_hangs_is_waited_for_five_seconds() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    world.shared.policies_reply_ms.set(5001);
    let isolate = Isolate::new(Some(&named("variable")));
    assert_eq!(get(&isolate, &mut world), "none");
    world.shared.policies_reply_ms.set(4999);
    world.pass(1);
    assert_eq!(get(&isolate, &mut world), "a");
}

#[test]
fn an_isolate_that_starts_while_the_policy_is_bad_has_the_last_good_one() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    get(&Isolate::new(None), &mut world);
    for bad in [Some(BAD), None] {
        world.shared.policies.borrow_mut().remove(POLICY_KEY);
        bad.iter().for_each(|bad| put(&world, POLICY_KEY, bad));
        assert_eq!(get(&Isolate::new(Some(&named("variable"))), &mut world), "a", "{bad:?}");
    }
}

#[test]
fn where_no_policy_of_the_store_was_ever_good_the_variable_is_the_last_good_one() {
    let mut world = world();
    put(&world, POLICY_KEY, BAD);
    assert_eq!(get(&Isolate::new(Some(&named("variable"))), &mut world), "variable");
    assert_eq!(logged(&world, "routes[0].access"), 1);
}

#[test]
fn a_last_good_one_that_is_good_no_more_does_not_bring_back_the_variable() {
    let mut world = world();
    put(&world, POLICY_KEY, BAD);
    put(&world, LAST_GOOD_KEY, "{}");
    assert_eq!(get(&Isolate::new(Some(&named("variable"))), &mut world), "none");
}

#[test]
fn a_bad_variable_is_no_policy() {
    let mut world = world();
    assert_eq!(get(&Isolate::new(Some(BAD)), &mut world), "none");
    assert_eq!(logged(&world, "the variable POLICY is rejected: invalid policy:\n  routes[0].access"), 1);
}

#[test]
fn a_new_policy_comes_into_force_behind_a_response_within_a_minute() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    put(&world, POLICY_KEY, &named("b"));
    world.pass(MINUTE - 1);
    for _ in 0..3 {
        assert_eq!(get(&isolate, &mut world), "a");
    }
    world.pass(1);
    assert_eq!(get(&isolate, &mut world), "a", "it is not waited for");
    assert_eq!(get(&isolate, &mut world), "b");
    assert_eq!(at(&world, LAST_GOOD_KEY), Some(named("b")));
    assert_eq!(*world.shared.log.borrow(), ["a new policy is in force"]);
}

#[test]
fn an_isolate_that_had_no_requests_asks_before_it_decides() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    put(&world, POLICY_KEY, &named("b"));
    world.pass(STALE);
    assert_eq!(get(&isolate, &mut world), "b");
}

#[test]
fn a_store_that_fails_later_changes_nothing_however_long() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    world.shared.policies_fail.set(true);
    put(&world, POLICY_KEY, &named("b"));
    let before = world.shared.policy_reads.get();
    for _ in 0..1000 {
        world.pass(1);
        assert_eq!(get(&isolate, &mut world), "a");
    }
    let reads = world.shared.policy_reads.get() - before;
    assert!((90..=100).contains(&reads), "one try in ten seconds: {reads}");
    world.shared.policies_fail.set(false);
    world.pass(10);
    assert_eq!(get(&isolate, &mut world), "a", "it is not waited for");
    assert_eq!(get(&isolate, &mut world), "b");
}

#[test]
fn a_store_that_hangs_holds_up_the_request_that_finds_it_out_and_no_other() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    world.shared.policies_reply_ms.set(600_000);
    world.pass(STALE);
    let held_up = |world: &mut World| {
        let before = world.platform().now();
        assert_eq!(isolate.get(world, "/", &[]), "a");
        world.platform().now().since(before)
    };
    assert_eq!(held_up(&mut world), 5000);
    for _ in 0..1000 {
        world.pass(1);
        assert_eq!(held_up(&mut world), 0);
    }
}

#[test]
fn a_store_that_failed_a_while_ago_is_asked_first() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    world.shared.policies_fail.set(true);
    world.pass(STALE);
    assert_eq!(get(&isolate, &mut world), "a");
    world.shared.policies_fail.set(false);
    put(&world, POLICY_KEY, &named("b"));
    world.pass(MINUTE);
    assert_eq!(get(&isolate, &mut world), "b");
}

#[test]
fn a_clock_that_went_back_makes_one_request_ask_first() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    world.set_clock(NOW - 3600);
    put(&world, POLICY_KEY, &named("b"));
    assert_eq!(get(&isolate, &mut world), "b");
    let reads = world.shared.policy_reads.get();
    for _ in 0..10 {
        assert_eq!(get(&isolate, &mut world), "b");
    }
    assert_eq!(world.shared.policy_reads.get(), reads);
}

#[test]
fn a_bad_policy_is_refused_and_logged_once_and_a_good_one_after_it_comes_into_force() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    get(&isolate, &mut world);
    let huge = format!("{}{}", named("huge"), " ".repeat(MAX_POLICY_BYTES));
    let unusable = json!({"version": 1, "origin": "https://o", "routes": [{"path": "/", "audience": "*"}],
        "issuers": {"i": {"issuer": "i", "jwks": {"keys": [off_the_curve()]}}}});
    for (bad, reason) in [
        (BAD, "policy is rejected: invalid policy:\n  routes[0].access"),
        ("", "policy is rejected: invalid policy:\n  expected a policy document in JSON"),
        (huge.as_str(), "invalid policy: expected at most 3145728 bytes"),
        (&unusable.to_string(), "issuers.i.jwks: expected a key that WebCrypto can import"),
    ] {
        put(&world, POLICY_KEY, bad);
        for _ in 0..20 {
            world.pass(MINUTE);
            assert_eq!(get(&isolate, &mut world), "a");
        }
        assert_eq!(logged(&world, reason), 1, "{reason}");
        assert_eq!(at(&world, LAST_GOOD_KEY), Some(named("a")));
    }
    put(&world, POLICY_KEY, &named("b"));
    world.pass(STALE);
    assert_eq!(get(&isolate, &mut world), "b");
}

fn off_the_curve() -> serde_json::Value {
    let mut key = public("p256");
    key["x"] = key["y"].clone();
    key
}

#[test]
fn a_policy_that_is_taken_away_stays_in_force() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(Some(&named("variable")));
    get(&isolate, &mut world);
    world.shared.policies.borrow_mut().clear();
    for _ in 0..5 {
        world.pass(STALE);
        assert_eq!(get(&isolate, &mut world), "a");
    }
    assert_eq!(logged(&world, "no policy any more"), 1);
}

#[test]
fn one_look_at_a_time_is_under_way_behind_responses_and_none_awaits_anothers() {
    let mut world = world();
    put(&world, POLICY_KEY, BAD);
    put(&world, LAST_GOOD_KEY, &named("a"));
    world.shared.policies_reply_ms.set(50);
    let isolate = Isolate::new(None);
    let many = |world: &mut World, isolate: &Isolate| {
        let requests: Vec<_> = (0..10).map(|_| isolate.start(world, "/", &[])).collect();
        let answers = world.run(join_all(requests));
        world.settle();
        answers
    };
    assert_eq!(many(&mut world, &isolate), ["a"; 10]);
    assert_eq!(world.shared.policy_reads.get(), 20, "each reads for itself while there is no policy");
    assert_eq!(logged(&world, "routes[0].access"), 1, "and the text is read once");
    put(&world, POLICY_KEY, &named("b"));
    world.pass(MINUTE);
    let before = world.shared.policy_reads.get();
    assert_eq!(many(&mut world, &isolate), ["a"; 10]);
    assert_eq!(world.shared.policy_reads.get() - before, 2, "the policy, and whether it is kept");
    assert_eq!(many(&mut world, &isolate), ["b"; 10]);
}

#[test]
fn an_answer_that_comes_late_undoes_no_newer_one() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    world.shared.policies_reply_ms.set(500);
    let isolate = Isolate::new(None);
    let late = isolate.start(&world, "/", &[]);
    let (platform, looks, shared) = (world.platform(), isolate.clone(), Rc::clone(&world.shared));
    let newer = async move {
        platform.sleep(100).await;
        shared.policies.borrow_mut().insert(POLICY_KEY.to_owned(), named("b"));
        shared.policies_reply_ms.set(10);
        looks.check(&platform).await;
    };
    let (answer, ()) = world.run(futures_util::future::join(late, newer));
    assert_eq!((answer.as_str(), get(&isolate, &mut world).as_str()), ("b", "b"));
}

#[test]
fn a_store_that_fails_for_the_last_good_one_does_not_bring_back_an_older_policy() {
    let mut world = world();
    put(&world, POLICY_KEY, BAD);
    world.shared.policies_reply_ms.set(10);
    let isolate = Isolate::new(Some(&named("variable")));
    let request = isolate.start(&world, "/", &[]);
    let (platform, shared) = (world.platform(), Rc::clone(&world.shared));
    let outage = async move {
        platform.sleep(15).await;
        shared.policies_fail.set(true);
    };
    let (answer, ()) = world.run(futures_util::future::join(request, outage));
    assert_eq!(answer, "none");
}

#[test]
fn another_instance_of_the_isolate_goes_on_with_what_was_in_force() {
    let mut world = world();
    let isolate = Isolate::after(Some(&named("variable")), Some(&named("a")));
    world.shared.policies_fail.set(true);
    assert_eq!(get(&isolate, &mut world), "a");
    world.shared.policies_fail.set(false);
    put(&world, POLICY_KEY, &named("b"));
    world.pass(MINUTE);
    assert_eq!(get(&isolate, &mut world), "b");
}

/// A policy with an issuer that is discovered, and this member of the issuer.
fn with_tokens(name: &str, issuer: &str) -> String {
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{"first":{{"issuer":"https://other"}},
            "logto":{{"issuer":"{ISSUER}","jwks_ttl":86400{issuer}}}}},
            "routes":[{{"path":"/","audience":"*","name":"{name}"}}]}}"#
    )
}

fn with_issuer() -> (World, String) {
    let world = world();
    keys_are_at(&world, JWKS);
    world.document_at(JWKS, &key_set(&["p384"]), None);
    let token = Token::default().claim("exp", json!(NOW + 1_000_000)).signed_with("p384", "ES384").sign();
    (world, format!("Bearer {token}"))
}

#[test]
fn the_keys_of_an_issuer_that_stays_the_same_stay_at_hand_and_tokens_are_verified_anew() {
    let (mut world, token) = with_issuer();
    let headers = [("authorization", token.as_str())];
    put(&world, POLICY_KEY, &with_tokens("a", ""));
    let isolate = Isolate::new(None);
    assert_eq!(isolate.get(&mut world, "/", &headers), "a");
    world.settle();
    let mut known = (world.fetches(), world.shared.store_reads.get(), world.shared.verifications.get());
    assert_eq!(known, (2, 1, 1));

    world.pass(STALE);
    assert_eq!(isolate.get(&mut world, "/", &headers), "a");
    let now = (world.fetches(), world.shared.store_reads.get(), world.shared.verifications.get());
    assert_eq!(now, known, "the text is the same, so nothing is made anew");

    // Another name and place in the document, another leeway: the keys are where they were.
    put(
        &world,
        POLICY_KEY,
        &with_tokens("b", r#","leeway":7"#).replace("\"first\":{\"issuer\":\"https://other\"},", ""),
    );
    world.pass(STALE);
    known.2 += 1;
    for _ in 0..2 {
        assert_eq!(isolate.get(&mut world, "/", &headers), "b");
        let now = (world.fetches(), world.shared.store_reads.get(), world.shared.verifications.get());
        assert_eq!(now, known);
    }
}

#[test]
fn the_keys_of_an_issuer_whose_keys_are_elsewhere_are_not_used_on() {
    let (mut world, token) = with_issuer();
    let headers = [("authorization", token.as_str())];
    let elsewhere = "https://elsewhere/jwks";
    world.document_at(elsewhere, &key_set(&["ed"]), None);
    put(&world, POLICY_KEY, &with_tokens("a", ""));
    let isolate = Isolate::new(None);
    assert_eq!(isolate.get(&mut world, "/", &headers), "a");
    for issuer in [format!(r#","jwks_uri":"{elsewhere}""#), format!(r#","jwks":{}"#, key_set(&["ed"]))] {
        put(&world, POLICY_KEY, &with_tokens("b", &issuer));
        world.pass(STALE);
        assert_eq!(isolate.get(&mut world, "/", &headers), "401 auth.invalid_token", "{issuer}");
    }
}

#[test]
fn issuers_that_publish_at_one_place_do_not_share_what_is_known_of_one() {
    let (mut world, token) = with_issuer();
    let headers = [("authorization", token.as_str())];
    let at = format!(r#","jwks_uri":"{JWKS}""#);
    put(&world, POLICY_KEY, &with_tokens("a", &at).replace(&format!(r#""{ISSUER}""#), r#""urn:former""#));
    let isolate = Isolate::new(None);
    let former = Token::default().claim("iss", json!("urn:former")).claim("exp", json!(NOW + 1_000_000));
    let former = format!("Bearer {}", former.signed_with("p384", "ES384").sign());
    assert_eq!(isolate.get(&mut world, "/", &[("authorization", former.as_str())]), "a");
    put(&world, POLICY_KEY, &with_tokens("b", &at));
    world.pass(STALE);
    let fetches = world.fetches();
    assert_eq!(isolate.get(&mut world, "/", &headers), "b");
    assert_eq!(world.fetches() - fetches, 1);
}

#[test]
fn a_stricter_issuer_is_strict_at_once() {
    let (mut world, token) = with_issuer();
    let headers = [("authorization", token.as_str())];
    put(&world, POLICY_KEY, &with_tokens("a", ""));
    let isolate = Isolate::new(None);
    assert_eq!(isolate.get(&mut world, "/", &headers), "a");
    for issuer in [r#","algorithms":["ES256"]"#, r#","types":["other"]"#] {
        put(&world, POLICY_KEY, &with_tokens("b", issuer));
        world.pass(STALE);
        assert_eq!(isolate.get(&mut world, "/", &headers), "401 auth.invalid_token", "{issuer}");
    }
}

#[test]
fn a_request_under_way_ends_under_the_policy_that_it_began_with() {
    let (mut world, token) = with_issuer();
    let headers = [("authorization", token.as_str())];
    put(&world, POLICY_KEY, &with_tokens("a", ""));
    let isolate = Isolate::new(None);
    let platform = world.platform();
    let looks = isolate.clone();
    world.run(async move { looks.check(&platform).await });
    world.document_at(JWKS, &key_set(&["p384"]), None);
    world.answer_at(support::issuer::METADATA, 900, Ok(metadata()));
    put(&world, POLICY_KEY, &named("b"));
    let under_way = isolate.start(&world, "/", &headers);
    let (platform, looks) = (world.platform(), isolate.clone());
    let change = async move {
        platform.sleep(100).await;
        looks.check(&platform).await;
        looks.rollout.in_force().unwrap().text().to_owned()
    };
    let (answer, in_force) = world.run(futures_util::future::join(under_way, change));
    assert_eq!((answer.as_str(), in_force), ("a", named("b")));
    assert_eq!(get(&isolate, &mut world), "b");
}

fn metadata() -> portcullis::platform::Fetched {
    let body = json!({"issuer": ISSUER, "jwks_uri": JWKS}).to_string();
    portcullis::platform::Fetched::Document { body, etag: None, cache_control: None }
}

#[test]
fn many_first_requests_find_one_last_good_policy() {
    let (mut world, token) = with_issuer();
    put(&world, POLICY_KEY, BAD);
    put(&world, LAST_GOOD_KEY, &with_tokens("a", ""));
    world.shared.policies_reply_ms.set(10);
    let isolate = Isolate::new(None);
    let headers = [("authorization", token.as_str())];
    let requests: Vec<_> = (0..20).map(|_| isolate.start(&world, "/", &headers)).collect();
    let answers = world.run(join_all(requests));
    world.settle();
    assert!(answers.iter().all(|answer| answer == "a"), "{answers:?}");
    assert_eq!(logged(&world, "a new policy is in force"), 0);
    assert!(world.fetches() <= 4, "metadata and keys, twice at the most: {}", world.fetches());
}

#[test]
fn a_look_that_confirms_what_is_in_force_outruns_an_earlier_one() {
    use portcullis::platform::Runtime;
    let mut world = world();
    put(&world, POLICY_KEY, &named("a"));
    let isolate = Isolate::new(None);
    assert_eq!(get(&isolate, &mut world), "a");
    world.shared.policies_reply_ms.set(100);
    put(&world, POLICY_KEY, &named("b"));
    let (slow, platform) = (isolate.clone(), world.platform());
    let slow = async move { slow.check(&platform).await };
    let (shared, quick, platform) = (std::rc::Rc::clone(&world.shared), isolate.clone(), world.platform());
    let quick = async move {
        platform.sleep(10).await;
        shared.policies.borrow_mut().insert(POLICY_KEY.to_owned(), named("a"));
        shared.policies_reply_ms.set(10);
        quick.check(&platform).await;
    };
    world.run(futures_util::future::join(slow, quick));
    world.settle();
    assert_eq!(get(&isolate, &mut world), "a");
}

#[test]
fn the_cron_puts_a_last_good_policy_right_that_an_isolate_behind_its_time_kept() {
    let mut world = world();
    put(&world, POLICY_KEY, &named("new"));
    let isolate = Isolate::new(None);
    assert_eq!(get(&isolate, &mut world), "new");
    put(&world, LAST_GOOD_KEY, &named("old"));
    let (rollout, platform) = (std::rc::Rc::clone(&isolate.rollout), world.platform());
    world.run(async move { rollout.confirm(&platform).await });
    assert_eq!(at(&world, LAST_GOOD_KEY), Some(named("new")));
    // What is in force is not confirmed by a store that holds something else.
    put(&world, POLICY_KEY, BAD);
    world.pass(MINUTE);
    get(&isolate, &mut world);
    put(&world, LAST_GOOD_KEY, &named("newer"));
    let (rollout, platform) = (std::rc::Rc::clone(&isolate.rollout), world.platform());
    world.run(async move { rollout.confirm(&platform).await });
    assert_eq!(at(&world, LAST_GOOD_KEY), Some(named("newer")));
}
