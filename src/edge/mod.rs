//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry point. It passes in a request head as one string and gets back the decision as one string,
//! since calls between JavaScript and wasm are what a Rust Worker spends its time on. Bodies never enter wasm.
//!
//! What needs JavaScript exists on wasm32 only. The wire format ([`wire`]) and the executor ([`tasks`]) do not need it,
//! so they are tested natively.

mod numbered;
pub mod tasks;
pub mod wire;

#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod calls;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod crypto;
#[cfg(all(target_arch = "wasm32", feature = "edge", feature = "faults"))]
mod faults;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod grants;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod instance;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod platform;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod policies;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod worker;
