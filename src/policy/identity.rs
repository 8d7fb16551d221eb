//! What the gate tells the origin about the caller.

use super::identity_header::identity_header;
use super::proof::{Assertions, SharedSecret};
use super::reader::Field;
use crate::jose::claim_path::ClaimPath;
use crate::route::header::is_alike;

/// Headers that the gate sets itself, without the prefix. A policy cannot give them another meaning.
const OWN_HEADERS: [&str; 7] = ["subject", "client-id", "organization-id", "scopes", "audience", "issuer", "claims"];

pub(super) const DEFAULT_PREFIX: &str = "x-auth-";

/// The headers that carry the caller's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The prefix of all identity headers. Request headers that start with it are removed.
    pub prefix: String,
    /// The names of the headers that the gate sets itself.
    pub headers: IdentityHeaders,
    /// Whether the origin receives `Authorization`.
    pub forward_token: bool,
    /// Whether the origin receives the whole verified payload.
    pub payload_header: bool,
    /// Further headers, each with the claim that it carries.
    pub claims: Vec<ClaimHeader>,
    /// The assertions that the gate signs about the caller.
    pub assertion: Option<Assertions>,
    /// The secret that the gate shares with the origin.
    pub secret: Option<SharedSecret>,
}

/// Names of identity headers, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// `sub`
    pub subject: String,
    /// `client_id`, else `azp`
    pub client_id: String,
    /// The organization that the caller acts in.
    pub organization_id: String,
    /// The token's scopes, separated by spaces
    pub scopes: String,
    /// `aud`
    pub audience: String,
    /// `iss`
    pub issuer: String,
    /// The whole payload, in base64url as in the token
    pub claims: String,
}

impl IdentityHeaders {
    fn behind(prefix: &str) -> Self {
        let [subject, client_id, organization_id, scopes, audience, issuer, claims] =
            OWN_HEADERS.map(|name| format!("{prefix}{name}"));
        Self { subject, client_id, organization_id, scopes, audience, issuer, claims }
    }
}

/// A header that carries a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// The header's name in lower case.
    pub header: String,
    /// The claim whose value it carries.
    pub claim: ClaimPath,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            prefix: DEFAULT_PREFIX.to_owned(),
            headers: IdentityHeaders::behind(DEFAULT_PREFIX),
            forward_token: true,
            payload_header: false,
            claims: Vec::new(),
            assertion: None,
            secret: None,
        }
    }
}

impl Identity {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table()?;
        let default = Self::default();
        let prefix = table.or("prefix", default.prefix, |field| field.read(read_prefix));
        let forward_token = table.or("forward_token", default.forward_token, Field::boolean);
        let payload_header = table.or("payload_header", default.payload_header, Field::boolean);
        let behind = prefix.as_deref().unwrap_or_default();
        let mut own = OWN_HEADERS.map(|name| format!("{behind}{name}")).to_vec();
        let assertion_header = format!("{behind}assertion");
        let assertion = table.optional("assertion", |field| {
            own.push(assertion_header.clone());
            Assertions::read(field, assertion_header)
        });
        let keys = assertion.iter().flatten().flat_map(|assertion| assertion.keys.iter().cloned()).collect::<Vec<_>>();
        let secret = table.optional("secret", |field| SharedSecret::read(field, behind, &own, &keys));
        own.extend(secret.iter().flatten().map(|secret| secret.header.clone()));
        let claims = table.or("claims", Vec::new(), |field| read_claims(field, behind, &own));
        table.refuse_unknown_keys();
        let prefix = prefix?;
        Some(Self {
            headers: IdentityHeaders::behind(&prefix),
            prefix,
            forward_token: forward_token?,
            payload_header: payload_header?,
            claims: claims?,
            assertion: assertion?,
            secret: secret?,
        })
    }
}

fn read_prefix(text: &str) -> Result<String, String> {
    let is_good = (2..=32).contains(&text.len())
        && text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_good {
        Ok(text.to_owned())
    } else {
        Err("expected 2 to 32 of a-z, 0-9 and \"-\", ending in \"-\"".to_owned())
    }
}

fn read_claims(field: &Field<'_>, prefix: &str, own: &[String]) -> Option<Vec<ClaimHeader>> {
    let mut claims: Vec<ClaimHeader> = Vec::new();
    let mut all_good = true;
    for (name, field) in field.members()? {
        let claim = field.text().map(ClaimPath::new);
        let header = identity_header(prefix, name, own).and_then(|header| {
            let is_new = claims.iter().all(|known| !is_alike(&known.header, &header));
            is_new.then_some(header).ok_or_else(|| "appears twice".to_owned())
        });
        let header = header.map_or_else(|problem| field.fail(problem), Some);
        all_good &= claim.is_some() && header.is_some();
        claims.extend(header.zip(claim).map(|(header, claim)| ClaimHeader { header, claim }));
    }
    all_good.then_some(claims)
}
