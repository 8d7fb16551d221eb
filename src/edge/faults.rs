//! Panics on demand, for the tests of what a panic does. Only a build with the feature `faults` has this; it is never
//! deployed.

use super::platform::EdgePlatform;
use crate::platform::Runtime;
use crate::request::Request;

/// Panics if the header `x-fault` says so: `now`, or `later`, behind an await.
#[expect(clippy::panic, reason = "that is what it is for")]
pub(super) async fn strike(request: &Request<'_>, platform: &EdgePlatform) {
    let fault = request.header("x-fault");
    if fault == Some("later") {
        platform.sleep(20).await;
    }
    if matches!(fault, Some("now" | "later")) {
        panic!("as {:?} asked", request.header("authorization"));
    }
}
