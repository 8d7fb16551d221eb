//! The gate's private keys: JWKs (RFC 7517 §4) on P-256 (RFC 7518 §6.2) or Ed25519 (RFC 8037 §2).

use std::fmt;

use sha2::{Digest, Sha256};

use super::algorithm::{Algorithm, KeyType};
use super::base64url;
use super::json::{Json, Object};
use super::public_key::{PublicKey, coordinate, optional_text};

/// A private key for one algorithm, judging by its JWK alone. Import it and drop it. It has no `Debug`, so that no log
/// can contain it.
pub struct PrivateKey {
    /// The algorithm that it signs with.
    pub algorithm: Algorithm,
    /// The first coordinate of the public point; for Ed25519 the encoded point.
    pub x: String,
    /// The second coordinate; `None` for Ed25519.
    pub y: Option<String>,
    /// The private value: the scalar of an EC key (RFC 7518 §6.2.2.1), the seed of an Ed25519 key (RFC 8037 §2).
    pub d: String,
}

/// Why a text is not a usable signing key. Contains nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// Not a JSON object.
    NotJwk,
    /// `kty` or `crv` belongs to another algorithm.
    Type(Algorithm),
    /// `alg`, `use` or `key_ops` does not allow signing with this algorithm.
    Purpose(Algorithm),
    /// It has no `d`.
    Public,
    /// `d`, `x` or `y` is absent, or is not this many bytes, the curve's size.
    Number(usize),
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJwk => f.write_str("is not a JWK: expected one JSON object"),
            Self::Type(algorithm) => {
                let key_type = algorithm.key_type();
                let (kty, crv) = (key_type.kty(), key_type.crv().unwrap_or_default());
                write!(f, "is not a key for {algorithm}: expected kty {kty} and crv {crv}")
            }
            Self::Purpose(algorithm) => write!(f, "is not for signing with {algorithm}: see its alg, use or key_ops"),
            Self::Public => f.write_str("is not a private key: it has no d"),
            Self::Number(bytes) => {
                write!(f, "has a d, x or y that is absent or not {bytes} bytes in base64url without padding")
            }
        }
    }
}

impl PrivateKey {
    /// Parses a private JWK for one of [`Algorithm::OF_ASSERTIONS`]. Its own `kid` is ignored.
    ///
    /// # Errors
    /// See [`KeyProblem`].
    pub fn parse(text: &str, algorithm: Algorithm) -> Result<Self, KeyProblem> {
        let Ok(Json::Object(jwk)) = Json::parse(text) else { return Err(KeyProblem::NotJwk) };
        let key_type = algorithm.key_type();
        let member = |name: &str| jwk.get(name).and_then(Json::as_str);
        if member("kty") != Some(key_type.kty()) || member("crv") != key_type.crv() {
            return Err(KeyProblem::Type(algorithm));
        }
        if !is_for_signing(&jwk, algorithm) {
            return Err(KeyProblem::Purpose(algorithm));
        }
        if jwk.get("d").is_none() {
            return Err(KeyProblem::Public);
        }
        let problem = KeyProblem::Number(key_type.number_bytes());
        let number = |name: &str| member(name).and_then(|text| coordinate(text, key_type)).ok_or(problem);
        let y = if matches!(key_type, KeyType::Ec(_)) { Some(number("y")?) } else { None };
        Ok(Self { algorithm, x: number("x")?, y, d: number("d")? })
    }

    /// The key ID: the thumbprint of the JWK (RFC 7638), with SHA-256.
    #[must_use]
    pub fn kid(&self) -> String {
        base64url::encode(&Sha256::digest(format!("{{{}}}", self.public_members())))
    }

    /// The public JWK, as published.
    #[must_use]
    pub fn public_jwk(&self) -> String {
        let (kid, algorithm) = (self.kid(), self.algorithm);
        format!(r#"{{{},"kid":"{kid}","alg":"{algorithm}","use":"sig"}}"#, self.public_members())
    }

    /// The public key, parsed as every verifier parses it; `None` if that fails.
    #[must_use]
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::parse(&Json::parse(&self.public_jwk()).ok()?).ok()
    }

    /// The required members, in the order and form that the thumbprint is computed from (RFC 7638 §3.2 and §3.3). Their
    /// values are base64url or our own constants, so nothing has to be escaped.
    fn public_members(&self) -> String {
        let key_type = self.algorithm.key_type();
        let (kty, crv, x) = (key_type.kty(), key_type.crv().unwrap_or_default(), &self.x);
        let y = self.y.iter().map(|y| format!(r#","y":"{y}""#)).collect::<String>();
        format!(r#""crv":"{crv}","kty":"{kty}","x":"{x}"{y}"#)
    }
}

/// Whether `alg`, `use` and `key_ops` (RFC 7517 §4.2 to §4.4), if present, allow signing with this algorithm.
fn is_for_signing(jwk: &Object<'_>, algorithm: Algorithm) -> bool {
    let is =
        |name: &str, test: &dyn Fn(&str) -> bool| optional_text(jwk, name).is_some_and(|value| value.is_none_or(test));
    let may_sign = jwk
        .get("key_ops")
        .is_none_or(|value| value.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("sign"))));
    // WebCrypto exports Ed25519 keys with the fully specified name.
    is("alg", &|name| algorithm.goes_by(name)) && is("use", &|purpose| purpose == "sig") && may_sign
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.1.
    const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// RFC 7517 appendix A.2, whose curve is P-256.
    const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc","kid":"1"}"#;

    fn p256() -> String {
        P256.replace(r#","use":"enc""#, "")
    }

    fn problem(text: &str, algorithm: Algorithm) -> KeyProblem {
        PrivateKey::parse(text, algorithm).err().unwrap()
    }

    #[test]
    fn a_key_is_named_by_its_thumbprint_and_published_without_its_private_number() {
        // RFC 8037 appendix A.3.
        let key = PrivateKey::parse(ED25519, Algorithm::EdDsa).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let published = r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","alg":"EdDSA","use":"sig"}"#;
        assert_eq!(Json::parse(&key.public_jwk()), Json::parse(published));
        assert!(key.public().unwrap().fits(Algorithm::EdDsa));

        let key = PrivateKey::parse(&p256(), Algorithm::Es256).unwrap();
        let public = Json::parse(&key.public_jwk()).unwrap().into_owned();
        let names: Vec<_> = public.as_object().unwrap().iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["crv", "kty", "x", "y", "kid", "alg", "use"], "its own kid does not count");
        assert_eq!(public.as_object().unwrap().get("kid").unwrap().as_str(), Some(key.kid().as_str()));
        assert!(key.public().unwrap().fits(Algorithm::Es256));
    }

    #[test]
    fn a_key_must_fit_its_algorithm_and_be_private() {
        let (es256, eddsa) = (Algorithm::Es256, Algorithm::EdDsa);
        for text in ["", "secret", "[]", "null", "\"{}\"", "{", r#"{"kty":"EC","kty":"EC"}"#] {
            assert_eq!(problem(text, es256), KeyProblem::NotJwk, "{text}");
        }
        assert_eq!(problem("{}", es256), KeyProblem::Type(es256));
        assert_eq!(problem(&p256(), eddsa), KeyProblem::Type(eddsa));
        assert_eq!(problem(ED25519, es256), KeyProblem::Type(es256));
        for (from, to) in [("P-256", "P-384"), (r#""EC""#, r#""RSA""#), (r#""EC""#, "1"), (r#""crv":"P-256","#, "")] {
            assert_eq!(problem(&p256().replace(from, to), es256), KeyProblem::Type(es256), "{to}");
        }
        assert_eq!(problem(&p256().replace(r#""d""#, r#""D""#), es256), KeyProblem::Public);
        for (from, to) in [
            ("870M", "870"),
            ("870M", "870MAA"),
            ("eAE\"", "eAE=\""),
            ("MKBC", "MK+C"),
            (r#""x""#, r#""X""#),
            (r#""y""#, r#""Y""#),
            (r#""d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE""#, r#""d":1"#),
            (r#""d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE""#, r#""d":"""#),
        ] {
            assert_eq!(problem(&p256().replacen(from, to, 1), es256), KeyProblem::Number(32), "{to}");
        }
    }

    #[test]
    fn what_a_key_says_of_its_purpose_counts() {
        let with =
            |member: &str| PrivateKey::parse(&p256().replacen('{', &format!("{{{member},"), 1), Algorithm::Es256);
        for member in [r#""alg":"ES256""#, r#""use":"sig""#, r#""key_ops":["sign"]"#, r#""key_ops":["verify","sign"]"#]
        {
            assert!(with(member).is_ok(), "{member}");
        }
        for member in
            [r#""alg":"ES384""#, r#""alg":1"#, r#""use":"enc""#, r#""key_ops":["verify"]"#, r#""key_ops":"sign""#]
        {
            assert_eq!(with(member).err(), Some(KeyProblem::Purpose(Algorithm::Es256)), "{member}");
        }
        for alg in ["EdDSA", "Ed25519"] {
            let text = ED25519.replacen('{', &format!("{{\"alg\":\"{alg}\","), 1);
            assert!(PrivateKey::parse(&text, Algorithm::EdDsa).is_ok(), "{alg}");
        }
    }
}
