//! Key sets: their way from the issuer through Workers KV into the isolate's memory, and the selection of keys.

mod cached;
pub mod caching;
pub mod discovery;
pub mod entry;
mod fetched;
mod flight;
pub mod keyring;
mod lookup;
pub mod plan;
mod schedule;
pub mod set;
mod shared_fetch;
mod slot;
pub mod state;
