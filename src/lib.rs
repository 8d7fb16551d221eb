//! Portcullis: a JWT gate that stands in front of an origin API at the edge.
//!
//! It finds a request's route, validates the access token that the route asks for, and says what goes to the origin.
//! What it cannot allow for a stated reason, it refuses.
//!
//! The core is pure: clock, store, network and signature checks are arguments ([`platform`]). The Cloudflare Worker
//! around it is `edge`, which exists on wasm32 only, with the feature of that name.
//!
//! - In scope: RFC 6750 bearer tokens that are RFC 7515 compact JWS with RFC 7519 claims; RFC 7517 key sets by OpenID
//!   Connect discovery, by URL, or literal; decisions by route.
//! - Out of scope: issuing tokens, sessions, encrypted tokens (JWE), opaque tokens and their introspection.

pub mod answer;
pub mod assertion;
pub mod authorize;
pub mod base64url;
pub mod cors;
pub mod credentials;
pub mod decision;
#[cfg(all(target_arch = "wasm32", feature = "edge"))]
mod edge;
pub mod gateway;
pub mod json;
pub mod jwks;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod platform;
pub mod policy;
pub mod request;
pub mod rollout;
pub mod route;
pub mod tasks;
pub mod token;
pub mod trace;
pub mod upstream;
pub mod wire;
