//! The signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2) and their key types, one row each. `none` and
//! HMAC are not in the table, so neither a policy nor a token can name them.

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

/// The type of an algorithm's keys: `kty` and `crv` of the JWK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA (RFC 7518 §6.3)
    Rsa,
    /// An elliptic curve with two coordinates (RFC 7518 §6.2)
    Ec(Curve),
    /// Ed25519 (RFC 8037 §2)
    Ed25519,
}

/// An ECDSA curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521
    P521,
}

/// What the specifications fix for one algorithm.
struct AlgorithmRow {
    name: &'static str,
    /// The fully specified name (RFC 9864 §2.2), if the usual one does not name the curve.
    specified: Option<&'static str>,
    key_type: KeyType,
    /// Length of a signature in bytes, if the algorithm fixes it: r and s of the curve's size (RFC 7518 §3.4).
    signature: Option<usize>,
}

impl AlgorithmRow {
    const fn new(
        name: &'static str,
        key_type: KeyType,
        signature: Option<usize>,
        specified: Option<&'static str>,
    ) -> Self {
        Self { name, specified, key_type, signature }
    }
}

/// What the specifications fix for one key type.
struct KeyTypeRow {
    kty: &'static str,
    crv: Option<&'static str>,
    /// Length in bytes of a coordinate and of the private value (RFC 7518 §6.2.1.2, RFC 8032 §5.1.5); 0 for RSA.
    number: usize,
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

    /// The algorithms that the gate signs with: their keys are small, and every JOSE library verifies them.
    pub const OF_ASSERTIONS: [Self; 2] = [Self::Es256, Self::EdDsa];

    /// How policies name them. RFC 9864 has another name for EdDSA with the only curve that is supported.
    #[must_use]
    pub fn words_of_assertions() -> [(&'static str, Self); 3] {
        [(Self::Es256.name(), Self::Es256), (Self::EdDsa.name(), Self::EdDsa), ("Ed25519", Self::EdDsa)]
    }

    /// The algorithm with this `alg` value, of a token or a key; names are case-sensitive (RFC 7515 §4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.goes_by(name))
    }

    /// The usual `alg` value.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The fully specified `alg` value (RFC 9864 §2.2), if it is another than the usual one.
    #[must_use]
    pub fn specified_name(self) -> Option<&'static str> {
        self.row().specified
    }

    /// Whether an `alg` value names this algorithm.
    #[must_use]
    pub fn goes_by(self, name: &str) -> bool {
        self.name() == name || self.specified_name() == Some(name)
    }

    /// The type and curve that its keys must have.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        self.row().key_type
    }

    /// Length of a signature in bytes; `None` for RSA, where it depends on the key, and the verification checks it.
    #[must_use]
    pub fn signature_bytes(self) -> Option<usize> {
        self.row().signature
    }

    const fn row(self) -> AlgorithmRow {
        const RSA: KeyType = KeyType::Rsa;
        match self {
            Self::Rs256 => AlgorithmRow::new("RS256", RSA, None, None),
            Self::Rs384 => AlgorithmRow::new("RS384", RSA, None, None),
            Self::Rs512 => AlgorithmRow::new("RS512", RSA, None, None),
            Self::Ps256 => AlgorithmRow::new("PS256", RSA, None, None),
            Self::Ps384 => AlgorithmRow::new("PS384", RSA, None, None),
            Self::Ps512 => AlgorithmRow::new("PS512", RSA, None, None),
            Self::Es256 => AlgorithmRow::new("ES256", KeyType::Ec(Curve::P256), Some(64), None),
            Self::Es384 => AlgorithmRow::new("ES384", KeyType::Ec(Curve::P384), Some(96), None),
            Self::Es512 => AlgorithmRow::new("ES512", KeyType::Ec(Curve::P521), Some(132), None),
            Self::EdDsa => AlgorithmRow::new("EdDSA", KeyType::Ed25519, Some(64), Some("Ed25519")),
        }
    }
}

impl KeyType {
    /// Every key type, in the order of the table.
    pub const ALL: [Self; 5] =
        [Self::Rsa, Self::Ec(Curve::P256), Self::Ec(Curve::P384), Self::Ec(Curve::P521), Self::Ed25519];

    /// The key type of a JWK with these members; for RSA, which has no curve, `crv` is ignored.
    #[must_use]
    pub fn of_jwk(kty: &str, crv: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.kty() == kty && (known.crv().is_none() || known.crv() == crv))
    }

    /// The `kty` of its JWK.
    #[must_use]
    pub fn kty(self) -> &'static str {
        self.row().kty
    }

    /// The `crv` of its JWK, if it has one.
    #[must_use]
    pub fn crv(self) -> Option<&'static str> {
        self.row().crv
    }

    /// Length in bytes of each coordinate and of the private value; 0 for RSA, which has neither.
    #[must_use]
    pub fn number_bytes(self) -> usize {
        self.row().number
    }

    const fn row(self) -> KeyTypeRow {
        let (kty, crv, number) = match self {
            Self::Rsa => ("RSA", None, 0),
            Self::Ec(Curve::P256) => ("EC", Some("P-256"), 32),
            Self::Ec(Curve::P384) => ("EC", Some("P-384"), 48),
            Self::Ec(Curve::P521) => ("EC", Some("P-521"), 66),
            Self::Ed25519 => ("OKP", Some("Ed25519"), 32),
        };
        KeyTypeRow { kty, crv, number }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// For messages: `RSA`, `EC P-256`, `OKP Ed25519`.
impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kty())?;
        self.crv().map_or(Ok(()), |crv| write!(f, " {crv}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_listed_once() {
        for (index, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            assert_eq!(algorithm as usize, index, "{algorithm}");
        }
        assert_eq!(Algorithm::ALL.last(), Some(&Algorithm::EdDsa), "the last variant");
    }

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(algorithm.to_string(), algorithm.name());
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        assert_eq!(
            Algorithm::ALL.iter().filter_map(|algorithm| algorithm.specified_name()).collect::<Vec<_>>(),
            ["Ed25519"]
        );
    }

    #[test]
    fn no_other_name_is_an_algorithm() {
        for name in
            ["none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "ES256K", "ed25519", "Ed448", "RSA-OAEP", ""]
        {
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
            // The length depends on the key.
            (Algorithm::Rs256, &[0, 63, 64, 65, 96, 132, 256, 512]),
            (Algorithm::Ps512, &[0, 63, 64, 65, 96, 132, 256, 512]),
        ] {
            let taken = [0, 63, 64, 65, 96, 132, 256, 512]
                .into_iter()
                .filter(|n| algorithm.signature_bytes().is_none_or(|bytes| bytes == *n));
            assert_eq!(taken.collect::<Vec<_>>(), lengths, "{algorithm}");
        }
    }
}
