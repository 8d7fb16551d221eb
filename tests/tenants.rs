//! Issuers with tenants: each tenant's `iss` is compared exactly, and they share one key set.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::denial::{Denial, InvalidToken};
use serde_json::json;
use support::token::key_set;
use support::{Token, World, allowed, denied};

const KEYS: &str = "https://login.example.com/common/keys";

/// A policy with these tenants, and `"x-auth-issuer"` for the origin.
fn policy(tenants: &[&str]) -> String {
    json!({
        "version": 1, "origin": "https://o",
        "issuers": {"entra": {"issuer": "https://login.example.com/{tenant}/v2.0", "tenants": tenants, "jwks_uri": KEYS}},
        "routes": [{"path": "/", "audience": "https://api.example.com"}],
    })
    .to_string()
}

fn world(tenants: &[&str]) -> World {
    let world = World::new(&policy(tenants));
    world.document_at(KEYS, &key_set(&["p384"]), None);
    world
}

fn token(iss: &str) -> String {
    Token::default().claim("iss", json!(iss)).sign()
}

fn of(tenant: &str) -> String {
    token(&format!("https://login.example.com/{tenant}/v2.0"))
}

#[test]
fn the_tokens_of_all_tenants_are_verified_with_one_key_set() {
    let mut world = world(&["b", "a", "c"]);
    for tenant in ["a", "b", "c", "a"] {
        let sent = allowed(world.get("/", &of(tenant)));
        let issuer = format!("https://login.example.com/{tenant}/v2.0");
        assert!(sent.set.contains(&("x-auth-issuer".to_owned(), issuer)), "{tenant}: {:?}", sent.set);
    }
    assert_eq!(*world.shared.fetches.borrow(), [(KEYS.to_owned(), None)]);
    let store = world.shared.store.borrow();
    let stored = &store["jwks:v1:https://login.example.com/{tenant}/v2.0"];
    let entry: serde_json::Value = serde_json::from_str(&stored.text).unwrap();
    assert_eq!(entry["issuer"], "https://login.example.com/{tenant}/v2.0");
}

#[test]
fn any_other_iss_is_an_issuer_that_the_route_does_not_accept_and_causes_no_fetch() {
    let mut world = world(&["a", "b"]);
    for iss in [
        "https://login.example.com/c/v2.0",
        "https://login.example.com/{tenant}/v2.0",
        "https://login.example.com/A/v2.0",
        "https://login.example.com/a/v2.0/",
        "https://login.example.com/a/b/v2.0",
        "https://login.example.com//v2.0",
        "https://login.example.com/v2.0",
        "https://login.example.com/",
        "a",
        "",
    ] {
        let denial = denied(world.get("/", &token(iss)));
        assert_eq!(denial, Denial::InvalidToken(InvalidToken::Issuer), "{iss}");
    }
    assert_eq!(*world.shared.fetches.borrow(), []);
    assert_eq!(world.shared.store_reads.get(), 0);
}

#[test]
fn a_tenant_that_is_taken_away_is_refused_at_once_and_keys_stay() {
    let mut world = world(&["a", "b"]);
    for tenant in ["a", "b", "a", "b"] {
        allowed(world.get("/", &of(tenant)));
    }
    world.succeed(&policy(&["b"]));
    assert_eq!(denied(world.get("/", &of("a"))), Denial::InvalidToken(InvalidToken::Issuer));
    allowed(world.get("/", &of("b")));
    assert_eq!(world.shared.fetches.borrow().len(), 1);
}

#[test]
fn metadata_for_everyone_does_not_list_the_tenants() {
    let with_resource = policy(&["a"]).replacen('{', r#"{"resources":{"https://api.example.com":{}},"#, 1);
    let errors = portcullis::policy::Policy::parse(&with_resource).unwrap_err();
    assert_eq!(errors[0].place.to_string(), "resources.\"https://api.example.com\"");
}
