//! Signatures without WebCrypto, for tests and native tools.

mod es512;

use jsonwebtoken::{Algorithm as Jwa, DecodingKey, EncodingKey, crypto};

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::private_key::PrivateKey;
use crate::jose::public_key::{Material, PublicKey};
use crate::platform::{Crypto, Signing};

/// Maximum size of an RSA modulus in bytes. With a larger one, RustCrypto rejects every signature; WebCrypto does not.
const MAX_RSA_BYTES: usize = 4096 / 8;

/// The prefix of the private value in PKCS #8 (RFC 5208 §5, RFC 5915 §3, RFC 8410 §7).
const P256_PKCS8: &[u8] =
    b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
    \x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";
const ED25519_PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// Signatures by RustCrypto, mostly through jsonwebtoken. Supports every algorithm of the gate, but no RSA key over
/// 4096 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeCrypto;

/// An imported public key.
#[derive(Clone)]
pub enum NativeKey {
    /// For ES512.
    Es512(p521::ecdsa::VerifyingKey),
    /// For any other algorithm.
    Other(DecodingKey),
}

impl Crypto for NativeCrypto {
    type Key = NativeKey;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<Self::Key> {
        let Some(jwa) = jwa(algorithm) else {
            let Material::Ec { x, y, .. } = &key.material else { return None };
            return es512::import(x, y).map(NativeKey::Es512);
        };
        let imported = match &key.material {
            Material::Rsa { n, .. } if base64url::decode(n)?.len() > MAX_RSA_BYTES => return None,
            Material::Rsa { n, e } => DecodingKey::from_rsa_components(n, e),
            Material::Ec { x, y, .. } => DecodingKey::from_ec_components(x, y),
            Material::Ed25519 { x } => DecodingKey::from_ed_components(x),
        };
        // jsonwebtoken does not parse the key material before it verifies a signature; an invalid key shows here.
        imported.ok().filter(|key| crypto::verify("", b"", key, jwa).is_ok()).map(NativeKey::Other)
    }

    async fn verify(&self, key: &Self::Key, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        match (key, jwa(algorithm)) {
            (NativeKey::Es512(key), None) => es512::verify(key, signature, signed),
            (NativeKey::Other(key), Some(jwa)) => {
                crypto::verify(&base64url::encode(signature), signed, key, jwa).unwrap_or(false)
            }
            _ => false,
        }
    }
}

impl Signing for NativeCrypto {
    type SigningKey = EncodingKey;

    async fn import_private(&self, key: &PrivateKey) -> Option<EncodingKey> {
        let number = base64url::decode(&key.d)?;
        let imported = match key.algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_der(&[P256_PKCS8, &number].concat()),
            Algorithm::EdDsa => EncodingKey::from_ed_der(&[ED25519_PKCS8, &number].concat()),
            _ => return None,
        };
        // jsonwebtoken does not parse the private value before it signs.
        crypto::sign(b"", &imported, jwa(key.algorithm)?).is_ok().then_some(imported)
    }

    async fn sign(&self, key: &EncodingKey, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        base64url::decode(&crypto::sign(signed, key, jwa(algorithm)?).ok()?)
    }
}

/// The algorithm in jsonwebtoken; `None` if it does not support it.
fn jwa(algorithm: Algorithm) -> Option<Jwa> {
    match algorithm {
        Algorithm::Rs256 => Some(Jwa::RS256),
        Algorithm::Rs384 => Some(Jwa::RS384),
        Algorithm::Rs512 => Some(Jwa::RS512),
        Algorithm::Ps256 => Some(Jwa::PS256),
        Algorithm::Ps384 => Some(Jwa::PS384),
        Algorithm::Ps512 => Some(Jwa::PS512),
        Algorithm::Es256 => Some(Jwa::ES256),
        Algorithm::Es384 => Some(Jwa::ES384),
        Algorithm::Es512 => None,
        Algorithm::EdDsa => Some(Jwa::EdDSA),
    }
}
