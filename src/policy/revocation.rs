//! Which tokens are refused before they expire: where the list of revocations is kept, and who may add to it.

use super::issuer::{Issuer, MAX_SECONDS};
use super::proof::read_secret;
use super::reader::{Field, Table};
use super::requirement::{Requirement, read_issuer, read_issuers};
use super::url::is_binding;

/// What an isolate reads a list in Workers KV for at the most, in seconds: its edge locations keep an entry for so long.
const LEAST_POLL_OF_KV: u64 = 60;

/// The policy's issuers, of which `None` is an invalid one.
type Issuers<'p> = Option<&'p [(String, Option<Issuer>)]>;

/// How tokens are revoked.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Where the list is kept.
    pub store: RevocationStore,
    /// Seconds after which an isolate looks for changes of the list, behind a response.
    pub poll: u64,
    /// Seconds after which a list decides on no request before it was looked for.
    pub max_age: u64,
    /// Whether tokens are refused while such a list cannot be read. Otherwise the list at hand decides, or none.
    pub denies_on_failure: bool,
    /// Seconds after its time for which an entry is kept: the longest life of a token.
    pub keep: u64,
    /// What a token must be to read and write entries over HTTP; `None` if nobody may.
    pub api: Option<Requirement>,
    /// Where Logto's webhooks are taken.
    pub logto: Option<LogtoWebhooks>,
    /// Where logout tokens are taken.
    pub logout: Option<LogoutTokens>,
}

/// Where the list of revocations is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationStore {
    /// In the Durable Object of the class `Revocations` behind this binding.
    Object(String),
    /// In the KV namespace behind this binding, as one value.
    Kv(String),
}

/// Logto's webhooks (<https://docs.logto.io/developers/webhooks>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogtoWebhooks {
    /// The name of the Worker secret with which they are signed.
    pub secret: String,
    /// The issuer whose users they are about, as an index into those of the policy.
    pub issuer: usize,
}

/// Logout tokens (OpenID Connect Back-Channel Logout 1.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutTokens {
    /// The clients for which they are taken: `aud` must name one of them.
    pub audiences: Vec<String>,
    /// Their issuers, as indices into those of the policy.
    pub issuers: Vec<usize>,
}

impl Revocation {
    pub(super) fn read(field: &Field<'_>, issuers: Issuers<'_>) -> Option<Self> {
        let table = field.table()?;
        let store = table.required("store").and_then(|field| field.read(RevocationStore::parse));
        let is_kv = matches!(store, Some(RevocationStore::Kv(_)));
        let (least, poll, max_age) = if is_kv { (LEAST_POLL_OF_KV, LEAST_POLL_OF_KV, 120) } else { (1, 5, 60) };
        let poll = table.or("poll", poll, |field| field.integer(least..=300));
        let least = poll.unwrap_or(1);
        let max_age = table.or("max_age", least.max(max_age), |field| field.integer(least..=MAX_SECONDS));
        let denies_on_failure =
            table.or("on_failure", false, |field| field.one_of(&[("allow", false), ("deny", true)]));
        let keep = table.or("keep", 86_400_u64, |field| field.integer(1..=MAX_SECONDS));
        let api = table.optional("api", |field| Requirement::read_own(field, issuers));
        let logto = table.optional("logto", |field| LogtoWebhooks::read(field, issuers));
        let logout = table.optional("logout", |field| LogoutTokens::read(field, issuers));
        table.refuse_unknown_keys();
        Some(Self {
            store: store?,
            poll: poll?,
            max_age: max_age?,
            denies_on_failure: denies_on_failure?,
            keep: keep?,
            api: api?,
            logto: logto?,
            logout: logout?,
        })
    }
}

impl RevocationStore {
    fn parse(text: &str) -> Result<Self, String> {
        let (binding, kind): (&str, fn(String) -> Self) = match text.strip_prefix("kv:") {
            Some(binding) => (binding, Self::Kv),
            None => (text, Self::Object),
        };
        if is_binding(binding) {
            return Ok(kind(binding.to_owned()));
        }
        Err("expected the binding of the Durable Object class Revocations, or kv:BINDING".to_owned())
    }

    /// The name of the binding.
    #[must_use]
    pub fn binding(&self) -> &str {
        match self {
            Self::Object(binding) | Self::Kv(binding) => binding,
        }
    }
}

impl LogtoWebhooks {
    fn read(field: &Field<'_>, issuers: Issuers<'_>) -> Option<Self> {
        let table = field.table()?;
        let secret = table.required("secret").and_then(|field| read_secret(&field));
        let issuer = table.required("issuer").and_then(|field| read_issuer(&field, issuers));
        table.refuse_unknown_keys();
        Some(Self { secret: secret?, issuer: issuer? })
    }
}

impl LogoutTokens {
    fn read(field: &Field<'_>, issuers: Issuers<'_>) -> Option<Self> {
        let table: Table<'_> = field.table()?;
        let text = |field: Field<'_>| field.text().map(str::to_owned);
        let audiences = table.required("audiences").and_then(|field| field.list(text));
        let issuers = read_issuers(table.field("issuers"), issuers);
        table.refuse_unknown_keys();
        Some(Self { audiences: audiences?, issuers: issuers? })
    }
}
