//! The text of a key set (RFC 7517 §5) and its usable keys.

use std::fmt;

use super::json::Json;
use super::public_key::PublicKey;

/// The most bytes of a key set's text.
pub const MAX_SET_BYTES: usize = 256 * 1024;

/// The most entries of a key set. Real ones have under ten; every one costs an import.
pub const MAX_SET_KEYS: usize = 100;

/// Why a text is no key set that could replace another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// Over [`MAX_SET_BYTES`].
    TooLarge,
    /// Not JSON, or not an object with a list `keys`.
    Malformed,
    /// Over [`MAX_SET_KEYS`].
    TooManyKeys(usize),
    /// Every entry is passed over.
    NoUsableKey,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the key set is over {MAX_SET_BYTES} bytes"),
            Self::Malformed => f.write_str("the key set is not a JSON object with a list \"keys\""),
            Self::TooManyKeys(count) => write!(f, "the key set has {count} keys, over {MAX_SET_KEYS}"),
            Self::NoUsableKey => f.write_str("the key set has no usable key"),
        }
    }
}

/// The usable keys of a key set, as far as their text shows; at least one.
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
