//! Entries: which tokens are revoked, and the key by which a token finds the entries that may concern it.

use sha2::{Digest, Sha256};

use crate::authorize::{ORGANIZATION_AUDIENCE, client_of};
use crate::jose::json::Json;
use crate::policy::Issuer;
use crate::policy::reader::{Names, PolicyError, read_document};
use crate::time::UnixSeconds;
use crate::token::claims::Claims;

/// What an entry may name besides the issuer, in the order of [`EntryKey`]'s bits.
pub const NAMES: [&str; 5] = ["sub", "client_id", "organization", "jti", "sid"];

/// The bit of the organization in a mask of [`NAMES`]. A token may be for several.
pub(super) const ORGANIZATION: u8 = 1 << 2;

/// How far ahead of the clock the time of an entry may be, in seconds.
const MAX_AHEAD: u64 = 60;

/// Maximum size of an entry in bytes. No identifier comes near it.
const MAX_BYTES: usize = 4096;

/// Tokens of an issuer that are revoked: those with all that is named here, issued before some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The `iss` of the tokens; with tenants the issuer's text with the place for one, which stands for all of them.
    issuer: String,
    /// What else the entry names, in the order of [`NAMES`].
    named: [Option<String>; NAMES.len()],
    /// Tokens are revoked whose `iat` is before this time.
    before: UnixSeconds,
}

/// Stands for all that an entry names: a bit for each of [`NAMES`], then the first bytes of a SHA-256. Two entries with one
/// key are the same but for their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey([u8; KEY_BYTES]);

const KEY_BYTES: usize = 16;

impl Entry {
    /// An entry of what is named, by the names in [`NAMES`]. `None` if it is too long.
    #[must_use]
    pub fn new(issuer: &str, named: &[(&'static str, &str)], before: UnixSeconds) -> Option<Self> {
        let of = |name| named.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let entry = Self { issuer: issuer.to_owned(), named: NAMES.map(of), before };
        (entry.json().len() <= MAX_BYTES).then_some(entry)
    }

    /// Reads an entry in JSON, as people and programs write it. Without a time it revokes all that was issued so far.
    ///
    /// # Errors
    /// What is wrong with it, for its author.
    pub fn read<'i>(
        text: &str,
        issuers: impl Iterator<Item = &'i Issuer> + Clone,
        now: UnixSeconds,
    ) -> Result<Self, String> {
        let entry = read_document(text, "an entry", |table| {
            let issuer = table.required("issuer").and_then(|field| {
                let text = field.text()?;
                issuer_of(text, issuers.clone()).or_else(|| field.fail("expected an issuer of the policy"))
            });
            let named = NAMES.map(|name| table.optional(name, |field| field.text().map(str::to_owned)));
            let latest = now.plus(MAX_AHEAD);
            let before = table.or("before", now.0 + 1, |field| field.integer(0..=latest.0));
            table.refuse_unknown_keys();
            let [sub, client, organization, jti, sid] = named;
            let named = [sub?, client?, organization?, jti?, sid?];
            Some(Self { issuer: issuer?, named, before: UnixSeconds(before?) })
        });
        let entry = entry.map_err(|errors| errors.iter().map(told).collect::<Vec<_>>().join("; "))?;
        if entry.json().len() > MAX_BYTES {
            return Err(format!("expected at most {MAX_BYTES} bytes"));
        }
        Ok(entry)
    }

    /// Stands for what it names.
    #[must_use]
    pub fn key(&self) -> EntryKey {
        let mut key = KeyMaker::new(&self.issuer);
        for (index, value) in self.named.iter().enumerate() {
            if let Some(value) = value {
                key.add(index, value);
            }
        }
        key.finish()
    }

    /// Tokens are revoked whose `iat` is before this time.
    #[must_use]
    pub fn before(&self) -> UnixSeconds {
        self.before
    }

    /// What it names, in JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let named = NAMES.into_iter().zip(&self.named).map(|(name, value)| (name, value.as_deref().map(Json::text)));
        let members = [("issuer", Some(Json::text(self.issuer.as_str())))].into_iter().chain(named);
        Json::members(members.collect()).to_string()
    }
}

/// An error for the author of an entry. The name of a member that does not belong there could be anything.
fn told(error: &PolicyError) -> String {
    match error.names {
        Some(Names::Keys(_)) => error.message.clone(),
        _ => error.to_string(),
    }
}

/// The `iss` that an entry's `issuer` stands for: itself, or that of the policy's issuer of this name.
fn issuer_of<'i>(text: &str, mut issuers: impl Iterator<Item = &'i Issuer> + Clone) -> Option<String> {
    if issuers.clone().any(|issuer| issuer.has_iss(text)) {
        return Some(text.to_owned());
    }
    issuers.find(|issuer| issuer.name == text).map(|issuer| issuer.issuer.clone())
}

/// The key of the entry that names of a token what `mask` says, and this organization of those that it is for. `None` if the
/// token lacks some of it.
pub(super) fn key_of(claims: &Claims, issuer: &str, organization: Option<&str>, mask: u8) -> Option<EntryKey> {
    let mut key = KeyMaker::new(issuer);
    let values = [claims.text("sub"), client_of(claims), organization, claims.text("jti"), claims.text("sid")];
    for (index, value) in values.into_iter().enumerate() {
        if mask & (1 << index) != 0 {
            key.add(index, value?);
        }
    }
    Some(key.finish())
}

/// The organizations that a token is for.
pub(super) fn organizations(claims: &Claims) -> impl Iterator<Item = &str> {
    let audiences = claims.audiences().filter_map(|audience| audience.strip_prefix(ORGANIZATION_AUDIENCE));
    claims.text("organization_id").into_iter().chain(audiences)
}

struct KeyMaker {
    mask: u8,
    hash: Sha256,
}

impl KeyMaker {
    fn new(issuer: &str) -> Self {
        let mut maker = Self { mask: 0, hash: Sha256::new() };
        maker.update(issuer);
        maker
    }

    fn add(&mut self, index: usize, value: &str) {
        self.mask |= 1 << index;
        self.hash.update([u8::try_from(index).unwrap_or(u8::MAX)]);
        self.update(value);
    }

    /// The length comes first, so that no two series of texts are one.
    fn update(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text);
    }

    fn finish(self) -> EntryKey {
        let hash = self.hash.finalize();
        let mut key = [self.mask; KEY_BYTES];
        for (byte, hashed) in key.iter_mut().skip(1).zip(hash) {
            *byte = hashed;
        }
        EntryKey(key)
    }
}

impl EntryKey {
    /// Reads a key as [`EntryKey::to_string`] writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * KEY_BYTES {
            return None;
        }
        let mut key = [0; KEY_BYTES];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        (key.first()? >> NAMES.len() == 0).then_some(Self(key))
    }

    /// Which of [`NAMES`] are named, as bits.
    #[must_use]
    pub fn mask(self) -> u8 {
        self.0[0]
    }
}

/// The value of a lower-case hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl std::fmt::Display for EntryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
