//! Shared by the fuzz targets: a platform that accepts every signature, a second strict JSON reader, and the keys and
//! tokens of the native tests.

pub mod json;
#[path = "../../tests/support/mod.rs"]
pub mod support;
pub mod trusting;

use portcullis::request::Request;
use portcullis::route::url::Url;

/// A `GET` of this URL with these headers.
pub fn get<'r>(url: &'r str, headers: &[(&'r str, &'r str)]) -> Request<'r> {
    Request { method: "GET", url: Url::split(url), headers: headers.to_vec() }
}
