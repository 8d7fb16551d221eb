//! The policy document as types, for tools that write policies and for the JSON Schema that editors complete from: the
//! comments here are what they show. What the gate reads is not made of these; it tells every problem with its place.

#![expect(dead_code, reason = "the types say what a policy may hold; an import writes a part of it")]

mod cors;
mod identity;
mod issuer;
mod patterns;
mod policy;
mod route;
#[cfg(test)]
mod written;

pub(crate) use issuer::IssuerSpec;
pub(crate) use patterns::TOKEN;
pub(crate) use policy::PolicySpec;
pub(crate) use route::{AccessSpec, AudienceSpec, RouteSpec, ScopesSpec};
