//! Names of headers that tell an origin of the caller.

use crate::route::header::{is_alike, is_forwarded};
use crate::route::syntax::is_token_char;

/// The name of an identity header of the policy, in lower case. `own` are those that the gate sets by itself.
///
/// # Errors
/// Says what was expected.
pub(super) fn identity_header(prefix: &str, name: &str, own: &[String]) -> Result<String, String> {
    let header = name.to_ascii_lowercase();
    match header.strip_prefix(prefix) {
        _ if !header.bytes().all(is_token_char) => Err("expected the name of a header".to_owned()),
        None => Err(format!("expected a header that starts with the prefix {prefix:?}")),
        Some(_) if is_forwarded(&header) || own.iter().any(|own| is_alike(own, &header)) => {
            Err("expected another name, the gate sets this header itself".to_owned())
        }
        Some("") => Err("expected a name behind the prefix".to_owned()),
        Some(_) => Ok(header),
    }
}
