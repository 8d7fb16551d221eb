//! A key set (RFC 7517 §5) and the choice of keys for a token.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::denial::InvalidToken;
use crate::jose::algorithm::Algorithm;
use crate::jose::json::{Json, Object};
use crate::jose::jws::Header;
use crate::jose::key_set::{KeySetError, MAX_SET_BYTES, usable_keys};
use crate::jose::public_key::PublicKey;
use crate::platform::Crypto;

/// The most keys that are tried for one token, where a set holds a `kid` more than once.
pub const MAX_TRIED_KEYS: usize = 4;

/// The usable keys of one issuer, as far as their text shows; each is imported when it is first needed.
#[derive(Debug)]
pub struct KeySet<K> {
    keys: Rc<Vec<SetKey<K>>>,
}

#[derive(Debug)]
struct SetKey<K> {
    key: PublicKey,
    /// What importing gave, by algorithm: `None` where the platform refuses the key.
    imported: RefCell<Vec<(Algorithm, Option<Rc<K>>)>>,
}

/// Which set it was, among all that an issuer had.
#[derive(Debug)]
pub struct SetIdentity<K>(Weak<Vec<SetKey<K>>>);

/// What a token asks of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`
    pub kid: Option<String>,
}

impl KeyQuery {
    /// What the token with this header asks.
    #[must_use]
    pub fn by(header: &Header) -> Self {
        Self { algorithm: header.algorithm, kid: header.kid.clone() }
    }
}

/// The keys for a token, and the set that they are of.
#[derive(Debug)]
pub struct Found<K> {
    /// The signature must hold under one of these; never empty.
    pub keys: Vec<Rc<K>>,
    /// The set.
    pub set: SetIdentity<K>,
}

/// The keys for one token.
#[derive(Debug)]
pub enum Selection<K> {
    /// The signature must hold under one of these; never empty.
    Keys(Vec<Rc<K>>),
    /// The token names no key, and several fit (RFC 7515 §4.1.4 leaves the choice open; guessing is not one).
    Ambiguous,
    /// No key fits.
    Unknown,
}

impl<K> KeySet<K> {
    /// Reads the text of a key set.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        if text.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        Self::from_json(&Json::parse(text).map_err(|_| KeySetError::Malformed)?)
    }

    /// Reads a key set: an object with a list `keys`.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn from_json(set: &Json<'_>) -> Result<Self, KeySetError> {
        Ok(Self::new(usable_keys(set)?))
    }

    /// A set of keys that were read before.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>) -> Self {
        let keys = keys.into_iter().map(|key| SetKey { key, imported: RefCell::default() });
        Self { keys: Rc::new(keys.collect()) }
    }

    /// The same set, which shares what is imported.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { keys: Rc::clone(&self.keys) }
    }

    /// Tells this set from all others; a set of the same entries that was fetched again may be another.
    #[must_use]
    pub fn identity(&self) -> SetIdentity<K> {
        SetIdentity(Rc::downgrade(&self.keys))
    }

    /// Whether this set is the one.
    #[must_use]
    pub fn is(&self, identity: &SetIdentity<K>) -> bool {
        // The weak pointer keeps the address from being given to another set.
        std::ptr::eq(Rc::as_ptr(&self.keys), identity.0.as_ptr())
    }

    /// This set; but the known one if that has the same entries, for what was verified with it still is.
    #[must_use]
    pub fn or_same(self, known: &Self) -> Self {
        if self.sources().eq(known.sources()) && known.has_no_failed_import() { known.share() } else { self }
    }

    /// An import that failed may not fail again.
    fn has_no_failed_import(&self) -> bool {
        self.keys.iter().all(|key| key.imported.borrow().iter().all(|(_, imported)| imported.is_some()))
    }

    /// The entries as they were published, without those that are passed over.
    pub fn sources(&self) -> impl Iterator<Item = &Object<'static>> {
        self.keys.iter().map(|key| key.key.source())
    }

    /// Chooses the keys for a token.
    pub async fn select(&self, query: &KeyQuery, crypto: &impl Crypto<Key = K>) -> Selection<K> {
        let (algorithm, kid) = (query.algorithm, query.kid.as_deref());
        let most = if kid.is_some() { MAX_TRIED_KEYS } else { 2 };
        let mut chosen = Vec::new();
        for key in self.keys.iter().filter(|key| key.key.fits(algorithm)) {
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
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in self.keys.iter() {
            let imported = match key.key.some_algorithm() {
                Some(algorithm) => key.import(algorithm, crypto).await,
                None => None,
            };
            if imported.is_some() {
                keys.push(SetKey { key: key.key.clone(), imported: key.imported.clone() });
            }
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self { keys: Rc::new(keys) }) }
    }
}

impl<K> Selection<K> {
    /// The keys.
    ///
    /// # Errors
    /// [`InvalidToken::Key`] if there is none, or no telling which.
    pub fn into_keys(self) -> Result<Vec<Rc<K>>, InvalidToken> {
        match self {
            Self::Keys(keys) => Ok(keys),
            Self::Ambiguous | Self::Unknown => Err(InvalidToken::Key),
        }
    }
}

impl<K> Default for SetIdentity<K> {
    /// Of no set.
    fn default() -> Self {
        Self(Weak::new())
    }
}

impl<K> SetKey<K> {
    async fn import(&self, algorithm: Algorithm, crypto: &impl Crypto<Key = K>) -> Option<Rc<K>> {
        if let Some((_, imported)) = self.imported.borrow().iter().find(|(known, _)| *known == algorithm) {
            return imported.clone();
        }
        // No borrow is held across the await: another request may come by here meanwhile and import as well.
        let imported = crypto.import(&self.key, algorithm).await.map(Rc::new);
        let mut known = self.imported.borrow_mut();
        if known.iter().all(|(other, _)| *other != algorithm) {
            known.push((algorithm, imported.clone()));
        }
        imported
    }
}
