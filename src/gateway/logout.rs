//! Logout tokens (OpenID Connect Back-Channel Logout 1.0): what they revoke.

use super::Gateway;
use crate::denial::{Denial, InvalidToken};
use crate::jose::json::Json;
use crate::jose::jws::Unverified;
use crate::jwks::set::KeyQuery;
use crate::platform::Platform;
use crate::policy::LogoutTokens;
use crate::revocation::entry::Entry;
use crate::time::UnixSeconds;
use crate::token::claims::Claims;
use crate::token::verify::Candidate;
use crate::trace::Observer;

/// The event of a logout token (§2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Its types (§2.4): recommended is the second, and older ones have none or the first.
const TYPES: [&str; 2] = ["jwt", "logout+jwt"];

impl<P: Platform + Observer> Gateway<P> {
    /// What the body of a logout request (§2.5) revokes, once its token is validated (§2.6).
    pub(super) async fn entries_of_logout(
        &self,
        body: &str,
        settings: &LogoutTokens,
        platform: &P,
    ) -> Result<Vec<Entry>, Denial> {
        let mut tokens = form_urlencoded::parse(body.as_bytes()).filter(|(name, _)| name == "logout_token");
        let (Some((_, token)), None) = (tokens.next(), tokens.next()) else {
            return Err(Denial::bad_request("expected one logout_token"));
        };
        if token.len() > self.policy.max_token_bytes {
            return Err(Denial::bad_request(InvalidToken::TooLong.text().1));
        }
        let token = Unverified::parse(&token).map_err(invalid)?;
        let found = self.issuer(token.issuer(), &settings.issuers);
        let (_, keys) = found.ok_or(InvalidToken::Issuer).map_err(invalid)?;
        let issuer = keys.issuer();
        let is_taken = |typ: Option<&str>| typ.is_none_or(|typ| TYPES.contains(&typ));
        let candidate = Candidate::of_type(token, issuer, is_taken, platform.now().seconds()).map_err(refused)?;
        let found = keys.find(&KeyQuery::by(candidate.header()), platform).await.map_err(refused)?;
        let claims = candidate.verify(&found.keys, platform).await.map_err(invalid)?;
        entries(claims.claims(), settings)
    }
}

fn entries(claims: &Claims, settings: &LogoutTokens) -> Result<Vec<Entry>, Denial> {
    if !claims.audiences().any(|audience| settings.audiences.iter().any(|known| known == audience)) {
        return Err(Denial::bad_request("the audience is none that logout tokens are taken for"));
    }
    let events = claims.all().get("events").and_then(Json::as_object);
    if events.and_then(|events| events.get(LOGOUT_EVENT)).and_then(Json::as_object).is_none() {
        return Err(Denial::bad_request("events lacks the logout event"));
    }
    // An ID token must not pass for a logout token.
    if claims.all().get("nonce").is_some() {
        return Err(Denial::bad_request("nonce must be absent"));
    }
    let issued_at = claims.issued_at().ok_or_else(|| Denial::bad_request("iat is absent"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "dates are from 0 to the year 9999")]
    let before = UnixSeconds(issued_at.ceil() as u64);
    let iss = claims.text("iss").unwrap_or_default();
    let mut entries = Vec::new();
    for name in ["sub", "sid"] {
        let Some(value) = claims.all().get(name) else { continue };
        let value = value.as_str().filter(|value| !value.is_empty());
        let entry = value.and_then(|value| Entry::new(iss, &[(name, value)], before));
        entries.push(entry.ok_or_else(|| Denial::bad_request("sub and sid must be texts"))?);
    }
    if entries.is_empty() { Err(Denial::bad_request("neither sub nor sid is there")) } else { Ok(entries) }
}

fn invalid(reason: InvalidToken) -> Denial {
    Denial::bad_request(reason.text().1)
}

/// The refusal of a token that is not valid. Keys that are not to be had are no fault of the token.
fn refused(denial: Denial) -> Denial {
    match denial {
        Denial::KeysUnavailable { .. } => denial,
        Denial::InvalidToken(reason) => invalid(reason),
        other => Denial::bad_request(other.reason().text().sentence),
    }
}
