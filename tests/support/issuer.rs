//! An issuer whose keys are discovered: where its documents are, and what the gate keeps and answers.

use serde_json::{Value, json};

use super::{ISSUER, World};

pub const METADATA: &str = "https://tenant.logto.app/oidc/.well-known/openid-configuration";
pub const JWKS: &str = "https://tenant.logto.app/oidc/jwks";
pub const STORE_KEY: &str = "jwks:v1:https://tenant.logto.app/oidc";
pub const INVALID: &str = "401 auth.invalid_token";
pub const UNAVAILABLE: &str = "503 gate.keys_unavailable";

/// A policy with these further members of the issuer.
pub fn policy(issuer: &str) -> String {
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{"logto":{{"issuer":"{ISSUER}"{issuer}}}}},
            "routes":[{{"path":"/","audience":"https://api.example.com"}}]}}"#
    )
}

/// The issuer says that its keys are there.
pub fn keys_are_at(world: &World, url: &str) {
    world.document_at(METADATA, &json!({"issuer": ISSUER, "jwks_uri": url}).to_string(), None);
}

/// What the store holds.
pub fn stored(world: &World) -> Value {
    serde_json::from_str(&world.shared.store.borrow()[STORE_KEY].text).unwrap()
}
