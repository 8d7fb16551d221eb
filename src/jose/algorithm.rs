//! The signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1), one row each. `none` and HMAC are not in the table, so no
//! policy and no token can name them.

use std::fmt;

/// A digital signature algorithm for JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// ECDSA on P-521 with SHA-512
    Es512,
    /// Ed25519
    EdDsa,
}

/// The kind of key that an algorithm takes: `kty` and `crv` of its JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `kty` is `RSA`
    Rsa,
    /// `kty` is `EC`, `crv` is `P-256`
    P256,
    /// `kty` is `EC`, `crv` is `P-384`
    P384,
    /// `kty` is `EC`, `crv` is `P-521`
    P521,
    /// `kty` is `OKP`, `crv` is `Ed25519`
    Ed25519,
}

/// What the specifications fix for one algorithm.
struct Row {
    name: &'static str,
    key_type: KeyType,
    /// Bytes of a signature, where the algorithm fixes it: r and s of the curve's size (RFC 7518 §3.4).
    signature: Option<usize>,
}

impl Row {
    const fn new(name: &'static str, key_type: KeyType, signature: Option<usize>) -> Self {
        Self { name, key_type, signature }
    }
}

impl Algorithm {
    /// Every algorithm, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The algorithm of this `alg` value; names are case-sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The `alg` value.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The kind of key that it takes.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        self.row().key_type
    }

    /// Whether a signature of this many bytes can be one. RSA's length depends on the key, which the check itself sees.
    #[must_use]
    pub fn takes_signature_of(self, bytes: usize) -> bool {
        self.row().signature.is_none_or(|expected| expected == bytes)
    }

    const fn row(self) -> Row {
        match self {
            Self::Rs256 => Row::new("RS256", KeyType::Rsa, None),
            Self::Rs384 => Row::new("RS384", KeyType::Rsa, None),
            Self::Rs512 => Row::new("RS512", KeyType::Rsa, None),
            Self::Ps256 => Row::new("PS256", KeyType::Rsa, None),
            Self::Ps384 => Row::new("PS384", KeyType::Rsa, None),
            Self::Ps512 => Row::new("PS512", KeyType::Rsa, None),
            Self::Es256 => Row::new("ES256", KeyType::P256, Some(64)),
            Self::Es384 => Row::new("ES384", KeyType::P384, Some(96)),
            Self::Es512 => Row::new("ES512", KeyType::P521, Some(132)),
            Self::EdDsa => Row::new("EdDSA", KeyType::Ed25519, Some(64)),
        }
    }
}

impl KeyType {
    /// The `kty` of its JWK.
    #[must_use]
    pub fn kty(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 | Self::P384 | Self::P521 => "EC",
            Self::Ed25519 => "OKP",
        }
    }

    /// The `crv` of its JWK, where it has a curve.
    #[must_use]
    pub fn crv(self) -> Option<&'static str> {
        match self {
            Self::Rsa => None,
            Self::P256 => Some("P-256"),
            Self::P384 => Some("P-384"),
            Self::P521 => Some("P-521"),
            Self::Ed25519 => Some("Ed25519"),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(algorithm.to_string(), algorithm.name());
        }
    }

    #[test]
    fn no_other_name_is_an_algorithm() {
        for name in ["none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "ES256K", "Ed25519", "RSA-OAEP", ""] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_signature_has_the_length_that_its_algorithm_fixes() {
        for (algorithm, lengths) in [
            (Algorithm::Es256, &[64][..]),
            (Algorithm::Es384, &[96]),
            (Algorithm::Es512, &[132]),
            (Algorithm::EdDsa, &[64]),
            // The key decides.
            (Algorithm::Rs256, &[0, 63, 64, 65, 96, 132, 256, 512]),
            (Algorithm::Ps512, &[0, 63, 64, 65, 96, 132, 256, 512]),
        ] {
            let taken = [0, 63, 64, 65, 96, 132, 256, 512].into_iter().filter(|n| algorithm.takes_signature_of(*n));
            assert_eq!(taken.collect::<Vec<_>>(), lengths, "{algorithm}");
        }
    }
}
