//! Routes: which rule a request falls under, and the values that a rule's templates take from the request.

pub mod header;
pub mod host;
pub mod method;
pub mod parameter;
pub mod path;
pub mod pattern;
pub mod syntax;
pub mod table;
pub mod url;
