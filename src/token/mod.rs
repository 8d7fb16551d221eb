//! Access tokens: from the `Authorization` header to claims that a signature vouches for.

pub mod bearer;
pub mod claims;
pub mod verify;
