//! JSON Object Signing and Encryption (RFC 7515, RFC 7517, RFC 7518), as far as the gate takes it: how tokens and keys are
//! read and written. Nothing here believes a token, and nothing knows of policies.

pub mod algorithm;
pub mod base64url;
pub mod claim_path;
pub mod json;
pub mod jws;
pub mod key_set;
pub mod private_key;
pub mod public_key;
