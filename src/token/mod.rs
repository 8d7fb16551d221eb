//! Access tokens: from the `Authorization` header to claims that a signature vouches for.

pub mod algorithm;
pub mod bearer;
pub mod claims;
pub mod jws;
pub mod verified;
pub mod verify;
