//! Short names of policy texts, by which operators compare what is in the store with what they have judged.

use sha2::{Digest, Sha256};

/// How many bytes of the hash a digest has: enough to tell apart the texts of one operator. Whoever can write policies
/// needs no collision.
const BYTES: usize = 8;

/// The digest of a policy text: the first 16 hex digits, in lower case, of SHA-256 (FIPS 180-4) of its exact bytes.
#[must_use]
pub fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_beginning_of_the_hash_of_the_exact_bytes() {
        // FIPS 180-4, examples of NIST: SHA-256 of "abc" and of the empty text.
        assert_eq!(digest("abc"), "ba7816bf8f01cfea");
        assert_eq!(digest(""), "e3b0c44298fc1c14");
        assert_ne!(digest("abc\n"), digest("abc"));
    }
}
