//! The Worker: the core on Cloudflare's platform.
//!
//! `worker.js` is the entry point, `gate.js` has the handlers. They pass in a request head as one string and get back the
//! decision as one string, since calls between JavaScript and wasm are what a Rust Worker spends its time on. Bodies
//! never enter wasm.
//!
//! What needs JavaScript exists on wasm32-unknown-unknown only. The wire format ([`wire`]) and the executor ([`tasks`])
//! do not need it, so they are tested natively.

mod numbered;
pub mod tasks;
pub mod wire;

#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod calls;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod crypto;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge", feature = "faults"))]
mod faults;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod grants;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod instance;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod platform;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod policies;
#[cfg(all(target_arch = "wasm32", target_os = "unknown", feature = "edge"))]
mod worker;
