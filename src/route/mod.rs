//! Matching of requests to routes: the syntax of hosts, paths, headers and query parameters, and the route table.

pub mod header;
pub mod host;
pub mod method;
pub mod parameter;
pub mod path;
pub mod pattern;
pub mod syntax;
pub mod table;
pub mod url;
