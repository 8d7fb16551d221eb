//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry. It hands a request's head over as one string and takes the decision back as one string,
//! since what a Rust Worker pays for is its calls across the border to JavaScript. Bodies never come here.
//!
//! What needs JavaScript exists on wasm32 only. The form of what crosses the border ([`wire`]) and the executor
//! ([`tasks`]) need none, so they are tested natively.

pub mod tasks;
pub mod wire;

#[cfg(target_arch = "wasm32")]
mod calls;
#[cfg(target_arch = "wasm32")]
mod crypto;
#[cfg(all(target_arch = "wasm32", feature = "faults"))]
mod faults;
#[cfg(target_arch = "wasm32")]
mod instance;
#[cfg(target_arch = "wasm32")]
mod platform;
#[cfg(target_arch = "wasm32")]
mod policies;
#[cfg(target_arch = "wasm32")]
mod worker;
