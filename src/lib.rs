//! Portcullis: a JWT gate that runs in front of an origin API at the edge.
//!
//! It finds a request's route, validates the access token that the route requires, and decides what the origin
//! receives. It refuses every request that it has no stated reason to allow.
//!
//! The core is pure: clock, store, network and cryptography are arguments ([`platform`]). The Cloudflare Worker around
//! it is [`edge`], most of which exists on wasm32-unknown-unknown only.
//!
//! - In scope: RFC 6750 bearer tokens that are RFC 7515 compact JWS with RFC 7519 claims; RFC 7517 key sets by OpenID
//!   Connect discovery, by URL, or literal; decisions by route.
//! - Out of scope: issuing tokens, sessions, encrypted tokens (JWE), opaque tokens and their introspection.

pub mod answer;
pub mod assertion;
pub mod authorize;
pub mod cors;
pub mod credentials;
pub mod decision;
pub mod denial;
pub mod edge;
pub mod gateway;
pub mod jose;
pub mod jwks;
pub mod log;
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub mod native;
pub mod platform;
pub mod policy;
pub mod reason;
pub mod request;
pub mod revocation;
pub mod rollout;
pub mod route;
pub mod status;
pub mod time;
pub mod token;
pub mod trace;
pub mod upstream;
