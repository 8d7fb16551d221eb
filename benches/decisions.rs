//! Repeats decisions so that their instructions can be counted: `decisions <scenario> <times>`. It measures nothing
//! itself; `scripts/cost.mjs` runs it under callgrind.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark that panics has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use futures_executor::block_on;
use portcullis::decision::{AnswerContext, Decision};
use portcullis::edge::wire;
use portcullis::gateway::Gateway;
use portcullis::gateway::repeat::Again;
use portcullis::log::Report;
use portcullis::platform::Runtime;
use serde_json::json;
use support::world::Platform;
use support::{NOW, Token, World, policy, read};

const ROUTES: &str = r#"[
    {"path":"/api/products/{id}","methods":["GET"],"audience":"https://api.example.com","scopes":["read:data"]},
    {"path":"/orgs/{org}/members","methods":["POST"],"audience":"urn:logto:organization:{org}"},
    {"path":"/orgs/{org}/data/{*rest}","audience":"https://api.example.com","organization":"{org}"},
    {"path":"/healthz","access":"public"}]"#;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    // `cargo test --benches` starts it without arguments.
    let (Some(scenario), Some(times)) = (arguments.next(), arguments.next()) else { return };
    let heads = heads(&scenario);
    let platform = World::new(&policy(ROUTES)).platform();
    platform.0.trusts.set(true);
    let gateway = Gateway::new(read(&policy(ROUTES)));
    block_on(gateway.keyring().check_static_keys(&platform)).unwrap();
    let times = times.parse().unwrap();
    if scenario == "granted" {
        return repeat(&gateway, &platform, &heads, times);
    }
    for head in heads.iter().cycle().take(times) {
        let request = wire::read(head);
        let take = |decision: Decision<'_>, context: &AnswerContext<'_>, _: Option<&Report<'_>>| {
            wire::write(&decision, context, None)
        };
        black_box(block_on(gateway.decide(&request, &platform, take)));
    }
}

/// Forwards by grants, which callers have from their second request on.
fn repeat(gateway: &Gateway<Platform>, platform: &Platform, heads: &[String], times: usize) {
    let mut callers = Vec::new();
    for head in heads.iter().chain(heads) {
        let request = wire::read(head);
        let caller = |decision: Decision<'_>, _: &AnswerContext<'_>, _: Option<&Report<'_>>| match decision {
            Decision::Allow(forward) => forward.grant.map(|granted| granted.caller),
            _ => None,
        };
        callers.extend(block_on(gateway.decide(&request, platform, caller)));
    }
    let (method, url) = ("GET", "https://api.example.com/api/products/7?page=2");
    for caller in callers.iter().copied().cycle().take(times) {
        let again = Again { caller, has_authorization: true, method, url };
        assert!(black_box(gateway.repeat(again, platform.now())).is_some());
    }
}

/// Request heads like a browser's.
fn heads(scenario: &str) -> Vec<String> {
    let token = |client: u32| Token::default().claim("sub", json!(format!("user-{client}"))).signed_with("ed", "EdDSA");
    let head = |path: &str, authorization: &str| {
        let names = "accept\naccept-encoding\naccept-language\nhost:api.example.com\nuser-agent\nx-request-id";
        let authorization =
            if authorization.is_empty() { String::new() } else { format!("\nauthorization:{authorization}") };
        format!("GET\nhttps://api.example.com{path}\n{names}{authorization}")
    };
    let bearer = |token: Token| head("/api/products/7", &format!("Bearer {}", token.sign()));
    match scenario {
        "repeated" | "granted" => (0..64).map(|client| bearer(token(client))).collect(),
        "public" => vec![head("/healthz", "")],
        "no-token" => vec![head("/api/products/7", "")],
        "expired" => vec![bearer(token(0).claim("exp", json!(NOW - 600)))],
        "wrong-scope" => vec![bearer(token(0).claim("scope", json!("write:data")))],
        // Thousands of headers, and thousands of names in `Connection`.
        "crowded" => {
            let names: String = (0..2000).map(|i| format!("\nx{i}")).collect();
            vec![format!("{}{names}\nconnection:{}", head("/healthz", ""), "abcd,".repeat(5000))]
        }
        // As many member names as fit into a token.
        "many-names" => {
            let names = (0..500).map(|i| (format!("x{i}"), json!(0)));
            vec![bearer(
                names.fold(token(0), |token, (name, value)| token.claim(&name, value)).claim("exp", json!(NOW - 600)),
            )]
        }
        "distinct" => (0..2000).map(|client| bearer(token(client))).collect(),
        _ => panic!("no scenario {scenario}"),
    }
}
