//! Parsing of key sets (RFC 7517 §5).

use std::fmt;

use super::json::Json;
use super::passed_over::{PassedOverEntry, write_all};
use super::public_key::PublicKey;

/// Maximum size of a key set in bytes.
pub const MAX_SET_BYTES: usize = 256 * 1024;

/// Maximum number of entries in a key set. Real ones have fewer than ten; each costs an import.
pub const MAX_SET_KEYS: usize = 100;

/// Why a text is not a usable key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Larger than [`MAX_SET_BYTES`].
    TooLarge,
    /// Not JSON, or not an object with a list `keys`.
    Malformed,
    /// More entries than [`MAX_SET_KEYS`]: this many.
    TooManyKeys(usize),
    /// No entry is a usable key, for these reasons.
    NoUsableKey(Vec<PassedOverEntry>),
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the key set is over {MAX_SET_BYTES} bytes"),
            Self::Malformed => f.write_str("the key set is not a JSON object with a list \"keys\""),
            Self::TooManyKeys(count) => write!(f, "the key set has {count} keys, more than {MAX_SET_KEYS}"),
            Self::NoUsableKey(entries) => {
                f.write_str("the key set has no usable key")?;
                write_all(f, entries)
            }
        }
    }
}

/// The entries of a key set, judging by the JWKs alone.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyEntries {
    /// The usable keys, each with its index; at least one.
    pub usable: Vec<(usize, PublicKey)>,
    /// All other entries.
    pub passed_over: Vec<PassedOverEntry>,
}

/// The usable keys of a key set, judging by the JWKs alone; at least one. Other entries are ignored.
///
/// # Errors
/// See [`KeySetError`].
pub fn usable_keys(set: &Json<'_>) -> Result<Vec<PublicKey>, KeySetError> {
    Ok(key_entries(set)?.usable.into_iter().map(|(_, key)| key).collect())
}

/// The entries of a key set with at least one usable key.
///
/// # Errors
/// See [`KeySetError`].
pub fn key_entries(set: &Json<'_>) -> Result<KeyEntries, KeySetError> {
    let entries = set.as_object().and_then(|set| set.get("keys")?.as_array()).ok_or(KeySetError::Malformed)?;
    if entries.len() > MAX_SET_KEYS {
        return Err(KeySetError::TooManyKeys(entries.len()));
    }
    let (mut usable, mut passed_over) = (Vec::with_capacity(entries.len()), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        match PublicKey::parse(entry) {
            Ok(key) => usable.push((index, key)),
            Err(reason) => passed_over.push(PassedOverEntry { index, reason }),
        }
    }
    if usable.is_empty() { Err(KeySetError::NoUsableKey(passed_over)) } else { Ok(KeyEntries { usable, passed_over }) }
}
