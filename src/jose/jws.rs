//! Compact JWS (RFC 7515 §7.1): format and header. Nothing here verifies a token; it is only parsed.

use super::algorithm::Algorithm;
use super::base64url;
use super::json::{Json, Object};
use crate::denial::InvalidToken;

/// A parsed token that is not verified.
#[derive(Debug)]
pub struct Unverified<'t> {
    /// What the signature is verified with.
    pub jws: Jws<'t>,
    /// The payload; the types of its members are not checked.
    pub claims: Object<'static>,
}

/// The parts of a compact JWS that its signature is verified with.
#[derive(Debug)]
pub struct Jws<'t> {
    /// The parameters of the JOSE header that the gate uses.
    pub header: Header,
    /// The payload as encoded in the token.
    pub payload: &'t str,
    /// The signing input: header, dot, payload (RFC 7515 §5.1).
    pub signed: &'t str,
    /// The decoded signature.
    pub signature: Vec<u8>,
}

/// The parameters of a JOSE header that the gate uses. `jku`, `jwk`, `x5u` and `x5c` are ignored: a key that comes with
/// the token proves nothing (RFC 8725 §3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`
    pub kid: Option<String>,
    /// `typ`, in lower case and without `application/`
    pub typ: Option<String>,
}

impl<'t> Unverified<'t> {
    /// Parses a token: three segments that are not empty, each canonical base64url, header and payload strict JSON
    /// objects.
    ///
    /// # Errors
    /// Why it is not a token.
    pub fn parse(token: &'t str) -> Result<Self, InvalidToken> {
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(InvalidToken::NotThreeParts);
        };
        if [header, payload, signature].contains(&"") {
            return Err(InvalidToken::NotThreeParts);
        }
        let signed = token.get(..header.len() + 1 + payload.len()).ok_or(InvalidToken::NotThreeParts)?;
        let header = Header::read(&parse_object(&decode_text(header)?)?)?;
        let signature = base64url::decode(signature).ok_or(InvalidToken::Malformed)?;
        let claims = parse_object(&decode_text(payload)?)?.into_owned();
        Ok(Self { jws: Jws { header, payload, signed, signature }, claims })
    }

    /// The `iss` claim, which selects the issuer whose keys verify the token.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Json::as_str)
    }
}

impl Header {
    fn read(header: &Object<'_>) -> Result<Self, InvalidToken> {
        let algorithm = header.get("alg").and_then(Json::as_str).and_then(Algorithm::from_name);
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(InvalidToken::Malformed),
        };
        // RFC 7515 §4.1.11: the gate supports no extension, so it must refuse any `crit`.
        if header.get("crit").is_some() {
            return Err(InvalidToken::Critical);
        }
        // RFC 7797 §3: `b64: false` means an unencoded payload, which a JWT cannot have (§7).
        if !matches!(header.get("b64"), None | Some(Json::Bool(true))) {
            return Err(InvalidToken::Critical);
        }
        Ok(Self {
            algorithm: algorithm.ok_or(InvalidToken::Algorithm)?,
            kid: text("kid")?.map(str::to_owned),
            typ: text("typ")?.map(normal_type),
        })
    }
}

/// RFC 7515 §4.1.9: `typ` is a media type whose `application/` may be omitted; media types are case-insensitive.
#[must_use]
pub fn normal_type(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower)
}

fn decode_text(segment: &str) -> Result<String, InvalidToken> {
    base64url::decode(segment).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(InvalidToken::Malformed)
}

fn parse_object(text: &str) -> Result<Object<'_>, InvalidToken> {
    match Json::parse(text) {
        Ok(Json::Object(object)) => Ok(object),
        _ => Err(InvalidToken::Malformed),
    }
}
