//! Isolates that took the same key set from the store do not all refresh it at the same second. A store like Workers KV
//! shows a write elsewhere with a delay, so for a while no isolate sees that another has refreshed the set already.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(missing_docs, reason = "a test that panics has failed")]

mod support;

use std::collections::HashMap;

use portcullis::platform::Stored;
use serde_json::json;
use support::issuer::{JWKS, STORE_KEY, keys_are_at, policy};
use support::token::key_set;
use support::{NOW, Token, World, outcome};

const ISOLATES: usize = 200;
const TTL: u64 = 60;

/// Seconds until a write is seen everywhere.
const MAX_LAG: u64 = 60;

#[test]
fn refreshes_are_spread() {
    let (together, spread) = (refreshes_in_the_worst_second(false), refreshes_in_the_worst_second(true));
    assert!(together >= ISOLATES / 2, "without randomness they come together: {together}");
    assert!(spread <= together / 4, "with it they do not: {spread} of {together}");
}

/// Of isolates that take the store's set at the same second, each with a request in each second from then on.
fn refreshes_in_the_worst_second(is_random: bool) -> usize {
    let policy = policy(&format!(r#","jwks_ttl":{TTL}"#));
    let mut world = World::new(&policy);
    world.document_at(JWKS, &key_set(&["p256"]), None);
    keys_are_at(&world, JWKS);
    world.shared.trusts.set(true);
    let mut draws = draws();
    if is_random {
        *world.shared.randomness.borrow_mut() = Some(Box::new(self::draws()));
    }
    let token = Token::default().claim("exp", json!(NOW + 3600)).signed_with("p256", "ES256").sign();
    world.get("/", &token);
    world.settle();
    let mut written = vec![(world.time(), stored(&world))];
    let isolates: Vec<_> = (0..ISOLATES)
        .map(|_| {
            world.start_beside(&policy);
            assert_eq!(outcome(&world.get("/", &token)), "allow");
            (world.site(), u64::from(draws()) % MAX_LAG)
        })
        .collect();

    let mut refreshes = HashMap::<u64, usize>::new();
    for _ in 0..3 * TTL {
        let (second, before) = (world.time(), world.fetches());
        for (isolate, lag) in &isolates {
            let seen = written.iter().rfind(|(at, _)| at + lag <= second).unwrap_or(&written[0]).1.clone();
            world.shared.store.borrow_mut().insert(STORE_KEY.to_owned(), seen.clone());
            world.go_to(isolate);
            assert_eq!(outcome(&world.get("/", &token)), "allow");
            world.settle();
            let now = stored(&world);
            if now != seen {
                written.push((second, now));
            }
        }
        // Each refresh asks for the metadata and the keys.
        *refreshes.entry(second).or_default() += (world.fetches() - before) / 2;
        world.set_clock(second + 1);
    }
    refreshes.into_values().max().unwrap()
}

fn stored(world: &World) -> Stored {
    world.shared.store.borrow()[STORE_KEY].clone()
}

/// A linear congruential generator (Knuth's MMIX), so that each run is the same.
fn draws() -> impl FnMut() -> u32 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 32).unwrap()
    }
}
