//! `portcullis explain` says what the gate decides.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::explain::{ROUTES, explain_json, folder};
use crate::support::token::Token;
use crate::support::{self, ISSUER, NOW};

/// Answers of the tool and of the core, for one request with these claims.
#[test]
fn what_is_explained_is_what_the_gate_decides() {
    let folder = folder("explain-property");
    let world = std::cell::RefCell::new(support::World::new(&support::policy(ROUTES)));
    let texts = |texts: &'static [&'static str]| prop::sample::select(texts);
    let request = (
        texts(&["GET", "PUT", "HEAD"]),
        texts(&["https://api.example.com", "https://acme.example.org:8443", "http://A.example.org.", "https://x"]),
        texts(&["/api/products/7", "/api/a%20b?q=1", "/orgs/acme/", "/healthz", "/closed", "/api//x", "/é", "/none"]),
        texts(&["", "admin", "owner", "a, b"]),
    );
    let caller = proptest::option::of((
        texts(&["https://api.example.com", "urn:logto:organization:acme", "urn:logto:organization:b", ""]),
        texts(&["read:data", "write:data", "read:data write:data", "\"", " "]),
        texts(&["admin", "owner", "guest", "é,%"]),
        -40i64..40,
        any::<bool>(),
    ));
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let property = runner.run(&(request, caller), |((method, base, path, role), caller)| {
        let url = format!("{base}{path}");
        let claims = caller.map(|(aud, scope, role, age, has_organization)| {
            let exp = NOW.checked_add_signed(age).unwrap();
            let mut claims = json!({"iss": ISSUER, "aud": aud, "scope": scope, "role": role, "exp": exp, "sub": "é"});
            if has_organization {
                claims["organization_id"] = json!("acme");
            }
            claims.as_object().unwrap().clone()
        });
        let header = format!("X-Role: {role}");
        let text = claims.as_ref().map(|claims| json!(claims).to_string());
        let mut args = vec!["--header", &header, method, &url];
        if let Some(text) = &text {
            args.extend(["--claims", text]);
        }
        let explained = explain_json(&folder, &args);
        let bearer = claims.map(|claims| format!("Bearer {}", Token { claims, ..Token::default() }.sign()));
        let mut headers = vec![("x-role", role)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let encoded = url.replace('é', "%C3%A9");
        let decision = world.borrow_mut().request(method, &encoded, &headers);
        prop_assert_eq!(
            &explained["effect"],
            &effect(decision, &encoded, method, bearer.is_some()),
            "{} {}",
            method,
            url
        );
        Ok(())
    });
    property.unwrap();
}

/// A decision in the form of `--format json`.
fn effect(decision: portcullis::decision::Decision<'_>, url: &str, method: &str, has_claims: bool) -> Value {
    use portcullis::decision::Decision;
    let named = |headers: Vec<(String, String)>| -> Value {
        headers.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    match decision {
        Decision::Deny(denial) => {
            let context = portcullis::decision::AnswerContext::at(portcullis::route::url::Url::split(url).host());
            let answer = portcullis::answer::answer(&denial, &context);
            let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            json!({"status": answer.status, "headers": named(headers), "body": answer.body})
        }
        decision => {
            let mut sent = support::allowed(decision);
            if !sent.cache && sent.service.is_none() {
                sent.set.extend(["cache-control", "pragma"].map(|name| (name.to_owned(), "no-cache".to_owned())));
            }
            let kept = if has_claims { vec!["x-role", "authorization"] } else { vec!["x-role"] };
            json!({
                "method": method, "url": sent.url, "service": sent.service, "timeout_ms": sent.timeout_ms,
                "cache": sent.cache, "route": sent.route, "set": named(sent.set), "removed": sent.remove, "kept": kept, "added": [],
            })
        }
    }
}
