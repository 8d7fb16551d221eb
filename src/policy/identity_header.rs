//! Names of identity headers.

use crate::route::header::{is_alike, is_forwarded};
use crate::route::syntax::is_token;

/// Reads the name of an identity header, in lower case. `own` are the headers that the gate sets itself.
///
/// # Errors
/// A message that says what was expected.
pub(super) fn identity_header(prefix: &str, name: &str, own: &[String]) -> Result<String, String> {
    let header = name.to_ascii_lowercase();
    match header.strip_prefix(prefix) {
        _ if !is_token(&header) => Err("expected the name of a header".to_owned()),
        None => Err(format!("expected a header that starts with the prefix {prefix:?}")),
        Some(_) if is_forwarded(&header) || own.iter().any(|own| is_alike(own, &header)) => {
            Err("expected another name, the gate sets this header itself".to_owned())
        }
        Some("") => Err("expected a name after the prefix".to_owned()),
        Some(_) => Ok(header),
    }
}
