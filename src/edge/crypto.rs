//! Signatures by WebCrypto.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::calls::Call;
use super::platform::EdgePlatform;
use crate::jose::algorithm::Algorithm;
use crate::jose::private_key::PrivateKey;
use crate::jose::public_key::{Material, PublicKey};
use crate::platform::{Crypto, Signing};

#[wasm_bindgen(module = "portcullis/platform.js")]
extern "C" {
    #[wasm_bindgen(js_name = importKey)]
    fn import_key(call: u32, algorithm: &str, kty: &str, crv: Option<&str>, first: &str, second: Option<&str>);

    fn verify(call: u32, algorithm: &str, key: &JsValue, signature: &[u8], signed: &[u8]);

    #[wasm_bindgen(js_name = importPrivate)]
    fn import_private(call: u32, algorithm: &str, kty: &str, crv: Option<&str>, x: &str, y: Option<&str>, d: &str);

    fn sign(call: u32, algorithm: &str, key: &JsValue, signed: &[u8]);
}

impl Crypto for EdgePlatform {
    /// A `CryptoKey`. It belongs to the isolate, not to the request that imported it.
    type Key = JsValue;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<JsValue> {
        let (first, second) = match &key.material {
            Material::Rsa { n, e } => (n, Some(e)),
            Material::Ec { x, y, .. } => (x, Some(y)),
            Material::Ed25519 { x } => (x, None),
        };
        let key_type = key.material.key_type();
        let (kty, crv, second) = (key_type.kty(), key_type.crv(), second.map(String::as_str));
        Call::make(|call| import_key(call, algorithm.name(), kty, crv, first, second)).await.ok()
    }

    async fn verify(&self, key: &JsValue, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        let holds = Call::make(|call| verify(call, algorithm.name(), key, signature, signed)).await;
        holds.is_ok_and(|holds| holds.is_truthy())
    }
}

impl Signing for EdgePlatform {
    /// A `CryptoKey` that cannot be exported. It belongs to the isolate.
    type SigningKey = JsValue;

    async fn import_private(&self, PrivateKey { algorithm, x, y, d }: &PrivateKey) -> Option<JsValue> {
        let (key_type, y) = (algorithm.key_type(), y.as_deref());
        let (kty, crv) = (key_type.kty(), key_type.crv());
        Call::make(|call| import_private(call, algorithm.name(), kty, crv, x, y, d)).await.ok()
    }

    async fn sign(&self, key: &JsValue, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        let signature = Call::make(|call| sign(call, algorithm.name(), key, signed)).await.ok()?;
        signature.dyn_into::<Uint8Array>().ok().map(|signature| signature.to_vec())
    }
}
