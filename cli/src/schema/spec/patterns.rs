//! Patterns of the strings in more than one table.

use portcullis::route::method::REFUSED;
use schemars::{Schema, SchemaGenerator, json_schema};

/// The name of a header, or a method (RFC 9110 §5.6.2).
pub(crate) const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// A path pattern: segments without the characters that a policy's paths may not contain, and an optional trailing
/// slash.
pub(super) const PATH: &str = r"^/([^/%;\\\x00-\x1f\x7f-\x9f]+(/[^/%;\\\x00-\x1f\x7f-\x9f]+)*/?)?$";

/// The same, without captures.
pub(super) const PREFIX: &str = r"^/([^/%;{}\\\x00-\x1f\x7f-\x9f]+(/[^/%;{}\\\x00-\x1f\x7f-\x9f]+)*/?)?$";

/// A host name or an address, with an optional capture as the first label; no port, no trailing dot.
pub(super) const HOST: &str = r"^(\{[A-Za-z0-9_-]+\}\.)?([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])$";

/// A tenant: a segment of a path (RFC 3986 §3.3) that is no dot segment.
pub(super) const TENANT: &str =
    r"^([A-Za-z0-9_~%!$&'()*+,;=:@-]|\.\.?[A-Za-z0-9._~%!$&'()*+,;=:@-])[A-Za-z0-9._~%!$&'()*+,;=:@-]*$";

/// A scope (RFC 6749 §3.3).
pub(super) const SCOPE: &str = r"^[!#-\[\]-~]+$";

pub(super) fn origin(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^(https?://.+|service:.+|passthrough)$"})
}

pub(super) fn methods(_: &mut SchemaGenerator) -> Schema {
    let method = json_schema!({"type": "string", "pattern": "^[A-Z_-]+$", "not": {"enum": REFUSED}});
    json_schema!({"type": "array", "minItems": 1, "items": method})
}
