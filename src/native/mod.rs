//! Signature checks without WebCrypto, for tests and native tools.

use jsonwebtoken::{Algorithm as Jwa, DecodingKey, crypto};

use crate::base64url;
use crate::jwks::key::{Material, PublicKey};
use crate::platform::Crypto;
use crate::token::algorithm::Algorithm;

/// The most bytes of an RSA modulus. With a larger one RustCrypto calls every signature wrong; WebCrypto does not.
const MAX_RSA_BYTES: usize = 4096 / 8;

/// Signature checks by RustCrypto, through jsonwebtoken. It has every algorithm of the gate but ES512, and no RSA key
/// over 4096 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeCrypto;

impl Crypto for NativeCrypto {
    type Key = DecodingKey;

    async fn import(&self, key: &PublicKey, algorithm: Algorithm) -> Option<Self::Key> {
        let jwa = jwa(algorithm)?;
        let imported = match &key.material {
            Material::Rsa { n, .. } if base64url::decode(n)?.len() > MAX_RSA_BYTES => return None,
            Material::Rsa { n, e } => DecodingKey::from_rsa_components(n, e),
            Material::Ec { x, y, .. } => DecodingKey::from_ec_components(x, y),
            Material::Ed25519 { x } => DecodingKey::from_ed_components(x),
        };
        // jsonwebtoken looks at the numbers when it first checks a signature; a key that is none shows here.
        imported.ok().filter(|key| crypto::verify("", b"", key, jwa).is_ok())
    }

    async fn verify(&self, key: &Self::Key, algorithm: Algorithm, signature: &[u8], signed: &[u8]) -> bool {
        let Some(jwa) = jwa(algorithm) else { return false };
        crypto::verify(&base64url::encode(signature), signed, key, jwa).unwrap_or(false)
    }
}

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
