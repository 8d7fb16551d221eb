//! Key sets by themselves: their limits, what they say of their faults, and what they import.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use futures_executor::block_on;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::key_set::KeySetError;
use portcullis::jose::public_key::PublicKey;
use portcullis::jwks::set::KeyQuery;
use portcullis::jwks::set::{KeySet, Selection};
use portcullis::native::NativeCrypto;
use portcullis::platform::Crypto;
use serde_json::json;
use support::token::{key_set, public};

/// A platform that imports whatever it is given and notes it. An imported key is the algorithm that it is for.
#[derive(Default)]
struct Notary(RefCell<Vec<Algorithm>>);

impl Crypto for Notary {
    type Key = Algorithm;

    async fn import(&self, _: &PublicKey, algorithm: Algorithm) -> Option<Algorithm> {
        self.0.borrow_mut().push(algorithm);
        Some(algorithm)
    }

    async fn verify(&self, _: &Algorithm, _: Algorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

fn parse(text: &str) -> Result<KeySet<Algorithm>, KeySetError> {
    KeySet::parse(text)
}

/// A set of this many keys, in this many bytes.
fn sized(keys: usize, bytes: usize) -> String {
    let text = json!({"keys": vec![public("ed"); keys]}).to_string();
    format!("{text}{}", " ".repeat(bytes.saturating_sub(text.len())))
}

#[test]
fn a_set_at_its_limits_is_one() {
    // The contract's numbers, so that a limit that moves shows.
    assert!(parse(&sized(100, 262_144)).is_ok());
    assert_eq!(parse(&sized(100, 262_145)).err(), Some(KeySetError::TooLarge));
    assert_eq!(parse(&sized(101, 0)).err(), Some(KeySetError::TooManyKeys(101)));
}

#[test]
fn a_set_says_what_is_wrong_with_it() {
    for (text, expected) in [
        (sized(1, 262_145), "the key set is over 262144 bytes"),
        (sized(101, 0), "the key set has 101 keys, more than 100"),
        ("{}".to_owned(), "the key set is not a JSON object with a list \"keys\""),
        (r#"{"keys":[]}"#.to_owned(), "the key set has no usable key"),
    ] {
        assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    }
}

/// The set of these entries.
fn of(entries: &[serde_json::Value]) -> String {
    json!({"keys": entries}).to_string()
}

#[test]
fn a_set_without_a_usable_key_says_why_of_each() {
    let with = |member: &str, value: serde_json::Value| {
        let mut key = public("p256");
        key[member] = value;
        key
    };
    let n = public("rsa")["n"].clone();
    let text = of(&[
        with("use", json!("jwt-svid")),
        with("alg", json!(1)),
        json!({"kty": "RSA", "n": format!("{}=", n.as_str().unwrap()), "e": "AQAB"}),
        json!({"kty": "RSA", "n": &n.as_str().unwrap()[..172], "e": "AQAB"}),
        json!({"kty": "AKP", "pub": "AA"}),
        with("d", json!("AA")),
        json!([]),
        with("key_ops", json!(["sign"])),
        with("x", json!("AA")),
    ]);
    let expected = "the key set has no usable key: keys[0]: use is \"jwt-svid\", not \"sig\"; \
        keys[1]: alg: expected a string; keys[2]: n is no canonical base64url; keys[3]: n has 1032 bits, fewer than 2048; \
        keys[4]: kty \"AKP\" is not known; keys[5]: a private or symmetric key: it has d; keys[6]: expected an object; \
        keys[7]: key_ops: expected a list with \"verify\"; keys[8]: x has 1 bytes, not 32";
    assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    let many = parse(&of(&vec![json!({"kty": "oct"}); 23])).unwrap_err().to_string();
    assert!(many.ends_with("; keys[9]: kty \"oct\" is not known; and 13 more"), "{many}");
}

#[test]
fn a_key_that_the_platform_cannot_import_is_named_by_its_place_in_the_set() {
    // No point of the curve.
    let (off, entries) = (json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)}), [json!(1)]);
    let all = of(&[entries[0].clone(), off.clone()]);
    let error = block_on(KeySet::parse(&all).unwrap().importable(&NativeCrypto)).err().unwrap();
    let expected = "the key set has no usable key: keys[0]: expected an object; keys[1]: the platform cannot import it";
    assert_eq!(error.to_string(), expected);
    let rest = KeySet::parse(&of(&[off, public("p256"), json!(1)])).unwrap();
    let rest = block_on(rest.importable(&NativeCrypto)).unwrap_or_else(|error| panic!("{error}"));
    let passed_over: Vec<String> = rest.passed_over().iter().map(ToString::to_string).collect();
    assert_eq!(passed_over, ["keys[2]: expected an object", "keys[0]: the platform cannot import it"]);
    assert_eq!(rest.keys().filter_map(|key| key.kid.as_deref()).collect::<Vec<_>>(), ["p256"]);
}

#[test]
fn a_key_is_imported_once_for_each_algorithm() {
    let (set, crypto) = (parse(&key_set(&["rsa"])).unwrap(), Notary::default());
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::Ps256] {
        // A key that was imported for RS256 is none for PS256.
        let wanted = KeyQuery { algorithm, kid: Some("rsa".to_owned()) };
        let Selection::Keys(keys) = block_on(set.select(&wanted, &crypto)) else { panic!("no key for {algorithm}") };
        assert_eq!(keys, [Rc::new(algorithm)]);
    }
    assert_eq!(*crypto.0.borrow(), [Algorithm::Rs256, Algorithm::Ps256]);
}

#[test]
fn a_kid_names_the_keys_that_have_exactly_this_one() {
    let mut keys = [public("ed"), public("ed2"), public("ed3")];
    keys[1]["kid"] = json!("ED");
    keys[2].as_object_mut().unwrap().remove("kid");
    let (set, crypto) = (parse(&json!({"keys": keys}).to_string()).unwrap(), Notary::default());
    let chosen = |kid: &str| {
        let wanted = KeyQuery { algorithm: Algorithm::EdDsa, kid: Some(kid.to_owned()) };
        match block_on(set.select(&wanted, &crypto)) {
            Selection::Keys(keys) => keys.len(),
            Selection::Ambiguous | Selection::Unknown => 0,
        }
    };
    // A key without one is nobody's who names one.
    for (kid, count) in [("ed", 1), ("ED", 1), ("Ed", 0), ("e", 0), ("ed2", 0), ("", 0)] {
        assert_eq!(chosen(kid), count, "{kid}");
    }
}
