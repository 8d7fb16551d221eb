//! Routes whose token is in another header than `Authorization`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::decision::Decision;
use support::{Token, World, allowed, outcome, policy};

const HEADER: &str = "cf-access-jwt-assertion";
const MISSING: &str = "401 auth.authorization_header_missing";
const MALFORMED: &str = "401 auth.authorization_token_invalid_format";
const INVALID: &str = "401 auth.invalid_token";

const ROUTES: &str = r#"[
    {"path": "/", "audience": "https://api.example.com", "token_header": "CF-Access-JWT-Assertion"},
    {"path": "/optional", "access": "optional", "audience": "https://api.example.com",
     "token_header": "cf-access-jwt-assertion"},
    {"path": "/usual", "audience": "https://api.example.com", "token_header": "Authorization"},
    {"path": "/public", "access": "public"}]"#;

fn world() -> World {
    World::new(&policy(ROUTES))
}

fn request(world: &mut World, path: &str, headers: &[(&str, &str)]) -> Decision<'static> {
    world.request("GET", &format!("http://h{path}"), headers)
}

#[test]
fn the_token_is_in_the_header_that_the_route_names() {
    let (token, mut world) = (Token::default().sign(), world());
    let bearer = format!("Bearer {token}");
    for path in ["/", "/optional"] {
        for headers in [&[(HEADER, token.as_str())][..], &[("authorization", "Basic x"), (HEADER, &token)]] {
            let sent = allowed(request(&mut world, path, headers));
            assert!(sent.set.contains(&("x-auth-subject".to_owned(), "user-1".to_owned())), "{path} {headers:?}");
            assert_eq!(sent.remove, [""; 0], "the origin receives what the caller sent");
        }
    }
    for (headers, at_token, at_optional) in [
        (&[][..], MISSING, "allow"),
        (&[("authorization", bearer.as_str())], MISSING, "allow"),
        (&[(HEADER, "")], MISSING, "allow"),
        (&[(HEADER, " ")], MISSING, "allow"),
        (&[(HEADER, bearer.as_str())], MALFORMED, MALFORMED),
        (&[(HEADER, &format!("{token}, {token}"))], MALFORMED, MALFORMED),
        (&[(HEADER, &format!("{token},"))], MALFORMED, MALFORMED),
        (&[(HEADER, "opaque")], INVALID, INVALID),
        (&[("cf_access_jwt_assertion", token.as_str())], MALFORMED, MALFORMED),
        (&[(HEADER, &token), ("cf_access-jwt_assertion", "x")], MALFORMED, MALFORMED),
    ] {
        assert_eq!(outcome(&request(&mut world, "/", headers)), at_token, "{headers:?}");
        assert_eq!(outcome(&request(&mut world, "/optional", headers)), at_optional, "{headers:?}");
    }
    let anonymous = allowed(request(&mut world, "/optional", &[("authorization", &bearer)]));
    assert!(anonymous.set.iter().all(|(name, _)| name.starts_with("x-forwarded-")), "{:?}", anonymous.set);
    assert_eq!(outcome(&request(&mut world, "/usual", &[("authorization", &bearer)])), "allow");
    assert_eq!(
        outcome(&request(&mut world, "/usual", &[("authorization", &token)])),
        "401 auth.authorization_token_type_not_supported"
    );
}

#[test]
fn an_origin_that_receives_no_token_receives_neither() {
    let hidden = policy(ROUTES).replacen('{', r#"{"identity":{"forward_token":false},"#, 1);
    let (token, mut world) = (Token::default().sign(), World::new(&hidden));
    let headers = [("authorization", "Bearer x"), (HEADER, token.as_str()), ("accept", "*/*")];
    assert_eq!(allowed(request(&mut world, "/", &headers)).remove, ["authorization", HEADER]);
    assert_eq!(allowed(request(&mut world, "/public", &headers)).remove, ["authorization"]);
}

#[test]
fn what_decides_is_asked_for_and_remembered_nowhere_else() {
    let (token, mut world) = (Token::default().sign(), world());
    assert!(world.gateway().needed_headers().any(|name| name == HEADER));
    for path in ["/", "/optional"] {
        for _ in 0..4 {
            let Decision::Allow(forward) = request(&mut world, path, &[(HEADER, &token)]) else { panic!("{path}") };
            assert_eq!(forward.grant, None, "{path}");
        }
    }
    for _ in 0..2 {
        let Decision::Allow(forward) = request(&mut world, "/optional", &[]) else { panic!() };
        assert_eq!(forward.grant, None);
    }
    assert_eq!(world.shared.verifications.get(), 1, "the token itself is known, wherever it came from");
}
