//! A key set (RFC 7517 §5) and the selection of keys for a token.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::denial::InvalidToken;
use crate::jose::algorithm::Algorithm;
use crate::jose::json::{Json, Object};
use crate::jose::jws::Header;
use crate::jose::key_set::{KeyEntries, KeySetError, MAX_SET_BYTES, key_entries};
use crate::jose::passed_over::{PassedOver, PassedOverEntry};
use crate::jose::public_key::PublicKey;
use crate::platform::Crypto;

/// Maximum number of keys tried for one token, if a set has several with the same `kid`.
pub const MAX_TRIED_KEYS: usize = 4;

/// The usable keys of one issuer, judging by their JWKs alone; each is imported when it is first needed.
#[derive(Debug)]
pub struct KeySet<K>(Rc<Entries<K>>);

#[derive(Debug)]
struct Entries<K> {
    usable: Vec<SetKey<K>>,
    passed_over: Vec<PassedOverEntry>,
}

#[derive(Debug)]
struct SetKey<K> {
    key: PublicKey,
    /// Its index in the set as it was read.
    index: usize,
    /// The results of imports, by algorithm: `None` if the platform refuses the key.
    imported: RefCell<Vec<(Algorithm, Option<Rc<K>>)>>,
}

/// Identifies one set among all that an issuer had.
#[derive(Debug)]
pub struct SetIdentity<K>(Weak<Entries<K>>);

/// Which key a token needs, according to its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`
    pub kid: Option<String>,
}

impl KeyQuery {
    /// The query of a token with this header.
    #[must_use]
    pub fn by(header: &Header) -> Self {
        Self { algorithm: header.algorithm, kid: header.kid.clone() }
    }
}

/// The keys for a token, and their set.
#[derive(Debug)]
pub struct Found<K> {
    /// The signature must be valid under one of these; never empty.
    pub keys: Vec<Rc<K>>,
    /// The set that they were selected from.
    pub set: SetIdentity<K>,
}

/// The keys of a set that fit one token.
#[derive(Debug)]
pub enum Selection<K> {
    /// The signature must be valid under one of these; never empty.
    Keys(Vec<Rc<K>>),
    /// The token names no key, and several fit. RFC 7515 §4.1.4 leaves the choice open; the gate does not guess.
    Ambiguous,
    /// No key fits.
    Unknown,
}

impl<K> KeySet<K> {
    /// Parses a key set.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        if text.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let set = Json::parse(text).map_err(|_| KeySetError::Malformed)?;
        let KeyEntries { usable, passed_over } = key_entries(&set)?;
        Ok(Self::of(usable.into_iter().map(|(index, key)| SetKey::new(index, key)).collect(), passed_over))
    }

    /// A set of keys that were parsed before.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self::of(keys.into_iter().enumerate().map(|(index, key)| SetKey::new(index, key)).collect(), Vec::new())
    }

    fn of(usable: Vec<SetKey<K>>, passed_over: Vec<PassedOverEntry>) -> Self {
        Self(Rc::new(Entries { usable, passed_over }))
    }

    /// The same set; imported keys are shared.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(Rc::clone(&self.0))
    }

    /// Distinguishes this set from all others; a set of the same entries that was fetched again may be another.
    #[must_use]
    pub fn identity(&self) -> SetIdentity<K> {
        SetIdentity(Rc::downgrade(&self.0))
    }

    /// Whether this set has that identity.
    #[must_use]
    pub fn is(&self, identity: &SetIdentity<K>) -> bool {
        // The weak pointer keeps the address from being given to another set.
        std::ptr::eq(Rc::as_ptr(&self.0), identity.0.as_ptr())
    }

    /// The known set if it has the same entries, so that tokens verified with it stay verified; else this one.
    #[must_use]
    pub fn or_same(self, known: &Self) -> Self {
        if self.sources().eq(known.sources()) && known.has_no_failed_import() { known.share() } else { self }
    }

    /// Whether no import failed. One that failed may succeed if it is repeated.
    fn has_no_failed_import(&self) -> bool {
        self.0.usable.iter().all(|key| key.imported.borrow().iter().all(|(_, imported)| imported.is_some()))
    }

    /// The usable keys, in the issuer's order.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.usable.iter().map(|key| &key.key)
    }

    /// The entries that are not among them.
    #[must_use]
    pub fn passed_over(&self) -> &[PassedOverEntry] {
        &self.0.passed_over
    }

    /// The entries as published, without ignored ones.
    pub fn sources(&self) -> impl Iterator<Item = &Object<'static>> {
        self.keys().map(PublicKey::source)
    }

    /// Selects the keys for a token.
    pub async fn select(&self, query: &KeyQuery, crypto: &impl Crypto<Key = K>) -> Selection<K> {
        let (algorithm, kid) = (query.algorithm, query.kid.as_deref());
        let most = if kid.is_some() { MAX_TRIED_KEYS } else { 2 };
        let mut chosen = Vec::new();
        for key in self.0.usable.iter().filter(|key| key.key.fits(algorithm)) {
            if kid.is_some_and(|kid| key.key.kid.as_deref() != Some(kid)) {
                continue;
            }
            chosen.extend(key.import(algorithm, crypto).await);
            if chosen.len() == most {
                break;
            }
        }
        match chosen.len() {
            0 => Selection::Unknown,
            2.. if kid.is_none() => Selection::Ambiguous,
            _ => Selection::Keys(chosen),
        }
    }

    /// The set without the keys that the platform cannot import.
    ///
    /// # Errors
    /// [`KeySetError::NoUsableKey`] if none is left.
    pub async fn importable(&self, crypto: &impl Crypto<Key = K>) -> Result<Self, KeySetError> {
        let Entries { usable, passed_over } = self.0.as_ref();
        let (mut keys, mut passed_over) = (Vec::with_capacity(usable.len()), passed_over.clone());
        for key in usable {
            let imported = match key.key.some_algorithm() {
                Some(algorithm) => key.import(algorithm, crypto).await,
                None => None,
            };
            if imported.is_some() {
                keys.push(SetKey { key: key.key.clone(), index: key.index, imported: key.imported.clone() });
            } else {
                passed_over.push(PassedOverEntry { index: key.index, reason: PassedOver::NotImported });
            }
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey(passed_over)) } else { Ok(Self::of(keys, passed_over)) }
    }
}

impl<K> Selection<K> {
    /// These keys, and the set that they were selected from.
    ///
    /// # Errors
    /// As [`Selection::into_keys`].
    pub(super) fn found_in(self, set: &KeySet<K>) -> Result<Found<K>, InvalidToken> {
        Ok(Found { keys: self.into_keys()?, set: set.identity() })
    }

    /// The keys to verify the signature with.
    ///
    /// # Errors
    /// [`InvalidToken::Key`] if no key fits, [`InvalidToken::AmbiguousKey`] if the token names none and several do.
    pub fn into_keys(self) -> Result<Vec<Rc<K>>, InvalidToken> {
        match self {
            Self::Keys(keys) => Ok(keys),
            Self::Ambiguous => Err(InvalidToken::AmbiguousKey),
            Self::Unknown => Err(InvalidToken::Key),
        }
    }
}

impl<K> SetKey<K> {
    fn new(index: usize, key: PublicKey) -> Self {
        Self { key, index, imported: RefCell::default() }
    }

    async fn import(&self, algorithm: Algorithm, crypto: &impl Crypto<Key = K>) -> Option<Rc<K>> {
        if let Some((_, imported)) = self.imported.borrow().iter().find(|(known, _)| *known == algorithm) {
            return imported.clone();
        }
        // No borrow is held across the await: another request may import the same key meanwhile.
        let imported = crypto.import(&self.key, algorithm).await.map(Rc::new);
        let mut known = self.imported.borrow_mut();
        if known.iter().all(|(other, _)| *other != algorithm) {
            known.push((algorithm, imported.clone()));
        }
        imported
    }
}
