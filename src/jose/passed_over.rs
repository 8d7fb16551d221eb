//! Which entries of a key set are passed over, and why, for the operator's log.

use std::fmt;

use super::base64url;

/// How many reasons a message has.
const MAX_REASONS: usize = 10;

/// How many characters of a value a message quotes.
const MAX_QUOTED: usize = 32;

/// Why an entry of a key set is passed over. It quotes the names of types, algorithms and purposes, and no number of the
/// key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// It is not a JSON object.
    NotObject,
    /// It has this member of a private or a symmetric key.
    Secret(&'static str),
    /// This member is required.
    Absent(&'static str),
    /// This member is not a string.
    NotText(&'static str),
    /// This member (`use`, `kty`, `crv` or `alg`) has this value, which is not one of those that the gate has a use for.
    Other(&'static str, String),
    /// `key_ops` is no list with `verify`.
    Operations,
    /// This number is not canonical base64url (RFC 7515 §2).
    Encoding(&'static str),
    /// This number has so many bytes, and its curve requires so many.
    Length(&'static str, usize, usize),
    /// The RSA modulus has so many bits: fewer than 2048 (RFC 7518 §3.3).
    ShortModulus(usize),
    /// The RSA exponent is even, or under 3.
    BadExponent,
    /// The platform cannot import it.
    NotImported,
}

/// An entry of a key set that is passed over: its index, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOverEntry {
    /// Its index in `keys`.
    pub index: usize,
    /// Why.
    pub reason: PassedOver,
}

impl PassedOver {
    pub(super) fn other(member: &'static str, value: &str) -> Self {
        Self::Other(member, value.chars().take(MAX_QUOTED).collect())
    }

    /// For a number that must have so many bytes, and has not.
    pub(super) fn bad_number(member: &'static str, text: &str, bytes: usize) -> Self {
        base64url::decode(text).map_or(Self::Encoding(member), |number| Self::Length(member, number.len(), bytes))
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotObject => f.write_str("expected an object"),
            Self::Secret(member) => write!(f, "a private or symmetric key: it has {member}"),
            Self::Absent(member) => write!(f, "{member} is absent"),
            Self::NotText(member) => write!(f, "{member}: expected a string"),
            Self::Other("use", value) => write!(f, "use is {value:?}, not \"sig\""),
            Self::Other("alg", value) => write!(f, "alg {value:?} is not one of the gate's for such a key"),
            Self::Other(member, value) => write!(f, "{member} {value:?} is not known"),
            Self::Operations => f.write_str("key_ops: expected a list with \"verify\""),
            Self::Encoding(member) => write!(f, "{member} is no canonical base64url"),
            Self::Length(member, bytes, expected) => write!(f, "{member} has {bytes} bytes, not {expected}"),
            Self::ShortModulus(bits) => write!(f, "n has {bits} bits, fewer than 2048"),
            Self::BadExponent => f.write_str("e is even, or under 3"),
            Self::NotImported => f.write_str("the platform cannot import it"),
        }
    }
}

/// `keys[2]: use is "enc", not "sig"`
impl fmt::Display for PassedOverEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys[{}]: {}", self.index, self.reason)
    }
}

/// The reasons in one line, the first ones if there are many.
pub(super) fn write_all(f: &mut fmt::Formatter<'_>, entries: &[PassedOverEntry]) -> fmt::Result {
    for (place, entry) in entries.iter().take(MAX_REASONS).enumerate() {
        write!(f, "{}{entry}", if place == 0 { ": " } else { "; " })?;
    }
    match entries.len().checked_sub(MAX_REASONS) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, "; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_short_and_in_one_line() {
        let long = PassedOver::other("kty", &format!("a\n{}", "x".repeat(1000)));
        assert_eq!(long.to_string(), format!("kty \"a\\n{}\" is not known", "x".repeat(30)));
    }
}
