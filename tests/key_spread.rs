//! Isolates that took the same key set from the store do not all refresh it at the same second.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]
#![allow(missing_docs, reason = "a test that panics has failed")]

mod support;

use std::collections::HashMap;

use serde_json::json;
use support::issuer::{JWKS, keys_are_at, policy};
use support::token::key_set;
use support::{NOW, Token, World, outcome};

const ISOLATES: usize = 200;
const TTL: usize = 60;

#[test]
fn refreshes_are_spread() {
    let (together, spread) = (fetches_in_the_worst_second(false), fetches_in_the_worst_second(true));
    assert!(together >= ISOLATES / 2, "without randomness they come together: {together}");
    assert!(spread <= ISOLATES / 8, "with it they do not: {spread}");
}

/// Of isolates that all read the store's set in the same second and have a request in each second from then on.
fn fetches_in_the_worst_second(is_random: bool) -> usize {
    let policy = policy(&format!(r#","jwks_ttl":{TTL}"#));
    let mut world = World::new(&policy);
    world.document_at(JWKS, &key_set(&["p256"]), None);
    keys_are_at(&world, JWKS);
    if is_random {
        *world.shared.randomness.borrow_mut() = Some(Box::new(draws()));
    }
    world.shared.trusts.set(true);
    let token = Token::default().claim("exp", json!(NOW + 3600)).signed_with("p256", "ES256").sign();
    world.get("/", &token);
    world.settle();
    let sites: Vec<_> = std::iter::repeat_with(|| {
        world.start_beside(&policy);
        assert_eq!(outcome(&world.get("/", &token)), "allow");
        world.site()
    })
    .take(ISOLATES)
    .collect();

    let mut fetches_by_second = HashMap::<u64, usize>::new();
    for _ in 0..2 * TTL {
        let (second, before) = (world.time(), world.fetches());
        for site in &sites {
            world.go_to(site);
            assert_eq!(outcome(&world.get("/", &token)), "allow");
        }
        *fetches_by_second.entry(second).or_default() += world.fetches() - before;
        world.pass(1);
    }
    fetches_by_second.into_values().max().unwrap()
}

/// A linear congruential generator (Knuth's MMIX), so that each run is the same.
fn draws() -> impl FnMut() -> u32 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 32).unwrap()
    }
}
