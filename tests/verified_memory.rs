//! What verified tokens take of memory is what is counted of it, whatever a payload is made of. This file counts what the
//! allocator gives, so it has one test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(missing_docs, reason = "a test that panics has failed")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use support::{Token, World, policy};

static GIVEN: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[expect(unsafe_code, reason = "the trait is; both calls pass on what they were given")]
// SAFETY: the system's allocator keeps the contract, and gets every call as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        GIVEN.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        GIVEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TOKENS: usize = 50;

#[test]
fn what_is_counted_is_what_is_taken() {
    let large = |value: serde_json::Value| json!(vec![value; 600]);
    let letters: String = "a ".repeat(1500);
    for (what, claim, value) in [
        ("nothing more", "x", json!(1)),
        ("numbers", "x", large(json!(0))),
        ("objects", "x", large(json!({"a": 0}))),
        ("arrays", "x", large(json!([0]))),
        ("short strings", "x", large(json!("a"))),
        ("one long string", "x", json!("a".repeat(4000))),
        ("scopes", "scope", json!(letters)),
    ] {
        let mut world = World::new(&policy(r#"[{"path":"/","audience":"*"}]"#));
        world.shared.trusts.set(true);
        let tokens: Vec<String> = (0..TOKENS)
            .map(|i| {
                Token::default()
                    .claim("jti", json!(format!("{i}")))
                    .claim(claim, value.clone())
                    .signed_with("ed", "EdDSA")
                    .sign()
            })
            .collect();
        let get = |world: &mut World, token: &str| assert_eq!(support::outcome(&world.get("/", token)), "allow");
        get(&mut world, &Token::default().signed_with("ed", "EdDSA").sign());
        let (taken, counted) = (GIVEN.load(Ordering::Relaxed), world.kept_bytes());
        tokens.iter().for_each(|token| get(&mut world, token));
        let (taken, counted) = (GIVEN.load(Ordering::Relaxed) - taken, world.kept_bytes() - counted);
        let ratio = taken as f64 / counted as f64;
        assert!((0.6..1.1).contains(&ratio), "{what}: {taken} bytes taken, {counted} counted");
    }
}
