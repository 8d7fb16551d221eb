//! Key sets: which entries are usable, and what is kept of them. The input is a JWK set.
//!
//! - The usable entries are those that a second implementation of the rules finds, unchanged and in the same order.
//! - A kept key parses to the same key again, both from its published JWK and after a round trip through the store.
//! - No kept key has a secret member; its numbers are canonical and of the right size; importing it does not panic.
#![no_main]

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use portcullis::jose::algorithm::{Algorithm, Curve};
use portcullis::jose::base64url;
use portcullis::jose::json::Json;
use portcullis::jose::key_set::{MAX_SET_BYTES, usable_keys};
use portcullis::jose::public_key::{Material, PublicKey};
use portcullis::jwks::entry::{self, Notes, StoreEntry};
use portcullis::jwks::set::KeySet;
use portcullis::native::NativeCrypto;
use portcullis::platform::Crypto;
use portcullis::time::UnixSeconds;
use portcullis_fuzz::json::strict;
use serde_json::Value;

const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// In bytes. Importing larger moduli is slow and finds nothing new.
const MAX_IMPORTED_MODULUS: usize = 512;

fuzz_target!(|text: &str| {
    let document = strict(text);
    let expected = document.as_ref().and_then(|document| document.get("keys")?.as_array()).and_then(|entries| {
        let usable: Vec<&Value> = entries.iter().filter(|entry| is_usable(entry)).collect();
        (entries.len() <= 100 && !usable.is_empty() && text.len() <= MAX_SET_BYTES).then_some(usable)
    });
    let set = KeySet::<()>::parse(text);
    assert_eq!(set.is_ok(), expected.is_some(), "{:?}", set.err());
    let (Ok(set), Some(expected)) = (set, expected) else { return };

    let sources: Vec<Value> = set.sources().map(|source| serde_json::to_value(source).unwrap()).collect();
    assert!(sources.iter().eq(expected), "as published, in order");
    let document = Json::parse(text).expect("it was read before");
    let keys = usable_keys(&document).expect("it was read before");
    assert_eq!(keys.len(), sources.len());
    for (key, source) in keys.iter().zip(&sources) {
        assert_key(key, source);
    }
    assert_stored(&keys);
});

fn is_usable(entry: &Value) -> bool {
    let Some(entry) = entry.as_object() else { return false };
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let is_text_if_there = |name: &str| entry.get(name).is_none_or(Value::is_string);
    let bytes = |name: &str| text(name).and_then(base64url::decode);
    let (is_sized, algorithms): (bool, &[&str]) = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => (is_rsa(bytes("n"), bytes("e")), &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (Some("EC"), Some("P-256")) => (is_point(bytes("x"), bytes("y"), 32), &["ES256"]),
        (Some("EC"), Some("P-384")) => (is_point(bytes("x"), bytes("y"), 48), &["ES384"]),
        (Some("EC"), Some("P-521")) => (is_point(bytes("x"), bytes("y"), 66), &["ES512"]),
        (Some("OKP"), Some("Ed25519")) => (bytes("x").is_some_and(|x| x.len() == 32), &["EdDSA", "Ed25519"]),
        _ => return false,
    };
    let may_verify = match entry.get("key_ops") {
        None => true,
        Some(ops) => ops.as_array().is_some_and(|ops| ops.contains(&Value::from("verify"))),
    };
    is_sized
        && may_verify
        && is_text_if_there("kid")
        && is_text_if_there("alg")
        && text("alg").is_none_or(|alg| algorithms.contains(&alg))
        && entry.get("use").is_none_or(|value| value == "sig")
        && !SECRET.iter().any(|member| entry.contains_key(*member))
}

fn is_rsa(n: Option<Vec<u8>>, e: Option<Vec<u8>>) -> bool {
    let (Some(n), Some(e)) = (n, e) else { return false };
    let bits = |bytes: &[u8]| {
        let first = bytes.iter().position(|byte| *byte != 0);
        first.map_or(0, |first| (bytes.len() - first) * 8 - bytes[first].leading_zeros() as usize)
    };
    bits(&n) >= 2048 && bits(&e) >= 2 && e.last().is_some_and(|last| last & 1 == 1)
}

fn is_point(x: Option<Vec<u8>>, y: Option<Vec<u8>>, size: usize) -> bool {
    x.is_some_and(|x| x.len() == size) && y.is_some_and(|y| y.len() == size)
}

fn assert_key(key: &PublicKey, source: &Value) {
    assert!(SECRET.iter().all(|member| source.get(*member).is_none()));
    assert_eq!(key.kid.as_deref(), source.get("kid").and_then(Value::as_str));
    let text = serde_json::to_string(source).unwrap();
    let again = PublicKey::parse(&Json::parse(&text).unwrap());
    assert_eq!(again.as_ref().map(|again| (&again.kid, &again.material)), Ok((&key.kid, &key.material)));
    assert_eq!(PublicKey::parse(&Json::Object(key.source().clone())).as_ref(), Ok(key));

    let fitting: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|algorithm| key.fits(*algorithm)).collect();
    assert_eq!(key.some_algorithm(), fitting.first().copied());
    assert!(!fitting.is_empty());
    assert!(fitting.iter().all(|algorithm| algorithm.key_type() == key.material.key_type()));
    if let Some(own) = source.get("alg").and_then(Value::as_str) {
        let usual = if own == "Ed25519" { "EdDSA" } else { own };
        assert_eq!(fitting.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>(), [usual]);
    }

    let bytes = |text: &str| base64url::decode(text).expect("canonical base64url");
    let modulus = match &key.material {
        Material::Rsa { n, e } => {
            assert!(bytes(n)[0] != 0 && bytes(e)[0] != 0, "no leading zeros");
            bytes(n).len()
        }
        Material::Ec { curve, x, y } => {
            let size = match curve {
                Curve::P256 => 32,
                Curve::P384 => 48,
                Curve::P521 => 66,
            };
            assert_eq!((bytes(x).len(), bytes(y).len()), (size, size));
            0
        }
        Material::Ed25519 { x } => {
            assert_eq!(bytes(x).len(), 32);
            0
        }
    };
    if modulus <= MAX_IMPORTED_MODULUS {
        block_on(NativeCrypto.import(key, fitting[0]));
    }
}

fn assert_stored(keys: &[PublicKey]) {
    let sources = keys.iter().map(PublicKey::source);
    let stored = entry::write("https://i", "https://i/jwks", UnixSeconds(7), Some("\"e\""), sources, Notes::default());
    let again = StoreEntry::parse(&stored, "https://i").expect("what was written can be read");
    assert_eq!(again.keys.len(), keys.len());
    for (again, key) in again.keys.iter().zip(keys) {
        assert_eq!((&again.kid, &again.material), (&key.kid, &key.material));
    }
    assert!(StoreEntry::parse(&stored, "https://other").is_none(), "a key set of one issuer is not another's");
}
