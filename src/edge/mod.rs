//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry point. It passes in a request head as one string and gets back the decision as one string,
//! since calls between JavaScript and wasm are what a Rust Worker spends its time on. Bodies never enter wasm.
//!
//! What needs JavaScript exists on wasm32 only. The wire format ([`wire`]) and the executor ([`tasks`]) do not need it,
//! so they are tested natively.

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
