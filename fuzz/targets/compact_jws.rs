//! Compact JWS, with real keys. The first byte of the input chooses what the rest is: a token, changes to the text of a
//! signed token, or changes to the decoded bytes of one of its segments.
//!
//! - A parsed token re-encodes to the same bytes, and a second JSON reader reads the same header.
//! - The whole gate accepts only the tokens that were signed: any change of any byte is refused with 401.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use portcullis::jose::base64url;
use portcullis::jose::jws::Unverified;
use portcullis_fuzz::json::strict;
use portcullis_fuzz::support::{Token, World, outcome, policy};
use serde_json::{Value, json};

struct Stage {
    world: World,
    /// All valid tokens.
    tokens: Vec<String>,
}

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let [mode, rest @ ..] = data else { return };
    STAGE.with_borrow_mut(|stage| {
        let stage = stage.get_or_insert_with(Stage::new);
        let token = match mode % 3 {
            0 => std::str::from_utf8(rest).map(str::to_owned).ok(),
            1 => stage.changed_text(rest),
            _ => stage.changed_bytes(rest),
        };
        if let Some(token) = token {
            assert_reading(&token);
            stage.assert_decision(&token);
        }
    });
});

impl Stage {
    fn new() -> Self {
        let world = World::new(&policy(r#"[{"path": "/", "audience": "https://api.example.com"}]"#));
        let signed = |key, algorithm| Token::default().signed_with(key, algorithm);
        let tokens = vec![
            signed("ed", "EdDSA").sign(),
            signed("p256", "ES256").sign(),
            signed("p384", "ES384").sign(),
            signed("rsa", "RS256").sign(),
            signed("ed", "EdDSA").header("kid", Value::Null).claim("sub", json!("user-2")).sign(),
            signed("ed", "EdDSA").header("typ", Value::Null).claim("scope", json!("read:data")).sign(),
        ];
        Self { world, tokens }
    }

    fn assert_decision(&mut self, token: &str) {
        // Spaces around the token belong to the header.
        let is_signed = self.tokens.iter().any(|signed| signed == token.trim_matches(' '));
        let outcome = outcome(&self.world.get("/", token));
        assert_eq!(outcome == "allow", is_signed, "{outcome}: {token}");
        assert!(is_signed || outcome.starts_with("401 "), "{outcome}: {token}");
    }

    fn changed_text(&self, data: &[u8]) -> Option<String> {
        let (chosen, changes) = data.split_first()?;
        let mut text = self.token(*chosen).as_bytes().to_vec();
        change(&mut text, changes);
        String::from_utf8(text).ok()
    }

    /// A token with changes to the decoded bytes of one segment.
    fn changed_bytes(&self, data: &[u8]) -> Option<String> {
        let ([first, second, segment], changes) = data.split_first_chunk::<3>()?;
        let mut segments: Vec<Vec<u8>> =
            self.token(*first).split('.').map(|text| base64url::decode(text).unwrap()).collect();
        let index = usize::from(*segment) % 3;
        if segment & 0x80 != 0 {
            // Replaced by the segment of another token.
            segments[index] = base64url::decode(self.token(*second).split('.').nth(index)?)?;
        }
        change(&mut segments[index], changes);
        Some(segments.iter().map(|bytes| base64url::encode(bytes)).collect::<Vec<_>>().join("."))
    }

    fn token(&self, chosen: u8) -> &str {
        &self.tokens[usize::from(chosen) % self.tokens.len()]
    }
}

/// Applies changes, each encoded in four bytes: the kind, the position (two bytes), and the new byte.
fn change(bytes: &mut Vec<u8>, changes: &[u8]) {
    for change in changes.chunks_exact(4) {
        let [what, high, low, value] = change else { return };
        let at = usize::from(u16::from_be_bytes([*high, *low])) % (bytes.len() + 1);
        match what % 5 {
            0 if at < bytes.len() => bytes[at] ^= value,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, *value),
            3 => bytes.truncate(at),
            4 => bytes.rotate_left(at),
            _ => {}
        }
    }
}

fn assert_reading(token: &str) {
    let Ok(unverified) = Unverified::parse(token) else { return };
    let read = &unverified.jws;
    let signature = base64url::encode(&read.signature);
    assert_eq!(format!("{}.{signature}", read.signed), token);
    let (header, payload) = read.signed.split_once('.').expect("two segments are signed");
    assert_eq!(payload, read.payload);
    let document = |segment: &str| {
        let bytes = base64url::decode(segment).expect("canonical base64url");
        assert_eq!(base64url::encode(&bytes), segment);
        strict(&String::from_utf8(bytes).expect("UTF-8")).expect("strict JSON")
    };
    let (header, payload) = (document(header), document(payload));
    assert!(payload.is_object());
    let algorithm = read.header.algorithm;
    assert!(header["alg"] == algorithm.name() || algorithm.specified_name().is_some_and(|name| header["alg"] == name));
    assert_eq!(header.get("kid").and_then(Value::as_str), read.header.kid.as_deref());
    assert_eq!(header.get("typ").is_some(), read.header.typ.is_some());
    assert!(header.get("crit").is_none() && header.get("b64").is_none_or(|value| *value == Value::Bool(true)));
    assert_eq!(payload.get("iss").and_then(Value::as_str), unverified.issuer());
}
