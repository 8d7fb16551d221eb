//! Signature checks by WebCrypto.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::calls::Call;
use super::platform::EdgePlatform;
use crate::jwks::key::{Material, PublicKey};
use crate::platform::Crypto;
use crate::token::algorithm::{Algorithm, KeyType};

#[wasm_bindgen(module = "portcullis/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = importKey)]
    fn import_key(call: u32, algorithm: &str, kty: &str, crv: Option<&str>, first: &str, second: Option<&str>);

    fn verify(call: u32, algorithm: &str, key: &JsValue, signature: &[u8], signed: &[u8]);
}

impl Crypto for EdgePlatform {
    /// A `CryptoKey`. It belongs to the isolate, not to the request that imported it.
    type Key = JsValue;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<JsValue> {
        let (kty, crv, first, second) = match &key.material {
            Material::Rsa { n, e } => ("RSA", None, n, Some(e)),
            Material::Ec { curve, x, y } => ("EC", Some(curve_name(*curve)), x, Some(y)),
            Material::Ed25519 { x } => ("OKP", Some(curve_name(KeyType::Ed25519)), x, None),
        };
        let second = second.map(String::as_str);
        Call::make(|call| import_key(call, algorithm.name(), kty, crv, first, second)).await.ok()
    }

    async fn verify(&self, key: &JsValue, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        let holds = Call::make(|call| verify(call, algorithm.name(), key, signature, signed)).await;
        holds.is_ok_and(|holds| holds.is_truthy())
    }
}

fn curve_name(curve: KeyType) -> &'static str {
    match curve {
        KeyType::Rsa => "",
        KeyType::P256 => "P-256",
        KeyType::P384 => "P-384",
        KeyType::P521 => "P-521",
        KeyType::Ed25519 => "Ed25519",
    }
}
