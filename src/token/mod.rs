//! Access tokens: from the `Authorization` header to verified claims.

pub mod bearer;
pub mod claims;
pub mod verify;
