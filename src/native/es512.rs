//! ES512, which jsonwebtoken lacks: ECDSA on P-521 with SHA-512 (RFC 7518 §3.4).

use p521::ecdsa::signature::Verifier;
use p521::ecdsa::{Signature, VerifyingKey};

use crate::jose::base64url;

/// The tag of an uncompressed point (SEC 1 §2.3.3).
const UNCOMPRESSED: &[u8] = &[4];

/// The key with these coordinates; `None` if they are not a point on the curve.
pub(super) fn import(x: &str, y: &str) -> Option<VerifyingKey> {
    let point = [UNCOMPRESSED, &base64url::decode(x)?, &base64url::decode(y)?].concat();
    VerifyingKey::from_sec1_bytes(&point).ok()
}

pub(super) fn verify(key: &VerifyingKey, signature: &[u8], signed: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
}
