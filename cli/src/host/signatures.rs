//! Signatures by the browser's WebCrypto, with the JavaScript of the edge (src/edge/crypto.js), whose arguments these are.

use portcullis::jose::algorithm::Algorithm;
use portcullis::jose::base64url;
use portcullis::jose::private_key::PrivateKey;
use portcullis::jose::public_key::{Material, PublicKey};
use portcullis::platform::{Crypto, Signing};
use serde_json::{Value, json};

use super::javascript::asked;

/// The signatures of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signatures;

/// The arguments by which the browser has taken a key.
pub(crate) struct BrowserKey(Value);

impl Crypto for Signatures {
    type Key = BrowserKey;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<BrowserKey> {
        let (first, second) = match &key.material {
            Material::Rsa { n, e } => (n, Some(e)),
            Material::Ec { x, y, .. } => (x, Some(y)),
            Material::Ed25519 { x } => (x, None),
        };
        let key_type = key.material.key_type();
        let arguments = json!([algorithm.name(), key_type.kty(), key_type.crv(), first, second]);
        is_true(&json!({"import": arguments})).then_some(BrowserKey(arguments))
    }

    async fn verify(&self, key: &BrowserKey, _algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        let [signature, signed] = [signature, signed].map(base64url::encode);
        is_true(&json!({"verify": key.0, "signature": signature, "signed": signed}))
    }
}

/// Assertions are shown without their signatures, so none are made.
impl Signing for Signatures {
    type SigningKey = ();

    async fn import_private(&self, _key: &PrivateKey) -> Option<()> {
        Some(())
    }

    async fn sign(&self, _key: &(), algorithm: Algorithm, _signed: &[u8]) -> Option<Vec<u8>> {
        Some(vec![0; algorithm.signature_bytes()?])
    }
}

/// Any failure is a no.
fn is_true(question: &Value) -> bool {
    matches!(asked(question), Ok((true, _)))
}
