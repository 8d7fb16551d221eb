//! One public key of a JSON Web Key Set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), and which entries are ignored.

use super::algorithm::{Algorithm, Curve, KeyType};
use super::base64url;
use super::json::{Json, Object};
use super::passed_over::PassedOver;

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
    /// The numbers that make the key, by its type.
    pub material: Material,
    /// The only algorithm that the key may be used with, if its `alg` names one.
    algorithm: Option<Algorithm>,
    /// The JWK as the issuer published it, with all its members.
    source: Object<'static>,
}

/// The key material of a public key, in canonical base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// RSA modulus and exponent.
    Rsa {
        /// The modulus.
        n: String,
        /// The public exponent.
        e: String,
    },
    /// A point on the curve.
    Ec {
        /// The curve that the point is on.
        curve: Curve,
        /// The x coordinate.
        x: String,
        /// The y coordinate.
        y: String,
    },
    /// An Ed25519 public key.
    Ed25519 {
        /// The encoded point (RFC 8032 §5.1.2).
        x: String,
    },
}

impl PublicKey {
    /// Reads an entry of a key set.
    ///
    /// # Errors
    /// Why it is passed over.
    pub fn parse(entry: &Json<'_>) -> Result<Self, PassedOver> {
        let entry = entry.as_object().ok_or(PassedOver::NotObject)?;
        if let Some(member) = SECRET_MEMBERS.into_iter().find(|member| entry.get(member).is_some()) {
            return Err(PassedOver::Secret(member));
        }
        check_purpose(entry)?;
        let material = Material::parse(entry)?;
        let fits = |algorithm: &Algorithm| algorithm.key_type() == material.key_type();
        let algorithm = match optional_text(entry, "alg").ok_or(PassedOver::NotText("alg"))? {
            None => None,
            Some(name) => Some(Algorithm::from_name(name).filter(fits).ok_or_else(|| PassedOver::other("alg", name))?),
        };
        let kid = optional_text(entry, "kid").ok_or(PassedOver::NotText("kid"))?.map(str::to_owned);
        Ok(Self { kid, material, algorithm, source: entry.clone().into_owned() })
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

    /// The JWK as the issuer published it, with all its members.
    #[must_use]
    pub fn source(&self) -> &Object<'static> {
        &self.source
    }
}

impl Material {
    fn parse(entry: &Object<'_>) -> Result<Self, PassedOver> {
        let key_type = key_type(entry)?;
        let number = |member: &'static str| {
            let text = required_text(entry, member)?;
            coordinate(text, key_type).ok_or_else(|| PassedOver::bad_number(member, text, key_type.number_bytes()))
        };
        let integer =
            |member: &'static str| unsigned(required_text(entry, member)?).ok_or(PassedOver::Encoding(member));
        match key_type {
            KeyType::Rsa => rsa(&integer("n")?, &integer("e")?),
            KeyType::Ec(curve) => Ok(Self::Ec { curve, x: number("x")?, y: number("y")? }),
            KeyType::Ed25519 => Ok(Self::Ed25519 { x: number("x")? }),
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

fn key_type(entry: &Object<'_>) -> Result<KeyType, PassedOver> {
    let kty = required_text(entry, "kty")?;
    if let Some(key_type) = KeyType::of_jwk(kty, entry.get("crv").and_then(Json::as_str)) {
        return Ok(key_type);
    }
    let is_known = KeyType::ALL.iter().any(|known| known.kty() == kty);
    Err(if is_known { PassedOver::other("crv", required_text(entry, "crv")?) } else { PassedOver::other("kty", kty) })
}

/// `use` (RFC 7517 §4.2), if present, is `sig`; `key_ops` (§4.3), if present, holds `verify`.
fn check_purpose(entry: &Object<'_>) -> Result<(), PassedOver> {
    if let Some(purpose) = optional_text(entry, "use").ok_or(PassedOver::NotText("use"))?
        && purpose != "sig"
    {
        return Err(PassedOver::other("use", purpose));
    }
    let holds_verify = |ops: &[Json<'_>]| ops.iter().any(|op| op.as_str() == Some("verify"));
    if entry.get("key_ops").is_some_and(|value| !value.as_array().is_some_and(holds_verify)) {
        return Err(PassedOver::Operations);
    }
    Ok(())
}

/// A member that must be present, and a string.
fn required_text<'o>(entry: &'o Object<'_>, member: &'static str) -> Result<&'o str, PassedOver> {
    entry.get(member).ok_or(PassedOver::Absent(member))?.as_str().ok_or(PassedOver::NotText(member))
}

/// A member that must be a string if present; `None` for any other type.
pub(super) fn optional_text<'o>(entry: &'o Object<'_>, member: &str) -> Option<Option<&'o str>> {
    entry.get(member).map_or(Some(None), |value| value.as_str().map(Some))
}

fn rsa(n: &[u8], e: &[u8]) -> Result<Material, PassedOver> {
    let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
    if bits < MIN_RSA_BITS {
        return Err(PassedOver::ShortModulus(bits));
    }
    if !matches!(e, [.., last] if last % 2 == 1) || matches!(e, [only] if *only < MIN_RSA_EXPONENT) {
        return Err(PassedOver::BadExponent);
    }
    Ok(Material::Rsa { n: base64url::encode(n), e: base64url::encode(e) })
}

/// An unsigned number. Some issuers put a zero byte in front of the modulus, against RFC 7518 §6.3.1.1; it means the same
/// and is dropped.
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

    fn parse(text: &str) -> Result<PublicKey, PassedOver> {
        PublicKey::parse(&Json::parse(text).unwrap())
    }

    fn number(bytes: usize, first: u8, last: u8) -> String {
        let mut number = vec![0x55; bytes];
        number[0] = first;
        *number.last_mut().unwrap() = last;
        base64url::encode(&number)
    }

    fn rsa_key(n: &str, e: &str, more: &str) -> Result<PublicKey, PassedOver> {
        parse(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"{more}}}"#))
    }

    fn ec_key(crv: &str, size: usize, more: &str) -> Result<PublicKey, PassedOver> {
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
        for alg in ["EdDSA", "Ed25519"] {
            let named = ed.replacen('{', &format!(r#"{{"alg":"{alg}","#), 1);
            assert_eq!(fits(parse(&named).unwrap()), ["EdDSA"], "{alg}");
        }
    }

    #[test]
    fn weak_rsa_keys_are_passed_over() {
        let n = number(256, 0x80, 1);
        let short = |bits| Err(PassedOver::ShortModulus(bits));
        assert_eq!(rsa_key(&number(256, 0x7f, 1), "AQAB", ""), short(2047));
        let led = number(257, 0, 1);
        assert_eq!(rsa_key(&led, "AQAB", ""), short(2047), "a leading zero byte adds no strength");
        assert_eq!(rsa_key("", "AQAB", ""), short(0), "n is empty");
        for (e, what) in [("AQ", "1"), ("AA", "0"), ("", "empty"), ("AQAC", "even")] {
            assert_eq!(rsa_key(&n, e, ""), Err(PassedOver::BadExponent), "e is {what}");
        }
        assert!(rsa_key(&n, "Aw", "").is_ok(), "e is 3");
        assert_eq!(rsa_key(&format!("{n}="), "AQAB", ""), Err(PassedOver::Encoding("n")), "padding");
        let mut led = vec![0];
        led.extend(base64url::decode(&n).unwrap());
        assert_eq!(
            rsa_key(&base64url::encode(&led), "AAEAAQ", "").unwrap().material,
            rsa_key(&n, "AQAB", "").unwrap().material
        );
    }

    #[test]
    fn entries_that_are_not_public_signature_keys_are_passed_over() {
        for (more, reason) in [
            (r#","use":"enc""#, PassedOver::other("use", "enc")),
            (r#","use":1"#, PassedOver::NotText("use")),
            (r#","key_ops":["sign"]"#, PassedOver::Operations),
            (r#","key_ops":[]"#, PassedOver::Operations),
            (r#","key_ops":"verify""#, PassedOver::Operations),
            (r#","use":"sig","key_ops":["sign"]"#, PassedOver::Operations),
            (r#","alg":"ES384""#, PassedOver::other("alg", "ES384")),
            (r#","alg":"HS256""#, PassedOver::other("alg", "HS256")),
            (r#","alg":"Ed25519""#, PassedOver::other("alg", "Ed25519")),
            (r#","alg":1"#, PassedOver::NotText("alg")),
            (r#","kid":1"#, PassedOver::NotText("kid")),
        ] {
            assert_eq!(ec_key("P-256", 32, more), Err(reason), "{more}");
        }
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            for value in [r#""AQ""#, "[]"] {
                let more = format!(r#","{member}":{value}"#);
                assert_eq!(ec_key("P-256", 32, &more), Err(PassedOver::Secret(member)), "{more}");
            }
        }
        for more in
            ["", r#","use":"sig""#, r#","key_ops":["sign","verify"]"#, r#","alg":"ES256""#, r#","x5c":["junk"]"#]
        {
            assert!(ec_key("P-256", 32, more).is_ok(), "{more}");
        }
        for size in [31, 33] {
            let (wrong, right) = (number(size, 1, 1), number(32, 1, 1));
            for (x, y, member) in [(&wrong, &right, "x"), (&right, &wrong, "y")] {
                let key = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
                assert_eq!(parse(&key), Err(PassedOver::Length(member, size, 32)));
            }
            let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{wrong}"}}"#);
            assert_eq!(parse(&key), Err(PassedOver::Length("x", size, 32)));
        }
        assert_eq!(ec_key("secp256k1", 32, ""), Err(PassedOver::other("crv", "secp256k1")));
        let without_kty = format!(r#"{{"crv":"P-256","x":"{0}","y":"{0}"}}"#, number(32, 1, 1));
        assert_eq!(parse(&without_kty), Err(PassedOver::Absent("kty")), "kty is required");
        assert_eq!(parse(r#"{"kty":"oct","k":"AQ"}"#), Err(PassedOver::Secret("k")));
        for (text, reason) in [
            (r#"{"kty":"AKP"}"#, PassedOver::other("kty", "AKP")),
            (r#"{"kty":"oct"}"#, PassedOver::other("kty", "oct")),
            (r#"{"kty":"rsa"}"#, PassedOver::other("kty", "rsa")),
            (r#"{"kty":1}"#, PassedOver::NotText("kty")),
            (r#"{"kty":"EC"}"#, PassedOver::Absent("crv")),
            (r#"{"kty":"RSA","e":"AQAB"}"#, PassedOver::Absent("n")),
            (r#"{"kty":"OKP","crv":"Ed25519","x":1}"#, PassedOver::NotText("x")),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"+"}"#, PassedOver::Encoding("x")),
            (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, PassedOver::other("crv", "X25519")),
        ] {
            assert_eq!(parse(text), Err(reason), "{text}");
        }
        for text in ["[]", "null", "1"] {
            assert_eq!(parse(text), Err(PassedOver::NotObject), "{text}");
        }
    }
}
