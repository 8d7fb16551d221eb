//! The secret that the gate shares with its origins.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use support::assertion::{header, set_secret, with_identity};
use support::{Token, World, outcome};

const ROUTES: &str = r#"[
    {"path":"/","audience":"*"},
    {"path":"/service","audience":"*","origin":"service:API"},
    {"path":"/through","access":"public","origin":"passthrough","hosts":["api.example.com"]},
    {"path":"/scoped","audience":"*","scopes":["admin"]},
    {"path":"/optional","access":"optional","audience":"*"},
    {"path":"/public","access":"public"},
    {"path":"/denied","access":"deny"}]"#;

const SECRET: &str = "s3cret-\"'%,;:~!";

fn start(settings: &str) -> World {
    World::new(&with_identity(&format!(r#"{{"secret":{{"binding":"ORIGIN_SECRET"{settings}}}}}"#), ROUTES))
}

#[test]
fn it_goes_with_every_request_that_goes_on() {
    let mut world = start("");
    set_secret(&world, "ORIGIN_SECRET", SECRET);
    for path in ["/optional", "/public", "/through"] {
        let decision = world.request("GET", &format!("https://api.example.com{path}"), &[]);
        assert_eq!(header(&decision, "x-auth-secret").as_deref(), Some(SECRET), "{path}");
    }
    let token = Token::default().sign();
    for path in ["/", "/service", "/optional"] {
        let decision = world.get(path, &token);
        assert_eq!(header(&decision, "x-auth-secret").as_deref(), Some(SECRET), "{path}");
        assert_eq!(header(&decision, "x-auth-assertion"), None);
    }
    assert_eq!(outcome(&world.get("/denied", &token)), "403 gate.denied");
}

#[test]
fn it_goes_to_no_host_that_the_caller_chooses() {
    let mut world = start("");
    set_secret(&world, "ORIGIN_SECRET", SECRET);
    assert_eq!(outcome(&world.request("GET", "https://evil.example.com/through", &[])), "404 gate.no_route");
}

#[test]
fn its_header_may_have_another_name_behind_the_prefix() {
    let mut world = start(r#","header":"X-Auth-Gate_Secret""#);
    set_secret(&world, "ORIGIN_SECRET", SECRET);
    let forged = [("x-auth-gate_secret", "mine"), ("x_auth_gate_secret", "mine"), ("x-auth-secret", "mine")];
    let decision = world.request("GET", "https://h/public", &forged);
    assert_eq!(header(&decision, "x-auth-gate_secret").as_deref(), Some(SECRET));
    assert_eq!(support::allowed(decision).remove, forged.map(|(name, _)| name));
}

#[test]
fn without_it_nothing_goes_on() {
    for (secret, why) in [
        (None, "is absent"),
        (Some(""), "is empty"),
        (Some("hunter2\n"), "is not a valid header value"),
        (Some("hunter2\r\nx-evil: 1"), "is not a valid header value"),
        (Some(" hunter2"), "is not a valid header value"),
        (Some("hunter 2"), "is not a valid header value"),
        (Some("hunter2é"), "is not a valid header value"),
        (Some("hunter2\u{7f}"), "is not a valid header value"),
        (Some(r#"{"kty":"EC","d":"hunter2"}"#), "is a private key"),
        (Some(r#"{"kty":"oct","k":"hunter2"}"#), "is a private key"),
    ] {
        let mut world = start("");
        if let Some(secret) = secret {
            set_secret(&world, "ORIGIN_SECRET", secret);
        }
        let token = Token::default().sign();
        for path in ["/", "/service", "/optional", "/public", "/through"] {
            assert_eq!(outcome(&world.get(path, &token)), "500 gate.misconfigured", "{path}");
        }
        let log = world.shared.log.borrow().join("\n");
        assert!(log.contains(&format!("identity.secret: the secret ORIGIN_SECRET {why}")), "{log}");
        assert!(!log.contains("hunter"), "{log}");
        // Refusals come first.
        assert_eq!(outcome(&world.get("/denied", &token)), "403 gate.denied");
        assert_eq!(outcome(&world.get("/scoped", &token)), "403 auth.insufficient_scope");
        assert_eq!(outcome(&world.request("GET", "https://h/", &[])), "401 auth.authorization_header_missing");
        assert_eq!(outcome(&world.get("/nowhere", &token)), "404 gate.no_route");
    }
}

#[test]
fn it_is_read_once() {
    let mut world = start("");
    set_secret(&world, "ORIGIN_SECRET", SECRET);
    let sent = |world: &mut World| header(&world.request("GET", "https://h/public", &[]), "x-auth-secret").unwrap();
    assert_eq!(sent(&mut world), SECRET);
    set_secret(&world, "ORIGIN_SECRET", "another");
    assert_eq!(sent(&mut world), SECRET, "an isolate's secrets stay the same");
}

#[test]
fn a_key_of_assertions_is_no_shared_secret() {
    let identity = r#"{"assertion":{"issuer":"https://g","keys":["A","B"]},"secret":{"binding":"B"}}"#;
    let errors = portcullis::policy::Policy::parse(&with_identity(identity, ROUTES)).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let message = "expected a separate secret: it is sent to the origin, and this one is a key of assertions";
    assert_eq!(errors, [format!("identity.secret.binding: {message}")]);
}
