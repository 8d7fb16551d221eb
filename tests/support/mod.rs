//! A world for the core to run in: a clock that moves only when everyone sleeps, a store, issuers, and real keys.

#![allow(dead_code, missing_docs, unreachable_pub, unused_imports, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed"
)]

pub mod assertion;
pub mod isolate;
pub mod issuer;
pub mod lists;
pub mod reasons;
pub mod repeater;
pub mod token;
pub mod world;

pub use token::Token;
pub use world::World;

use std::num::NonZeroU32;

use portcullis::answer::{Answer, answer};
use portcullis::decision::{AnswerContext, Decision};
use portcullis::denial::Denial;
use portcullis::policy::Policy;
use portcullis::upstream::Forward;

/// When the tests take place, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

pub const ISSUER: &str = "https://tenant.logto.app/oidc";

/// A policy with the keys of `token::KEYS` in it and these routes, in JSON.
pub fn policy(routes: &str) -> String {
    policy_with("", routes)
}

/// The same, with further members of the issuer.
pub fn policy_with(issuer: &str, routes: &str) -> String {
    format!(
        r#"{{"version":1,"origin":"https://origin.example.com",
            "issuers":{{"logto":{{"issuer":"{ISSUER}","jwks":{}{issuer}}}}},"routes":{routes}}}"#,
        token::key_set(&["rsa", "p256", "p384", "ed"])
    )
}

/// A policy that must be right.
pub fn read(policy: &str) -> Policy {
    Policy::parse(policy)
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>()))
}

/// What the origin is sent.
pub struct Sent {
    pub url: String,
    pub service: Option<String>,
    pub timeout_ms: Option<NonZeroU32>,
    pub cache: bool,
    pub route: String,
    pub remove: Vec<String>,
    pub set: Vec<(String, String)>,
}

pub fn allowed(decision: Decision<'_>) -> Sent {
    match decision {
        Decision::Allow(Forward { url, service, timeout_ms, cache, route, grant: _, remove, set }) => Sent {
            url,
            service: service.map(Into::into),
            timeout_ms,
            cache,
            route: route.into(),
            remove: remove.into_iter().map(Into::into).collect(),
            set: set.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        },
        other => panic!("not allowed: {other:?}"),
    }
}

pub fn denied(decision: Decision<'_>) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        other => panic!("not denied: {other:?}"),
    }
}

/// The status and the code of a decision's answer; `allow` if it has none.
pub fn outcome(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Allow(_) => "allow".to_owned(),
        Decision::Serve(_) => "serve".to_owned(),
        Decision::Done(status) => status.to_string(),
        Decision::Preflight(_) => "preflight".to_owned(),
        Decision::Deny(denial) => {
            let Answer { status, body, .. } = answer(denial, &AnswerContext::at("h"));
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            format!("{status} {}", body["code"].as_str().unwrap())
        }
    }
}
