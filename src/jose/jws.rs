//! Compact JWS (RFC 7515 §7.1): shape and header. Nothing here believes a token; it only reads it.

use super::algorithm::Algorithm;
use super::base64url;
use super::json::{Json, Object};
use crate::denial::InvalidToken;

/// A token that was read and is not believed.
#[derive(Debug)]
pub struct Unverified<'t> {
    /// What the signature is checked by.
    pub jws: Jws<'t>,
    /// The payload, whose members have any type.
    pub claims: Object<'static>,
}

/// The parts of a compact JWS by which its signature is checked.
#[derive(Debug)]
pub struct Jws<'t> {
    /// The header.
    pub header: Header,
    /// The payload as it stands in the token.
    pub payload: &'t str,
    /// What the signature covers: header, dot, payload (RFC 7515 §5.1).
    pub signed: &'t str,
    /// The signature.
    pub signature: Vec<u8>,
}

/// What the gate reads of a JOSE header. `jku`, `jwk`, `x5u` and `x5c` are not looked at: a key that a token brings
/// along proves nothing (RFC 8725 §3.10).
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
    /// Reads a token: three segments that are not empty, each canonical base64url, header and payload strict JSON
    /// objects.
    ///
    /// # Errors
    /// Why it cannot be a token.
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

    /// The `iss` claim, to choose the issuer by whose keys the token is then verified.
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
        // RFC 7515 §4.1.11: the gate understands no extension, so any `crit` is one that it must refuse.
        if header.get("crit").is_some() {
            return Err(InvalidToken::Critical);
        }
        // RFC 7797 §3: an unencoded payload has `b64: false`, and then `crit`; neither is a JWT (§7).
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

/// RFC 7515 §4.1.9: `typ` is a media type whose `application/` may be left out; media types ignore case.
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
