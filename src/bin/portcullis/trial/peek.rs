//! What a token says of itself. Nothing vouches for it, and nothing here decides; it is shown as unverified.

use portcullis::base64url;
use portcullis::json::Json;
use portcullis::token::bearer;

/// The parts of a token that an operator needs to see why it is refused. Whose it is and what it allows are none of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Peek {
    pub(super) bytes: usize,
    pub(super) alg: Option<String>,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) iss: Option<String>,
    pub(super) exp: Option<String>,
    pub(super) nbf: Option<String>,
    pub(super) iat: Option<String>,
}

impl Peek {
    /// Looks at the token in an `Authorization` header, as far as there is one that can be read.
    pub(super) fn at(authorization: Option<&str>) -> Option<Self> {
        let token = bearer::extract(authorization).ok()??;
        let mut segments = token.split('.').map(|segment| base64url::decode(segment).unwrap_or_default());
        let mut segment = || segments.next().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (header, payload) = (segment(), segment());
        let (header, payload) = (Json::parse(&header).ok(), Json::parse(&payload).ok());
        let [alg, kid, typ] = ["alg", "kid", "typ"].map(|name| member(header.as_ref(), name));
        let [iss, exp, nbf, iat] = ["iss", "exp", "nbf", "iat"].map(|name| member(payload.as_ref(), name));
        Some(Self { bytes: token.len(), alg, kid, typ, iss, exp, nbf, iat })
    }
}

fn member(document: Option<&Json<'_>>, name: &str) -> Option<String> {
    let value = document?.as_object()?.get(name)?;
    Some(value.as_str().map_or_else(|| serde_json::to_string(value).unwrap_or_default(), str::to_owned))
}
