//! Parsing of key sets (RFC 7517 §5).

use std::fmt;

use super::json::Json;
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
    /// No entry is a usable key.
    NoUsableKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the key set is over {MAX_SET_BYTES} bytes"),
            Self::Malformed => f.write_str("the key set is not a JSON object with a list \"keys\""),
            Self::TooManyKeys(count) => write!(f, "the key set has {count} keys, more than {MAX_SET_KEYS}"),
            Self::NoUsableKey => f.write_str("the key set has no usable key"),
        }
    }
}

/// The usable keys of a key set, judging by the JWKs alone; at least one. Other entries are ignored.
///
/// # Errors
/// See [`KeySetError`].
pub fn usable_keys(set: &Json<'_>) -> Result<Vec<PublicKey>, KeySetError> {
    let entries = set.as_object().and_then(|set| set.get("keys")?.as_array()).ok_or(KeySetError::Malformed)?;
    if entries.len() > MAX_SET_KEYS {
        return Err(KeySetError::TooManyKeys(entries.len()));
    }
    let keys: Vec<_> = entries.iter().filter_map(|entry| PublicKey::parse(entry).ok()).collect();
    if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(keys) }
}
