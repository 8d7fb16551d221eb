//! Grants as JavaScript uses them: see `grants.js`. A request crosses as bytes in a buffer and the answer as a number, so
//! that nothing is allocated on either side.

#![expect(unreachable_pub, reason = "wasm-bindgen exports pub functions only, though no Rust code reaches them")]

use std::cell::RefCell;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::policies;
use crate::gateway::repeat::{Again, HeaderRule, Repeat};
use crate::time::UnixMillis;

/// Size of the buffer in bytes. Requests with a longer method and URL are decided the other way.
const INPUT_BYTES: usize = 4096;

/// Stands for no cut. A path is shorter than [`INPUT_BYTES`].
const NO_CUT: u32 = 0xffff;

/// Stands for no grant.
const NONE: f64 = -1.0;

thread_local! {
    static INPUT: RefCell<[u8; INPUT_BYTES]> = const { RefCell::new([0; INPUT_BYTES]) };
}

/// The memory of this instance.
#[wasm_bindgen]
pub fn own_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// Where in memory JavaScript writes requests to.
#[wasm_bindgen]
pub fn input() -> *const u8 {
    INPUT.with_borrow(|input| input.as_ptr())
}

/// Size of the buffer in bytes.
#[wasm_bindgen]
pub fn input_bytes() -> usize {
    INPUT_BYTES
}

/// The number of the caller's grant for the request in the buffer (method, line break, URL), times 2^16, plus how many bytes
/// of the path are cut; -1 if the request has to be decided. `now` is in milliseconds since 1970.
#[wasm_bindgen]
pub fn repeat(caller: u32, has_authorization: bool, length: usize, now: f64) -> f64 {
    let found = INPUT.with_borrow(|input| {
        let head = std::str::from_utf8(input.get(..length)?).ok()?;
        let (method, url) = head.split_once('\n')?;
        #[cfg(feature = "faults")]
        super::faults::strike_again(url);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clocks are past 1970")]
        let now = UnixMillis(now as u64);
        // The candidate decides on each request.
        if policies::candidate().is_some() {
            return None;
        }
        policies::known()?.checked_gateway()?.repeat(Again { caller, has_authorization, method, url }, now)
    });
    let Some(Repeat { grant, cut }) = found else { return NONE };
    let cut = cut.map_or(Some(NO_CUT), |cut| u32::try_from(cut).ok().filter(|cut| *cut < NO_CUT));
    cut.map_or(NONE, |cut| f64::from(grant) * 65_536.0 + f64::from(cut))
}

/// What a header with this lower-case name means for a request that is forwarded by a grant: see `grants.js`.
#[wasm_bindgen]
pub fn header_rule(name: &str) -> u32 {
    #[cfg(feature = "faults")]
    if name == super::faults::HEADER {
        return 4;
    }
    let edition = policies::known();
    match edition.as_deref().and_then(|edition| edition.checked_gateway()).map(|gateway| gateway.header_rule(name)) {
        Some(HeaderRule::Forward) => 0,
        Some(HeaderRule::Remove) => 1,
        Some(HeaderRule::Connection) => 2,
        Some(HeaderRule::Host) => 3,
        Some(HeaderRule::Decide) | None => 4,
    }
}
