//! What the fuzz targets share: a platform that believes every signature, a second reader of strict JSON, and the keys
//! and tokens of the native tests.

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
