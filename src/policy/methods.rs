//! Lists of methods in the policy.

use super::reader::Field;
use crate::route::method::is_refused;

/// Reads a list of methods, which are case-sensitive (RFC 9110 §9.1).
pub(super) fn read_methods(field: &Field<'_>) -> Option<Vec<String>> {
    let is_upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'));
    field.list(|field| {
        field.read(|text| {
            if !is_upper(text) {
                Err(format!("expected a method in upper case, found {text:?}"))
            } else if is_refused(text) {
                Err(format!("expected a method other than {text}, which is always refused"))
            } else {
                Ok(text.to_owned())
            }
        })
    })
}
