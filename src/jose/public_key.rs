//! One public key of a JSON Web Key Set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), and which entries are ignored.

use super::algorithm::{Algorithm, Curve, KeyType};
use super::base64url;
use super::json::{Json, Object};

/// Minimum size of an RSA modulus in bits (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;

/// Minimum RSA exponent; smaller and even ones are invalid.
const MIN_RSA_EXPONENT: u8 = 3;

/// Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1). A published private key is compromised.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that fits at least one algorithm, judging by its JWK alone.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    /// The key ID.
    pub kid: Option<String>,
    /// The key material.
    pub material: Material,
    /// The only algorithm that the key may be used with, if its `alg` names one.
    algorithm: Option<Algorithm>,
    /// The entry as published.
    source: Object<'static>,
}

/// The key material of a public key, in canonical base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// RSA modulus and exponent.
    Rsa {
        /// modulus
        n: String,
        /// exponent
        e: String,
    },
    /// A point on the curve.
    Ec {
        /// The curve.
        curve: Curve,
        /// coordinate
        x: String,
        /// coordinate
        y: String,
    },
    /// An Ed25519 public key.
    Ed25519 {
        /// the encoded point
        x: String,
    },
}

impl PublicKey {
    /// Parses an entry of a key set; `None` for one that is ignored: not an object, private, symmetric, of an unknown
    /// type, too weak, malformed, not for verifying signatures, or for an algorithm that it does not fit.
    #[must_use]
    pub fn parse(entry: &Json<'_>) -> Option<Self> {
        let entry = entry.as_object()?;
        if SECRET_MEMBERS.iter().any(|member| entry.get(member).is_some()) || !is_for_verifying(entry) {
            return None;
        }
        let material = Material::parse(entry)?;
        let algorithm = match optional_text(entry, "alg")? {
            None => None,
            Some(name) => {
                Some(Algorithm::from_name(name).filter(|algorithm| algorithm.key_type() == material.key_type())?)
            }
        };
        let kid = optional_text(entry, "kid")?.map(str::to_owned);
        Some(Self { kid, material, algorithm, source: entry.clone().into_owned() })
    }

    /// Whether the key may verify a signature of this algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.material.key_type() == algorithm.key_type() && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// An algorithm that the key fits.
    #[must_use]
    pub fn some_algorithm(&self) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| self.fits(*algorithm))
    }

    /// The entry as published.
    #[must_use]
    pub fn source(&self) -> &Object<'static> {
        &self.source
    }
}

impl Material {
    fn parse(entry: &Object<'_>) -> Option<Self> {
        let text = |member: &str| entry.get(member).and_then(Json::as_str);
        let key_type = KeyType::of_jwk(text("kty")?, text("crv"))?;
        let number = |member| coordinate(text(member)?, key_type);
        match key_type {
            KeyType::Rsa => rsa(text("n")?, text("e")?),
            KeyType::Ec(curve) => Some(Self::Ec { curve, x: number("x")?, y: number("y")? }),
            KeyType::Ed25519 => Some(Self::Ed25519 { x: number("x")? }),
        }
    }

    /// The key type: `kty` and `crv`.
    #[must_use]
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::Rsa,
            Self::Ec { curve, .. } => KeyType::Ec(*curve),
            Self::Ed25519 { .. } => KeyType::Ed25519,
        }
    }
}

/// `use` (RFC 7517 §4.2), if present, is `sig`; `key_ops` (§4.3), if present, contains `verify`.
fn is_for_verifying(entry: &Object<'_>) -> bool {
    let use_is_sig = entry.get("use").is_none_or(|value| value.as_str() == Some("sig"));
    let may_verify = entry
        .get("key_ops")
        .is_none_or(|value| value.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify"))));
    use_is_sig && may_verify
}

/// A member that must be a string if present; `None` for any other type.
pub(super) fn optional_text<'o>(entry: &'o Object<'_>, member: &str) -> Option<Option<&'o str>> {
    entry.get(member).map_or(Some(None), |value| value.as_str().map(Some))
}

/// Some issuers put a zero byte before the modulus, against RFC 7518 §6.3.1.1. The value is the same; the zero is
/// removed.
fn rsa(n: &str, e: &str) -> Option<Material> {
    let (n, e) = (unsigned(n)?, unsigned(e)?);
    let top = n.first()?;
    let bits = n.len() * 8 - usize::try_from(top.leading_zeros()).ok()?;
    let exponent_is_sane = e.last()? % 2 == 1 && (e.len() > 1 || e.first()? >= &MIN_RSA_EXPONENT);
    (bits >= MIN_RSA_BITS && exponent_is_sane)
        .then(|| Material::Rsa { n: base64url::encode(&n), e: base64url::encode(&e) })
}

fn unsigned(text: &str) -> Option<Vec<u8>> {
    let mut bytes = base64url::decode(text)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    Some(bytes)
}

/// RFC 7518 §6.2.1.2: a coordinate has the full size of the curve, and so has the private value (§6.2.2.1).
pub(super) fn coordinate(text: &str, key_type: KeyType) -> Option<String> {
    base64url::decode(text).filter(|bytes| bytes.len() == key_type.number_bytes()).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<PublicKey> {
        PublicKey::parse(&Json::parse(text).unwrap())
    }

    fn number(bytes: usize, first: u8, last: u8) -> String {
        let mut number = vec![0x55; bytes];
        number[0] = first;
        *number.last_mut().unwrap() = last;
        base64url::encode(&number)
    }

    fn rsa_key(n: &str, e: &str, more: &str) -> Option<PublicKey> {
        parse(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"{more}}}"#))
    }

    fn ec_key(crv: &str, size: usize, more: &str) -> Option<PublicKey> {
        let coordinate = number(size, 1, 1);
        parse(&format!(r#"{{"kty":"EC","crv":"{crv}","x":"{coordinate}","y":"{coordinate}"{more}}}"#))
    }

    #[test]
    fn a_key_fits_the_algorithms_of_its_type() {
        let fits = |key: PublicKey| {
            Algorithm::ALL.into_iter().filter(|a| key.fits(*a)).map(Algorithm::name).collect::<Vec<_>>()
        };
        let n = number(256, 0x80, 1);
        assert_eq!(fits(rsa_key(&n, "AQAB", "").unwrap()), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
        assert_eq!(fits(rsa_key(&n, "AQAB", r#","alg":"PS256""#).unwrap()), ["PS256"]);
        assert_eq!(fits(ec_key("P-256", 32, "").unwrap()), ["ES256"]);
        assert_eq!(fits(ec_key("P-384", 48, "").unwrap()), ["ES384"]);
        assert_eq!(fits(ec_key("P-521", 66, "").unwrap()), ["ES512"]);
        let ed = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, number(32, 1, 1));
        assert_eq!(fits(parse(&ed).unwrap()), ["EdDSA"]);
    }

    #[test]
    fn weak_rsa_keys_are_passed_over() {
        let n = number(256, 0x80, 1);
        assert!(rsa_key(&number(256, 0x7f, 1), "AQAB", "").is_none(), "2047 bits");
        assert!(rsa_key(&number(257, 0, 1), "AQAB", "").is_none(), "a leading zero byte adds no strength");
        assert!(rsa_key(&n, "AQ", "").is_none(), "e is 1");
        assert!(rsa_key(&n, "AA", "").is_none(), "e is 0");
        assert!(rsa_key(&n, "", "").is_none(), "e is empty");
        assert!(rsa_key(&n, "AQAC", "").is_none(), "e is even");
        assert!(rsa_key(&n, "Aw", "").is_some(), "e is 3");
        let mut led = vec![0];
        led.extend(base64url::decode(&n).unwrap());
        assert_eq!(
            rsa_key(&base64url::encode(&led), "AAEAAQ", "").unwrap().material,
            rsa_key(&n, "AQAB", "").unwrap().material
        );
    }

    #[test]
    fn entries_that_are_not_public_signature_keys_are_passed_over() {
        for more in [
            r#","use":"enc""#,
            r#","use":1"#,
            r#","key_ops":["sign"]"#,
            r#","key_ops":[]"#,
            r#","key_ops":"verify""#,
            r#","alg":"ES384""#,
            r#","alg":"HS256""#,
            r#","alg":1"#,
            r#","kid":1"#,
            r#","use":"sig","key_ops":["sign"]"#,
            r#","d":"AQ""#,
            r#","p":"AQ""#,
            r#","q":"AQ""#,
            r#","dp":"AQ""#,
            r#","dq":"AQ""#,
            r#","qi":"AQ""#,
            r#","oth":[]"#,
            r#","k":"AQ""#,
        ] {
            assert!(ec_key("P-256", 32, more).is_none(), "{more}");
        }
        for more in
            ["", r#","use":"sig""#, r#","key_ops":["sign","verify"]"#, r#","alg":"ES256""#, r#","x5c":["junk"]"#]
        {
            assert!(ec_key("P-256", 32, more).is_some(), "{more}");
        }
        for size in [31, 33] {
            let (wrong, right) = (number(size, 1, 1), number(32, 1, 1));
            for (x, y) in [(&wrong, &right), (&right, &wrong)] {
                let key = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
                assert!(parse(&key).is_none(), "a coordinate of {size} bytes");
            }
            let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{wrong}"}}"#);
            assert!(parse(&key).is_none(), "a point of {size} bytes");
        }
        assert!(ec_key("secp256k1", 32, "").is_none());
        let without_kty = format!(r#"{{"crv":"P-256","x":"{0}","y":"{0}"}}"#, number(32, 1, 1));
        assert!(parse(&without_kty).is_none(), "kty is required");
        for text in [r#"{"kty":"oct","k":"AQ"}"#, r#"{"kty":"AKP"}"#, "{}", "[]", "null", "1", r#"{"kty":1}"#] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
