//! Claims (RFC 7519 §4, RFC 9068 §2.2): types, times and lookup.

use crate::denial::{Denial, InvalidToken};
use crate::jose::claim_path::ClaimPath;
use crate::jose::json::{ALLOCATION, Json, Object};
use crate::policy::Issuer;
use crate::time::UnixSeconds;

/// The latest time in a claim. No honest token goes beyond it.
#[expect(clippy::cast_precision_loss, reason = "it has far fewer than 53 bits")]
const MAX_NUMERIC_DATE: f64 = UnixSeconds::MAX_RFC3339.0 as f64;

/// Claims that must be strings if present.
pub const STRING_CLAIMS: [&str; 5] = ["sub", "client_id", "azp", "jti", "organization_id"];

/// The payload of a token. Its registered claims have the right types.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    claims: Object<'static>,
    payload: String,
    scopes: Vec<String>,
    times: Times,
}

/// Seconds since 1970, which may have a fraction (RFC 7519 §2).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    expires: f64,
    not_before: Option<f64>,
    issued_at: Option<f64>,
}

impl Claims {
    /// Checks the types of the claims. `payload` is the payload as encoded in the token.
    ///
    /// # Errors
    /// [`InvalidToken::Claims`] for an absent `exp`, an absent `iat` if the issuer has a `max_age`, and any claim of
    /// the wrong type. [`InvalidToken::Bound`] for any `cnf` (RFC 7800 §3.1), unless the policy says to ignore it: DPoP
    /// (RFC 9449 §6) and certificate-bound tokens (RFC 8705 §3) need a proof of possession that the gate cannot check.
    pub fn new(claims: Object<'static>, payload: &str, issuer: &Issuer) -> Result<Self, InvalidToken> {
        let is_string = |name: &str| claims.get(name).is_none_or(|value| value.as_str().is_some());
        if !STRING_CLAIMS.into_iter().all(is_string) || !has_good_audience(&claims) {
            return Err(InvalidToken::Claims);
        }
        let times = Times {
            expires: numeric_date(&claims, "exp")?.ok_or(InvalidToken::Claims)?,
            not_before: numeric_date(&claims, "nbf")?,
            issued_at: numeric_date(&claims, "iat")?,
        };
        if issuer.max_age.is_some() && times.issued_at.is_none() {
            return Err(InvalidToken::Claims);
        }
        let scopes = read_scopes(&claims, issuer.scope_claim.as_ref())?;
        if !issuer.takes_bound && claims.get("cnf").is_some() {
            return Err(InvalidToken::Bound);
        }
        Ok(Self { payload: payload.to_owned(), scopes, times, claims })
    }

    /// Checks the times, in the order `exp`, `nbf`, `iat`, `max_age`.
    ///
    /// # Errors
    /// [`Denial::TokenExpired`], [`Denial::TokenNotYetValid`], [`Denial::TokenTooOld`].
    pub fn check_times(&self, issuer: &Issuer, now: UnixSeconds) -> Result<(), Denial> {
        #[expect(clippy::cast_precision_loss, reason = "times of this era have far fewer than 53 bits")]
        let (now, leeway, max_age) = (now.0 as f64, issuer.leeway as f64, issuer.max_age.map(|age| age as f64));
        let Times { expires, not_before, issued_at } = self.times;
        // RFC 7519 §4.1.4: at `exp` itself the token has expired.
        if now >= expires + leeway {
            return Err(Denial::TokenExpired);
        }
        if [not_before, issued_at].into_iter().flatten().any(|start| start > now + leeway) {
            return Err(Denial::TokenNotYetValid);
        }
        match (issued_at, max_age) {
            (Some(issued_at), Some(max_age)) if now - issued_at > max_age + leeway => Err(Denial::TokenTooOld),
            _ => Ok(()),
        }
    }

    /// The first second at which [`Claims::check_times`] fails for good, because the token has expired or is too old.
    #[must_use]
    pub fn valid_until(&self, issuer: &Issuer) -> UnixSeconds {
        #[expect(clippy::cast_precision_loss, reason = "times of this era have far fewer than 53 bits")]
        let (leeway, max_age) = (issuer.leeway as f64, issuer.max_age.map(|age| age as f64));
        let expiry = (self.times.expires + leeway).ceil();
        let age =
            self.times.issued_at.zip(max_age).map(|(issued_at, max_age)| (issued_at + max_age + leeway).floor() + 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "dates are from 0 to the year 9999"
        )]
        let until = age.map_or(expiry, |age| age.min(expiry)) as u64;
        UnixSeconds(until)
    }

    /// The time of issue in seconds since 1970 (RFC 7519 §4.1.6), which may have a fraction.
    #[must_use]
    pub fn issued_at(&self) -> Option<f64> {
        self.times.issued_at
    }

    /// A claim that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Json::as_str)
    }

    /// The audiences (RFC 7519 §4.1.3).
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let claim = self.claims.get("aud");
        let one = claim.and_then(Json::as_str);
        let several = claim.and_then(Json::as_array).unwrap_or_default();
        one.into_iter().chain(several.iter().filter_map(Json::as_str))
    }

    /// The scopes, from the claim that the issuer's `scope_claim` names; by default from `scope` (RFC 9068 §2.2.3), else
    /// from `scp`.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The payload as encoded in the token: base64url of JSON.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Approximate memory use in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let scopes = self.scopes.iter().map(|scope| ALLOCATION + scope.len());
        let list = ALLOCATION + self.scopes.capacity() * size_of::<String>() + scopes.sum::<usize>();
        ALLOCATION + size_of::<Self>() + self.claims.weight() + ALLOCATION + self.payload.len() + list
    }

    /// All claims.
    #[must_use]
    pub fn all(&self) -> &Object<'static> {
        &self.claims
    }

    /// The claim at this path, if present.
    #[must_use]
    pub fn get(&self, path: &ClaimPath) -> Option<&Json<'static>> {
        path.find(&self.claims)
    }
}

fn has_good_audience(claims: &Object<'_>) -> bool {
    match claims.get("aud") {
        None | Some(Json::String(_)) => true,
        Some(Json::Array(audiences)) => audiences.iter().all(|audience| audience.as_str().is_some()),
        Some(_) => false,
    }
}

fn numeric_date(claims: &Object<'_>, name: &str) -> Result<Option<f64>, InvalidToken> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Number(number)) => {
            let date = number.as_f64().filter(|date| (0.0..=MAX_NUMERIC_DATE).contains(date));
            date.map(Some).ok_or(InvalidToken::Claims)
        }
        Some(_) => Err(InvalidToken::Claims),
    }
}

fn read_scopes(claims: &Object<'_>, configured: Option<&ClaimPath>) -> Result<Vec<String>, InvalidToken> {
    let Some(path) = configured else {
        // Both must have the right type if present, though the first takes precedence.
        let scope = claims.get("scope").map(scope_list).transpose()?;
        let scp = claims.get("scp").map(scope_list).transpose()?;
        return Ok(scope.or(scp).unwrap_or_default());
    };
    path.find(claims).map_or(Ok(Vec::new()), scope_list)
}

/// RFC 6749 §3.3: scopes are separated by spaces, and by no other white space. An element of an array is one scope, or
/// none if it contains white space.
fn scope_list(claim: &Json<'_>) -> Result<Vec<String>, InvalidToken> {
    match claim {
        Json::String(text) => Ok(text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()),
        Json::Array(items) => {
            let texts: Vec<&str> = items.iter().map(Json::as_str).collect::<Option<_>>().ok_or(InvalidToken::Claims)?;
            // Lists of roles have entries like "Sales team", which are no scopes.
            Ok(texts.into_iter().filter(|text| !text.contains(char::is_whitespace)).map(str::to_owned).collect())
        }
        _ => Err(InvalidToken::Claims),
    }
}
