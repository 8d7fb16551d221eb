//! The scheduled refresh of many issuers: within the platform's limits, the oldest sets first.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use portcullis::platform::{Fetched, Stored};
use serde_json::{Value, json};
use support::token::key_set;
use support::{NOW, World};

/// Below the 50 subrequests that Workers allow for an invocation.
const MAX_FETCHES: usize = 45;

/// A policy with these issuers: `iss`, and where their keys are, unless that is discovered.
fn policy(issuers: &[(String, Option<String>)]) -> String {
    let issuers: BTreeMap<String, Value> = issuers
        .iter()
        .enumerate()
        .map(|(number, (iss, uri))| {
            let issuer = match uri {
                Some(uri) => json!({"issuer": iss, "jwks_uri": uri}),
                None => json!({"issuer": iss}),
            };
            (format!("i{number:03}"), issuer)
        })
        .collect();
    json!({"version": 1, "origin": "https://o", "issuers": issuers, "routes": [{"path": "/", "audience": "a"}]})
        .to_string()
}

/// Tenants of a provider, each with its discovery document and keys.
fn tenants(count: usize) -> Vec<(String, Option<String>)> {
    (0..count).map(|number| (format!("https://t{number}.example.com/oidc"), None)).collect()
}

/// Issuers with one key set.
fn sharing(uri: &str, count: usize) -> Vec<(String, Option<String>)> {
    (0..count).map(|number| (format!("https://login.example.com/{number}/v2.0"), Some(uri.to_owned()))).collect()
}

fn world(issuers: &[(String, Option<String>)]) -> World {
    let world = World::new(&policy(issuers));
    for (iss, uri) in issuers {
        let jwks_uri = uri.clone().unwrap_or_else(|| format!("{iss}/jwks"));
        let metadata = json!({"issuer": iss, "jwks_uri": jwks_uri}).to_string();
        world.document_at(&format!("{iss}/.well-known/openid-configuration"), &metadata, None);
        world.document_at(&jwks_uri, &key_set(&["p384"]), Some("\"v1\""));
    }
    world
}

/// A run of the schedule. Returns the number of fetches, and the issuers whose entry in the store is of this run.
fn run(world: &mut World) -> (usize, BTreeSet<String>) {
    world.pass(300);
    let (before, now) = (world.fetches(), world.time());
    world.refresh_all();
    (world.fetches() - before, fetched_since(world, now))
}

fn fetched_since(world: &World, time: u64) -> BTreeSet<String> {
    let store = world.shared.store.borrow();
    let entries = store.iter().filter_map(|(key, stored)| Some((key.strip_prefix("jwks:v1:")?, stored)));
    let is_new = |stored: &Stored| {
        let entry: Value = serde_json::from_str(&stored.text).unwrap();
        entry["fetched_at"].as_u64().unwrap() >= time
    };
    entries.filter(|(_, stored)| is_new(stored)).map(|(issuer, _)| issuer.to_owned()).collect()
}

#[test]
fn runs_share_what_one_may_not_fetch() {
    let issuers = tenants(60);
    let mut world = world(&issuers);
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        // Each run may be in another isolate.
        world.restart(&policy(&issuers));
        let (fetches, refreshed) = run(&mut world);
        assert!(fetches <= MAX_FETCHES, "{fetches}");
        assert!(seen.len() == 60 || refreshed.len() == 22, "{}", refreshed.len());
        seen.extend(refreshed);
    }
    assert_eq!(seen.len(), 60, "three runs of 22 issuers are enough");
    // The oldest are refreshed first, so no set is ever older than three runs.
    for _ in 0..12 {
        world.restart(&policy(&issuers));
        run(&mut world);
        assert_eq!(fetched_since(&world, world.time() - 3 * 300).len(), 60);
    }
}

#[test]
fn the_oldest_set_comes_first_and_one_that_is_missing_before_it() {
    let issuers = tenants(40);
    let mut world = world(&issuers);
    let ages = |number: usize| (number * 37 % 40) as u64;
    for (number, (iss, _)) in issuers.iter().enumerate().skip(1) {
        let keys: Value = serde_json::from_str(&key_set(&["p384"])).unwrap();
        let entry = json!({"version": 1, "issuer": iss, "jwks_uri": format!("{iss}/jwks"),
            "fetched_at": NOW - 100 - ages(number), "keys": keys["keys"]});
        let stored = Stored { text: entry.to_string(), metadata: "{}".to_owned() };
        world.shared.store.borrow_mut().insert(format!("jwks:v1:{iss}"), stored);
    }
    let (_, refreshed) = run(&mut world);
    let expected: BTreeSet<String> = issuers
        .iter()
        .enumerate()
        .filter(|(number, _)| *number == 0 || ages(*number) >= 40 - 21)
        .map(|(_, (iss, _))| iss.clone())
        .collect();
    assert_eq!(refreshed, expected);
}

#[test]
fn issuers_that_are_down_do_not_keep_the_others_waiting() {
    let issuers = tenants(60);
    let mut world = world(&issuers);
    for (iss, _) in issuers.iter().take(30) {
        world.fails_at(&format!("{iss}/.well-known/openid-configuration"), 5);
    }
    for _ in 0..3 {
        world.restart(&policy(&issuers));
        run(&mut world);
    }
    assert_eq!(fetched_since(&world, NOW).len(), 30, "all others were refreshed");
    // One that is back is refreshed in its turn.
    let back = &issuers[0].0;
    let metadata = json!({"issuer": back, "jwks_uri": format!("{back}/jwks")}).to_string();
    world.document_at(&format!("{back}/.well-known/openid-configuration"), &metadata, None);
    for _ in 0..3 {
        world.restart(&policy(&issuers));
        run(&mut world);
    }
    assert!(fetched_since(&world, NOW).contains(back));
}

#[test]
fn without_a_store_an_isolate_goes_by_what_it_remembers() {
    let issuers = tenants(60);
    let mut world = world(&issuers);
    world.shared.store_fails.set(true);
    let mut asked = BTreeSet::new();
    for _ in 0..3 {
        run(&mut world);
    }
    for (url, _) in world.shared.fetches.borrow().iter() {
        asked.insert(url.clone());
    }
    assert_eq!(asked.len(), 120);
}

#[test]
fn a_key_set_of_several_issuers_is_fetched_once() {
    let uri = "https://login.example.com/common/keys";
    let issuers = sharing(uri, 60);
    let mut world = world(&issuers);
    for _ in 0..2 {
        let (fetches, refreshed) = run(&mut world);
        assert_eq!((fetches, refreshed.len()), (1, 60));
    }
    // A new issuer has no cached copy, so the others' entity tag must not be sent.
    assert!(world.shared.fetches.borrow().iter().all(|(_, etag)| etag.is_none()));
    let more = [issuers, tenants(22)].concat();
    world.restart(&policy(&more));
    let (fetches, _) = run(&mut world);
    assert!(fetches > 1 && fetches <= MAX_FETCHES, "{fetches}");
}

#[test]
fn a_key_set_that_several_issuers_publish_is_fetched_once() {
    let issuers: Vec<_> = (0..20).map(|number| (format!("https://token.example.com/{number}"), None)).collect();
    let mut world = world(&issuers);
    let uri = "https://keys.example.com/common";
    world.document_at(uri, &key_set(&["p384"]), None);
    for (iss, _) in &issuers {
        let metadata = json!({"issuer": iss, "jwks_uri": uri}).to_string();
        world.document_at(&format!("{iss}/.well-known/openid-configuration"), &metadata, None);
    }
    assert_eq!(run(&mut world), (21, issuers.iter().map(|(iss, _)| iss.clone()).collect()));
}

#[test]
fn one_issuer_is_asked_with_its_entity_tag() {
    let issuers = vec![("https://a.example.com".to_owned(), Some("https://a.example.com/jwks".to_owned()))];
    let mut world = world(&issuers);
    run(&mut world);
    run(&mut world);
    let tags: Vec<Option<String>> = world.shared.fetches.borrow().iter().map(|(_, etag)| etag.clone()).collect();
    assert_eq!(tags, [None, Some("\"v1\"".to_owned())]);
}

#[test]
fn a_run_reads_no_more_of_the_store_than_it_may() {
    let issuers = tenants(1200);
    let mut world = world(&issuers);
    world.shared.randomness.replace(Some(Box::new(|| 1_000)));
    let (fetches, refreshed) = run(&mut world);
    assert_eq!((fetches, refreshed.len()), (44, 22));
    let operations = world.shared.store_reads.get() + refreshed.len() + 1;
    assert!(operations < 1000, "{operations}");
    // The part of the issuers that is read begins anywhere, so that all have their turn.
    assert!(!refreshed.contains("https://t0.example.com/oidc"), "{refreshed:?}");
}

#[test]
fn issuers_that_share_a_key_set_wait_for_it_as_long_as_the_most_patient() {
    let uri = "https://login.example.com/common/keys";
    let issuer = |name: &str, timeout_ms: u32| json!({"issuer": name, "jwks_uri": uri, "timeout_ms": timeout_ms});
    let issuers = json!({"a": issuer("hasty", 50), "b": issuer("patient", 5000), "c": issuer("medium", 200)});
    let routes = json!([{"path": "/", "audience": "a"}]);
    let policy = json!({"version": 1, "origin": "https://o", "issuers": issuers, "routes": routes}).to_string();
    let mut world = World::new(&policy);
    let keys = Fetched::Document { body: key_set(&["p384"]), etag: None, cache_control: None };
    world.answer_at(uri, 300, Ok(keys));
    let (fetches, refreshed) = run(&mut world);
    assert_eq!((fetches, refreshed.len()), (1, 3), "{:?}", world.shared.log.borrow());
}

#[test]
fn no_more_fetches_are_open_than_the_platform_has_connections() {
    let issuers = tenants(20);
    let mut world = world(&issuers);
    for (iss, _) in issuers.iter().take(6) {
        world.fails_at(&format!("{iss}/.well-known/openid-configuration"), 60_000);
    }
    let (_, refreshed) = run(&mut world);
    assert_eq!(refreshed.len(), 14, "those that hang take no time of the others");
    assert_eq!(world.shared.open_fetches.get(), (0, 6));
}

#[test]
fn a_run_writes_no_more_entries_than_it_may() {
    let uri = "https://login.example.com/common/keys";
    let issuers = sharing(uri, 400);
    let mut world = world(&issuers);
    let mut seen = BTreeSet::new();
    for expected in [150, 300, 400] {
        let (fetches, refreshed) = run(&mut world);
        assert_eq!((fetches, refreshed.len()), (1, 150));
        seen.extend(refreshed);
        assert_eq!(seen.len(), expected);
    }
}

/// The times of the store's entries for an issuer, each run of the schedule five minutes after the last.
fn written_at(ttl: u64, runs: usize, mut between: impl FnMut(usize, &World)) -> Vec<u64> {
    let issuers = tenants(1);
    let mut policy: Value = serde_json::from_str(&policy(&issuers)).unwrap();
    policy["issuers"]["i000"]["jwks_ttl"] = json!(ttl);
    let mut world = world(&issuers);
    let mut times = Vec::new();
    for turn in 0..runs {
        world.restart(&policy.to_string());
        between(turn, &world);
        let (fetches, _) = run(&mut world);
        assert_eq!(fetches, 2, "the issuer is asked in every run");
        let store = world.shared.store.borrow();
        let entry: Value = serde_json::from_str(&store[&format!("jwks:v1:{}", issuers[0].0)].text).unwrap();
        times.push((entry["fetched_at"].as_u64().unwrap() - NOW) / 300);
    }
    times
}

#[test]
fn a_set_is_written_again_once_a_third_of_its_time_is_over() {
    assert_eq!(written_at(600, 4, |_, _| ()), [1, 2, 3, 4]);
    assert_eq!(written_at(3600, 9, |_, _| ()), [1, 1, 1, 1, 5, 5, 5, 5, 9]);
}

#[test]
fn what_is_new_or_cannot_be_used_is_written_at_once() {
    let jwks = "https://t0.example.com/oidc/jwks";
    let key = "jwks:v1:https://t0.example.com/oidc";
    let other_keys = |turn, world: &World| {
        let keys = if turn < 2 { key_set(&["p384"]) } else { key_set(&["p384", "p256"]) };
        world.document_at(jwks, &keys, Some("\"v1\""));
    };
    assert_eq!(written_at(3600, 4, other_keys), [1, 1, 3, 3]);
    let other_tag =
        |turn, world: &World| world.document_at(jwks, &key_set(&["p384"]), Some(&format!("\"v{}\"", turn / 2)));
    assert_eq!(written_at(3600, 4, other_tag), [1, 1, 3, 3]);
    let broken = |turn, world: &World| {
        if turn == 2 {
            world.shared.store.borrow_mut().get_mut(key).unwrap().text = "{".to_owned();
        }
    };
    assert_eq!(written_at(3600, 4, broken), [1, 1, 3, 3]);
    let from_the_future = |turn, world: &World| {
        let mut store = world.shared.store.borrow_mut();
        if turn == 2 {
            let stored = store.get_mut(key).unwrap();
            let mut entry: Value = serde_json::from_str(&stored.text).unwrap();
            entry["fetched_at"] = json!(NOW + 1_000_000);
            stored.text = entry.to_string();
        }
    };
    assert_eq!(written_at(3600, 4, from_the_future), [1, 1, 3, 3]);
}
