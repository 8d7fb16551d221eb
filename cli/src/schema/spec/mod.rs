//! The policy document as types: what an import serializes, and what the JSON Schema for editors is generated from,
//! which show these comments. The gate does not read policies into these types; its reader reports every error with its
//! place.

#![expect(dead_code, reason = "the types say what a policy may hold; an import writes a part of it")]

mod cors;
mod identity;
mod issuer;
mod log;
mod own;
mod patterns;
mod policy;
mod revocation;
mod route;
#[cfg(test)]
mod written;

pub(crate) use issuer::IssuerSpec;
pub(crate) use patterns::TOKEN;
pub(crate) use policy::PolicySpec;
pub(crate) use route::{AccessSpec, AudienceSpec, RouteSpec, ScopesSpec};
