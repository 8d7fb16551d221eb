//! JSON Object Signing and Encryption (RFC 7515, RFC 7517, RFC 7518), as far as the gate supports it: parsing and
//! writing of tokens and keys. Nothing here verifies a token, and nothing depends on a policy.

pub mod algorithm;
pub mod base64url;
pub mod claim_path;
pub mod json;
pub mod jws;
pub mod key_set;
pub mod passed_over;
pub mod private_key;
pub mod public_key;
