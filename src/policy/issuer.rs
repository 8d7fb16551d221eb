//! Issuers of the policy.

use std::rc::Rc;

use super::reader::{Field, Table};
use super::tenants::{self, Tenants};
use super::url;
use crate::jose::algorithm::Algorithm;
use crate::jose::claim_path::ClaimPath;
use crate::jose::jws::normal_type;
use crate::jose::key_set::usable_keys;
use crate::jose::public_key::PublicKey;

/// The longest time span in seconds that a policy may set: a hundred years. It keeps sums of times in range.
pub const MAX_SECONDS: u64 = 100 * 366 * 86_400;

/// The longest timeout in milliseconds: the limit of the platform's timers.
pub const MAX_TIMEOUT_MS: u64 = 0x7fff_ffff;

/// An issuer of tokens, and how its tokens are validated.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The key under `issuers`, by which routes refer to it.
    pub name: String,
    /// Compared with `iss` byte for byte (RFC 8414 §3.3, RFC 9207 §2.4); with tenants the text that has the place for one
    /// of them. Key sets are stored by it.
    pub issuer: String,
    /// The tenants whose tokens are all of this issuer, if it has any.
    pub tenants: Option<Rc<Tenants>>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Accepted `alg` values (RFC 8725 §3.1).
    pub algorithms: Vec<Algorithm>,
    /// Whether tokens that are bound to a key (RFC 7800) are accepted without proof of possession.
    pub takes_bound: bool,
    /// Accepted clock skew in seconds for `exp`, `nbf`, `iat` and `max_age`.
    pub leeway: u64,
    /// Maximum age in seconds since `iat`; a token without `iat` is then invalid.
    pub max_age: Option<u64>,
    /// Accepted `typ` values, in lower case and without `application/` (RFC 8725 §3.11).
    pub types: Vec<String>,
    /// Whether a token must have a `typ`.
    pub type_required: bool,
    /// The claim with the scopes; by default `scope`, else `scp`.
    pub scope_claim: Option<ClaimPath>,
    /// How long a key set may be used.
    pub lifetime: Lifetime,
    /// Timeout in milliseconds of each fetch of metadata or keys.
    pub timeout_ms: u32,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// From the `jwks_uri` of the metadata at this URL (OpenID Connect Discovery 1.0 §4).
    Discovery(String),
    /// From this URL.
    Uri(String),
    /// From the policy itself; nothing is fetched.
    Static(Vec<PublicKey>),
}

/// How long a key set may be used, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// A set of a lower age is fresh.
    pub ttl: u64,
    /// A set of a lower age may still be used if it cannot be refreshed.
    pub max_stale: u64,
    /// Minimum time between two fetches that an unknown `kid` or a failure triggers.
    pub cooldown: u64,
}

impl Lifetime {
    fn read(issuer: &Table<'_>) -> Option<Self> {
        let seconds = |name, least, default: u64| issuer.or(name, default, |field| field.integer(least..=MAX_SECONDS));
        let (ttl, max_stale) = (seconds("jwks_ttl", 1, 600), seconds("jwks_max_stale", 0, 86_400));
        let cooldown = seconds("jwks_cooldown", 0, 30);
        Some(Self { ttl: ttl?, max_stale: max_stale?, cooldown: cooldown? })
    }

    /// Whether a set of this age needs no refresh.
    #[must_use]
    pub fn is_fresh(self, age: u64) -> bool {
        age < self.ttl
    }

    /// Whether a set of this age may be used if it cannot be refreshed. A fresh one always may.
    #[must_use]
    pub fn is_usable(self, age: u64) -> bool {
        age < self.ttl.max(self.max_stale)
    }
}

/// Reads the table of issuers. `None` stands for an invalid one, so that routes can still refer to it.
pub(super) fn read_all(field: &Field<'_>) -> Option<Vec<(String, Option<Issuer>)>> {
    let members = field.members()?;
    let mut seen: Vec<(NamedIss<'_>, &str)> = Vec::with_capacity(members.len());
    let mut issuers = Vec::with_capacity(members.len());
    for (name, field) in members {
        let (iss, issuer) = Issuer::read(name, &field);
        if let Some((iss, field)) = iss.zip(field.member("issuer")) {
            let common = seen.iter().find_map(|(known, twin)| Some((iss.in_common(known)?, twin)));
            if let Some((iss, twin)) = common {
                field.fail::<()>(format!("{iss:?} is also the issuer of {twin:?}"));
            }
            seen.push((iss, name));
        }
        issuers.push((name.to_owned(), issuer));
    }
    Some(issuers)
}

/// The values of `iss` of an issuer, the rest of which may be invalid.
struct NamedIss<'d> {
    text: &'d str,
    tenants: Option<Rc<Tenants>>,
}

impl NamedIss<'_> {
    /// A value that both have. Those with one text also share the place of their keys in the store.
    fn in_common(&self, other: &Self) -> Option<String> {
        if self.text == other.text {
            return Some(self.text.to_owned());
        }
        match (&self.tenants, &other.tenants) {
            (None, None) => None,
            (Some(tenants), None) => tenants.have_iss(other.text).then(|| other.text.to_owned()),
            (None, Some(tenants)) => tenants.have_iss(self.text).then(|| self.text.to_owned()),
            (Some(one), Some(other)) => one.all_iss().find(|iss| other.have_iss(iss)),
        }
    }
}

impl Issuer {
    /// Whether a token with this `iss` is one of this issuer's.
    #[must_use]
    pub fn has_iss(&self, iss: &str) -> bool {
        self.tenants.as_ref().map_or_else(|| self.issuer == iss, |tenants| tenants.have_iss(iss))
    }

    /// Reads an issuer, and which values `iss` has.
    fn read<'d>(name: &str, field: &Field<'d>) -> (Option<NamedIss<'d>>, Option<Self>) {
        let Some(table) = field.table() else { return (None, None) };
        let issuer = table.required("issuer").and_then(|field| Some((field.text()?, field)));
        let tenants = Tenants::read(&table, issuer.as_ref().map(|(text, field)| (*text, field)));
        let tenants = tenants.map(|tenants| tenants.map(Rc::new));
        let iss = issuer.as_ref().map(|(text, _)| NamedIss { text, tenants: tenants.clone().flatten() });
        (iss, Self::read_rest(name, &table, issuer, tenants))
    }

    fn read_rest<'d>(
        name: &str,
        table: &Table<'d>,
        issuer: Option<(&'d str, Field<'d>)>,
        tenants: Option<Option<Rc<Tenants>>>,
    ) -> Option<Self> {
        let keys = read_key_source(table, issuer.as_ref().map(|(_, field)| field));
        let lifetime = Lifetime::read(table);
        let takes_bound = table.or("bound_tokens", false, |field| field.one_of(&[("refuse", false), ("ignore", true)]));
        let leeway = table.or("leeway", 30_u64, |field| field.integer(0..=300));
        let max_age = table.optional("max_age", |field| field.integer(0..=MAX_SECONDS));
        let algorithms = table.or("algorithms", Algorithm::ALL, |field| field.list(|field| field.one_of(&named())));
        let types = table.optional("types", |field| field.list(|field| field.text().map(normal_type)));
        let scope_claim = table.optional("scope_claim", |field| field.text().map(ClaimPath::new));
        let timeout_ms = table.or("timeout_ms", 5000_u32, |field| field.integer(1..=MAX_TIMEOUT_MS));
        table.refuse_unknown_keys();

        let types = types?;
        Some(Self {
            name: name.to_owned(),
            issuer: issuer?.0.to_owned(),
            tenants: tenants?,
            keys: keys?,
            algorithms: algorithms?,
            takes_bound: takes_bound?,
            leeway: leeway?,
            max_age: max_age?,
            type_required: types.is_some(),
            types: types.unwrap_or_else(|| vec!["jwt".to_owned(), "at+jwt".to_owned()]),
            scope_claim: scope_claim?,
            lifetime: lifetime?,
            timeout_ms: timeout_ms?,
        })
    }
}

fn read_key_source(table: &Table<'_>, issuer: Option<&Field<'_>>) -> Option<KeySource> {
    match (table.field("jwks_uri"), table.field("jwks")) {
        (None, None) if issuer?.value.as_str().is_some_and(tenants::names_tenant) => {
            table.fail(
                "jwks_uri",
                "or jwks is required, since discovery finds the keys of one issuer, not of its tenants",
            );
            None
        }
        (None, None) => issuer?.read(url::discovery_url).map(KeySource::Discovery),
        (Some(uri), None) => uri.read(|text| url::check_key_url(text).map(|()| KeySource::Uri(text.to_owned()))),
        (None, Some(jwks)) => match usable_keys(jwks.value) {
            Ok(keys) => Some(KeySource::Static(keys)),
            Err(error) => jwks.fail(format!("expected a literal key set with a usable key: {error}")),
        },
        (Some(uri), Some(jwks)) => {
            uri.read(url::check_key_url);
            jwks.fail("expected either jwks or jwks_uri, not both")
        }
    }
}

/// Every name of an algorithm.
fn named() -> Vec<(&'static str, Algorithm)> {
    let usual = Algorithm::ALL.into_iter().map(|algorithm| (algorithm.name(), algorithm));
    let specified = Algorithm::ALL.into_iter().filter_map(|algorithm| Some((algorithm.specified_name()?, algorithm)));
    usual.chain(specified).collect()
}
