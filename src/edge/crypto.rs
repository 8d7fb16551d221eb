//! Signature checks by WebCrypto.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use super::platform::EdgePlatform;
use crate::jwks::key::{Material, PublicKey};
use crate::platform::Crypto;
use crate::token::algorithm::{Algorithm, KeyType};

#[wasm_bindgen(module = "/src/edge/crypto.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = importKey)]
    fn import_key(
        algorithm: &str,
        kty: &str,
        crv: Option<&str>,
        first: &str,
        second: Option<&str>,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    fn verify(algorithm: &str, key: &JsValue, signature: &[u8], signed: &[u8]) -> Result<Promise, JsValue>;
}

impl Crypto for EdgePlatform {
    /// A `CryptoKey`. It belongs to the isolate, not to the request that imported it.
    type Key = JsValue;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<JsValue> {
        let name = algorithm.name();
        let promise = match &key.material {
            Material::Rsa { n, e } => import_key(name, "RSA", None, n, Some(e)),
            Material::Ec { curve, x, y } => import_key(name, "EC", Some(curve_name(*curve)), x, Some(y)),
            Material::Ed25519 { x } => import_key(name, "OKP", Some(curve_name(KeyType::Ed25519)), x, None),
        };
        JsFuture::from(promise.ok()?).await.ok()
    }

    async fn verify(&self, key: &JsValue, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        match verify(algorithm.name(), key, signature, signed) {
            Ok(promise) => JsFuture::from(promise).await.is_ok_and(|holds| holds.is_truthy()),
            Err(_) => false,
        }
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
