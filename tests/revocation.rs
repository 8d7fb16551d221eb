//! Revoked tokens: which they are, how soon every isolate knows, and what happens while nobody can say.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, missing_docs, reason = "a test that panics has failed")]

mod support;

use portcullis::decision::Decision;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use support::repeater::Repeater;
use support::token::key_set;
use support::{ISSUER, NOW, Token, World, outcome};

const API: &str = "/.well-known/portcullis/revocations";
const TENANTS: &str = "https://login.example.com/{tenant}/v2";
const REVOKED: &str = "401 auth.token_revoked";
const UNAVAILABLE: &str = "503 gate.revocations_unavailable";

fn policy(settings: &str) -> String {
    format!(
        r#"{{"version":1,"origin":"https://o","issuers":{{
            "logto":{{"issuer":"{ISSUER}","jwks":{keys}}},
            "entra":{{"issuer":"{TENANTS}","tenants":["t1","t2"],"jwks":{keys}}}}},
        "revocation":{{"store":"REVOCATIONS","api":{{"audience":"https://gate","scopes":["revoke"]}}{settings}}},
        "routes":[{{"path":"/{{*rest}}","audience":"*","organization":"*"}},{{"path":"/public","access":"public"}}]}}"#,
        keys = key_set(&["ed"])
    )
}

fn token() -> Token {
    Token::default().signed_with("ed", "EdDSA")
}

/// Asks the API, as an operator whose token is never too old.
fn post(world: &mut World, body: &Value) -> String {
    let operator = operator_now(world);
    *world.shared.body.borrow_mut() = body.to_string().into_bytes();
    let answer = world.request("POST", &format!("https://api.example.com{API}"), &[("authorization", &operator)]);
    world.settle();
    outcome(&answer)
}

fn get(world: &mut World, token: &Token) -> String {
    outcome(&world.get("/a", &token.sign()))
}

/// What one answers after a while, with a request behind whose response the list is read.
fn after(world: &mut World, seconds: u64, token: &Token) -> String {
    world.pass(seconds);
    get(world, token);
    world.settle();
    get(world, token)
}

#[test]
fn a_token_is_revoked_if_it_has_all_that_an_entry_names() {
    let member = token().claim("organization_id", json!("o1")).claim("jti", json!("j1")).claim("sid", json!("s1"));
    let of_organization = token().claim("aud", json!(["x", "urn:logto:organization:o1", "urn:logto:organization:o2"]));
    let by_azp = token().claim("client_id", Value::Null).claim("azp", json!("app-2"));
    let tenant = token().claim("iss", json!("https://login.example.com/t1/v2"));
    for (entry, revoked) in [
        (json!({"sub": "user-1"}), [true, true, true, false]),
        (json!({"sub": "user-2"}), [false; 4]),
        (json!({"client_id": "app-1"}), [true, true, false, false]),
        (json!({"client_id": "app-2"}), [false, false, true, false]),
        (json!({"organization": "o1"}), [true, true, false, false]),
        (json!({"organization": "o2"}), [false, true, false, false]),
        (json!({"organization": "o1", "sub": "user-1"}), [true, true, false, false]),
        (json!({"organization": "o2", "sub": "user-2"}), [false; 4]),
        (json!({"jti": "j1"}), [true, false, false, false]),
        (
            json!({"sid": "s1", "sub": "user-1", "client_id": "app-1", "organization": "o1", "jti": "j1"}),
            [true, false, false, false],
        ),
        (json!({"sid": "s2", "sub": "user-1", "client_id": "app-1", "organization": "o1", "jti": "j1"}), [false; 4]),
        (json!({"issuer": "logto", "sub": "user-1"}), [true, true, true, false]),
        (json!({}), [true, true, true, false]),
        (json!({"issuer": "entra"}), [false, false, false, true]),
        (json!({"issuer": "https://login.example.com/t1/v2", "sub": "user-1"}), [false, false, false, true]),
        (json!({"issuer": "https://login.example.com/t2/v2"}), [false; 4]),
    ] {
        let mut world = World::new(&policy(""));
        let mut body = json!({"issuer": ISSUER});
        body.as_object_mut().unwrap().extend(entry.as_object().unwrap().clone());
        assert_eq!(post(&mut world, &body), "204", "{entry}");
        for (token, is_revoked) in [&member, &of_organization, &by_azp, &tenant].into_iter().zip(revoked) {
            let expected = if is_revoked { REVOKED } else { "allow" };
            assert_eq!(get(&mut world, token), expected, "{entry} {:?}", token.claims);
        }
    }
}

#[test]
fn the_time_of_issue_decides() {
    let mut world = World::new(&policy(""));
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1", "before": NOW})), "204");
    for (issued_at, expected) in [
        (json!(NOW - 1), REVOKED),
        (json!(NOW as f64 - 0.5), REVOKED),
        (json!(NOW), "allow"),
        (json!(NOW as f64 + 0.5), "allow"),
        (Value::Null, REVOKED),
    ] {
        assert_eq!(get(&mut world, &token().claim("iat", issued_at.clone())), expected, "{issued_at}");
    }
    // Without a time, all that was issued so far, in this second too.
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"})), "204");
    assert_eq!(get(&mut world, &token()), REVOKED);
    world.pass(1);
    assert_eq!(get(&mut world, &token().claim("iat", json!(NOW + 1))), "allow");
    // An earlier time does not move it back.
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1", "before": 1})), "204");
    assert_eq!(get(&mut world, &token()), REVOKED);
}

#[test]
fn a_body_that_is_wrong_changes_nothing() {
    let mut world = World::new(&policy(""));
    for body in [
        json!({}),
        json!([]),
        json!({"sub": "user-1"}),
        json!({"issuer": "https://other"}),
        json!({"issuer": "https://login.example.com/t3/v2"}),
        json!({"issuer": TENANTS}),
        json!({"issuer": ISSUER, "sub": null}),
        json!({"issuer": ISSUER, "sub": ""}),
        json!({"issuer": ISSUER, "sub": 1}),
        json!({"issuer": ISSUER, "sub": ["user-1"]}),
        json!({"issuer": ISSUER, "user": "user-1"}),
        json!({"issuer": ISSUER, "before": "now"}),
        json!({"issuer": ISSUER, "before": -1}),
        json!({"issuer": ISSUER, "before": 1.5}),
        json!({"issuer": ISSUER, "before": NOW + 61}),
        json!({"issuer": ISSUER, "sub": "x".repeat(5000)}),
    ] {
        assert_eq!(post(&mut world, &body), "400 gate.bad_request", "{body}");
    }
    for bytes in [&b""[..], b"{", b"{\"issuer\":\"logto\",\"issuer\":\"logto\"}", b"\xff", b"sub=user-1"] {
        *world.shared.body.borrow_mut() = bytes.to_vec();
        let answer = world.request("POST", &format!("https://h{API}"), &[("authorization", &operator_now(&world))]);
        assert_eq!(outcome(&answer), "400 gate.bad_request", "{bytes:?}");
    }
    *world.shared.body.borrow_mut() = vec![b' '; 1024 * 1024 + 1];
    let answer = world.request("POST", &format!("https://h{API}"), &[("authorization", &operator_now(&world))]);
    assert_eq!(outcome(&answer), "413 gate.too_large");
    assert!(world.shared.lists.object.borrow().entries.is_empty());
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "before": NOW + 60})), "204");
}

fn operator_now(world: &World) -> String {
    let token = token().claim("iss", json!("https://login.example.com/t2/v2")).claim("sub", json!("op"));
    let token = token.claim("aud", json!("https://gate")).claim("scope", json!("revoke"));
    format!("Bearer {}", token.claim("iat", json!(world.time())).claim("exp", json!(world.time() + 60)).sign())
}

#[test]
fn only_who_may_writes_and_reads_and_only_by_get_and_post() {
    let mut world = World::new(&policy(""));
    let url = format!("https://any.host{API}");
    for (method, token, expected) in [
        ("POST", None, "401 auth.authorization_header_missing"),
        ("GET", None, "401 auth.authorization_header_missing"),
        ("GET", Some(token()), "403 auth.invalid_audience"),
        ("POST", Some(token().claim("aud", json!("https://gate"))), "403 auth.insufficient_scope"),
        (
            "POST",
            Some(
                token()
                    .claim("aud", json!("https://gate"))
                    .claim("scope", json!("revoke"))
                    .claim("organization_id", json!("o")),
            ),
            "403 auth.organization_mismatch",
        ),
        ("PUT", None, "405 gate.method_not_allowed"),
        ("HEAD", None, "405 gate.method_not_allowed"),
        ("OPTIONS", None, "405 gate.method_not_allowed"),
        ("DELETE", None, "405 gate.method_not_allowed"),
    ] {
        let authorization = token.map(|token| format!("Bearer {}", token.sign()));
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        assert_eq!(outcome(&world.request(method, &url, &headers)), expected, "{method} {authorization:?}");
    }
    // A token that is revoked revokes nothing.
    let operator = operator_now(&world);
    assert_eq!(post(&mut world, &json!({"issuer": "entra", "sub": "op"})), "204");
    assert_eq!(outcome(&world.request("GET", &url, &[("authorization", &operator)])), REVOKED);
    // What the policy does not name is a path like any other.
    let mut world = World::new(&policy("").replace(r#","api":{"audience":"https://gate","scopes":["revoke"]}"#, ""));
    assert_eq!(outcome(&world.request("GET", &url, &[])), "401 auth.authorization_header_missing");
    let put = world.request("PUT", &url, &[("authorization", &format!("Bearer {}", token().sign()))]);
    assert_eq!(outcome(&put), "allow");
}

#[test]
fn entries_are_listed_page_by_page() {
    let mut world = World::new(&policy(""));
    world.shared.lists.page.set(3);
    let mut expected = Vec::new();
    for user in 0..8 {
        let entry = json!({"issuer": ISSUER, "sub": format!("user \"{user}\"\n"), "before": NOW});
        assert_eq!(post(&mut world, &entry), "204");
        expected.push(entry.to_string());
    }
    assert_eq!(post(&mut world, &json!({"issuer": "entra", "jti": "é", "before": 5})), "204");
    expected.push(json!({"issuer": "entra", "jti": "é", "before": NOW}).to_string());
    assert_eq!(post(&mut world, &json!({"issuer": "entra", "jti": "é", "before": NOW})), "204");
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let url = format!("https://h{API}?other=1{cursor}");
        let operator = operator_now(&world);
        let Decision::Serve(document) = world.request("GET", &url, &[("authorization", &operator)]) else { panic!() };
        assert_eq!((document.media_type, document.is_public), ("application/json", false));
        let list: Value = serde_json::from_str(&document.body).unwrap();
        listed.extend(list["entries"].as_array().unwrap().iter().map(Value::to_string));
        let Some(next) = list["cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let operator = operator_now(&world);
    let bad = world.request("GET", &format!("https://h{API}?cursor=x"), &[("authorization", &operator)]);
    assert_eq!(outcome(&bad), "400 gate.bad_request");
}

#[test]
fn another_isolate_knows_within_a_poll_and_asks_only_for_changes() {
    let settings = policy("");
    let mut world = World::new(&settings);
    assert_eq!(get(&mut world, &token()), "allow");
    let one = world.site();
    world.start_beside(&settings);
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"})), "204");
    assert_eq!(get(&mut world, &token()), REVOKED, "at once where it was written");
    world.go_to(&one);
    world.shared.lists.questions.borrow_mut().clear();
    world.pass(4);
    assert_eq!(get(&mut world, &token()), "allow", "the list is fresh");
    assert_eq!(world.shared.lists.questions.borrow().len(), 0);
    world.pass(1);
    assert_eq!(get(&mut world, &token()), "allow", "no request waits");
    world.settle();
    assert_eq!(get(&mut world, &token()), REVOKED);
    assert_eq!(*world.shared.lists.questions.borrow(), ["changes 0:0"]);
    assert_eq!(after(&mut world, 5, &token()), REVOKED);
    assert_eq!(world.shared.lists.questions.borrow().last().unwrap(), "changes 0:1");
    assert_eq!(get(&mut world, &token().claim("sub", json!("user-2"))), "allow");
}

#[test]
fn a_request_with_a_token_waits_for_a_list_that_is_too_old_and_no_other_does() {
    let mut world = World::new(&policy(""));
    get(&mut world, &token());
    world.shared.lists.reply_ms.set(300);
    let site = world.site();
    world.start_beside(&policy(""));
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    world.go_to(&site);
    world.pass(60);
    assert_eq!(outcome(&world.request("GET", "https://h/public", &[])), "allow");
    let began = world.time_ms();
    assert_eq!(get(&mut world, &token()), REVOKED);
    assert!((300..400).contains(&(world.time_ms() - began)), "{}", world.time_ms() - began);
    // Side by side, they read it once.
    world.pass(60);
    world.shared.lists.questions.borrow_mut().clear();
    let authorization = format!("Bearer {}", token().sign());
    let requests: Vec<_> =
        (0..20).map(|_| world.start("GET", "https://h/a", &[("authorization", &authorization)])).collect();
    let answers = world.run(futures_util::future::join_all(requests));
    assert!(answers.iter().all(|answer| outcome(answer) == REVOKED));
    assert_eq!(world.shared.lists.questions.borrow().len(), 1);
}

#[test]
fn what_an_object_that_fails_means() {
    for (settings, expected) in [("", "allow"), (r#","on_failure":"deny""#, UNAVAILABLE)] {
        for failure in ["down", "hangs", "garbage", "in part", "malformed"] {
            let mut world = World::new(&policy(settings));
            let lists = &world.shared.lists;
            match failure {
                "down" => lists.fails.set(true),
                "hangs" => lists.reply_ms.set(60_000),
                "garbage" => *lists.garbage.borrow_mut() = Some("<html>".to_owned()),
                "in part" => {
                    *lists.garbage.borrow_mut() = Some(format!("whole 0:1 end\n{} 9999999999\nx", "0".repeat(32)));
                }
                _ => *lists.garbage.borrow_mut() = Some("since 0:1 end\nff 1".to_owned()),
            }
            let began = world.time_ms();
            assert_eq!(get(&mut world, &token()), expected, "a new isolate, {failure}");
            let waited = world.time_ms() - began;
            assert!(if failure == "hangs" { waited == 2000 } else { waited < 10 }, "{failure} {waited}");
            for _ in 0..20 {
                assert_eq!(get(&mut world, &token()), expected, "nobody waits again, {failure}");
            }
            assert_eq!(world.time_ms() - began, waited);
            assert_eq!(world.shared.lists.questions.borrow().len(), 1, "{failure}");
            assert_eq!(outcome(&world.request("GET", "https://h/public", &[])), "allow");
            world.pass(100);
            get(&mut world, &token());
            world.settle();
            assert_eq!(world.shared.log.borrow().len(), 1, "{:?}", world.shared.log.borrow());
            // It recovers.
            let lists = &world.shared.lists;
            lists.fails.set(false);
            lists.reply_ms.set(1);
            lists.garbage.take();
            world.pass(6);
            assert_eq!(get(&mut world, &token()), "allow");
            assert_eq!(post(&mut world, &json!({"issuer": ISSUER})), "204");
            assert_eq!(get(&mut world, &token()), REVOKED);
        }
    }
}

#[test]
fn a_request_without_room_to_wait_passes_by_no_list_and_takes_it_from_nobody() {
    for settings in ["", r#","on_failure":"deny""#] {
        let mut world = World::new(&policy(settings));
        post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
        world.restart(&policy(settings));
        world.shared.lists.reply_ms.set(1000);
        let authorization = format!("Bearer {}", token().sign());
        let start = |world: &World| world.start("GET", "https://h/a", &[("authorization", &authorization)]);
        let (first, second) = (start(&world), start(&world));
        let shared = std::rc::Rc::clone(&world.shared);
        let crowd = async move {
            let waits = futures_util::future::join(first, async move {
                // Once the first one waits.
                shared.has_room.set(false);
                second.await
            });
            waits.await
        };
        let (waited, refused) = world.run(crowd);
        assert_eq!((outcome(&waited).as_str(), outcome(&refused).as_str()), (REVOKED, UNAVAILABLE), "{settings}");
        assert_eq!(get(&mut world, &token()), REVOKED);
    }
}

#[test]
fn without_room_the_list_at_hand_decides_once_the_read_is_late() {
    let mut world = World::new(&policy(""));
    world.shared.lists.reply_ms.set(60_000);
    let authorization = format!("Bearer {}", token().sign());
    let start = |world: &World| world.start("GET", "https://h/a", &[("authorization", &authorization)]);
    // One starts a read and goes away.
    drop(start(&world));
    let first = start(&world);
    let platform = world.platform();
    world.run(async move {
        let _ = portcullis::platform::in_time(first, 1, &platform).await;
    });
    world.shared.has_room.set(false);
    assert_eq!(get(&mut world, &token()), UNAVAILABLE);
    world.set_clock(NOW + 3);
    assert_eq!(get(&mut world, &token()), "allow");
}

#[test]
fn a_list_without_its_beginning_is_none() {
    for (store, list) in [("REVOCATIONS", "since 0:0 end"), ("kv:LIST", "since a end")] {
        let mut world =
            World::new(&policy(r#","on_failure":"deny""#).replace("\"REVOCATIONS\"", &format!("{store:?}")));
        *world.shared.lists.garbage.borrow_mut() = Some(list.to_owned());
        assert_eq!(get(&mut world, &token()), UNAVAILABLE, "{store}");
    }
}

#[test]
fn a_list_without_end_is_none() {
    let mut world = World::new(&policy(r#","on_failure":"deny""#));
    *world.shared.lists.garbage.borrow_mut() = Some("whole 0:1 more".to_owned());
    assert_eq!(get(&mut world, &token()), UNAVAILABLE);
    world.settle();
    assert!(world.shared.lists.questions.borrow().len() <= 200, "{}", world.shared.lists.questions.borrow().len());
    assert_eq!(world.shared.log.borrow().len(), 1);
}

#[test]
fn an_iss_is_an_iss_also_where_it_is_the_name_of_another_issuer() {
    let other = policy("").replace("\"entra\":", &format!("\"{ISSUER}\":"));
    let mut world = World::new(&other);
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"})), "204");
    assert_eq!(get(&mut world, &token()), REVOKED);
    assert_eq!(get(&mut world, &token().claim("iss", json!("https://login.example.com/t1/v2"))), "allow");
}

#[test]
fn while_the_object_fails_the_list_at_hand_decides_until_it_is_too_old() {
    for (settings, late) in [("", "allow"), (r#","on_failure":"deny","max_age":30"#, UNAVAILABLE)] {
        let mut world = World::new(&policy(settings));
        post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
        let other = token().claim("sub", json!("user-2"));
        world.shared.lists.fails.set(true);
        assert_eq!(after(&mut world, 20, &token()), REVOKED);
        assert_eq!(after(&mut world, 5, &other), "allow");
        world.pass(60);
        assert_eq!(get(&mut world, &other), late);
        let expected = if late == "allow" { REVOKED } else { late };
        assert_eq!(get(&mut world, &token()), expected, "the list at hand is older, and no less true");
        assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-2"})), UNAVAILABLE, "nothing is promised");
    }
}

#[test]
fn a_store_that_is_not_bound_is_no_store() {
    let mut world = World::new(&policy(r#","on_failure":"allow""#));
    world.shared.lists.is_unbound.set(true);
    for _ in 0..3 {
        assert_eq!(get(&mut world, &token()), "500 gate.misconfigured");
        assert_eq!(post(&mut world, &json!({"issuer": ISSUER})), "500 gate.misconfigured");
    }
    assert_eq!(outcome(&world.request("GET", "https://h/public", &[])), "allow");
    assert_eq!(world.shared.log.borrow().len(), 1);
}

#[test]
fn a_list_that_is_lost_or_comes_in_pages_is_read_from_its_beginning() {
    let mut world = World::new(&policy(""));
    world.shared.lists.page.set(2);
    for user in 0..7 {
        post(&mut world, &json!({"issuer": ISSUER, "sub": format!("user-{user}")}));
    }
    world.restart(&policy(""));
    for user in 0..7 {
        assert_eq!(get(&mut world, &token().claim("sub", json!(format!("user-{user}")))), REVOKED, "{user}");
    }
    // Another object, with another list.
    world.shared.lists.object.take();
    world.shared.lists.object.borrow_mut().id = 7;
    assert_eq!(after(&mut world, 5, &token()), "allow");
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    assert_eq!(get(&mut world, &token()), REVOKED);
}

#[test]
fn an_entry_outlives_the_tokens_that_it_revokes_and_no_more() {
    let mut world = World::new(&policy(r#","keep":600"#));
    let long = token().claim("exp", json!(NOW + 100_000));
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    assert_eq!(after(&mut world, 600, &long), REVOKED);
    assert_eq!(after(&mut world, 3, &long), "allow");
    // A clock that jumps ahead and back takes nothing away.
    let mut world = World::new(&policy(r#","keep":600"#));
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    world.set_ahead(700);
    assert_eq!(get(&mut world, &long), "allow");
    world.set_ahead(0);
    assert_eq!(get(&mut world, &long), REVOKED);
    world.set_ahead(-500);
    assert_eq!(get(&mut world, &long.clone().claim("iat", Value::Null)), REVOKED);
}

#[test]
fn a_request_that_is_forwarded_by_a_grant_is_so_only_under_the_list_that_it_was_compared_with() {
    let mut world = World::new(&policy(""));
    let mut repeater = Repeater::default();
    let authorization = format!("Bearer {}", token().sign());
    let headers = [("authorization", authorization.as_str()), ("host", "h")];
    let decide = |world: &mut World, repeater: &mut Repeater| {
        let decision = world.request("GET", "https://h/a", &headers);
        world.settle();
        repeater.remember(world, &headers, &decision);
        outcome(&decision)
    };
    for _ in 0..3 {
        assert_eq!(decide(&mut world, &mut repeater), "allow");
    }
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_some());
    world.pass(5);
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_none(), "the list has to be looked for");
    assert_eq!(decide(&mut world, &mut repeater), "allow");
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_some());
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-2"}));
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_none(), "the list is another");
    assert_eq!(decide(&mut world, &mut repeater), "allow");
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_some());
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    assert!(repeater.repeat(&world, "GET", "https://h/a", &headers).is_none());
    assert_eq!(decide(&mut world, &mut repeater), REVOKED);
}

#[test]
fn a_policy_that_succeeds_keeps_the_list_and_one_that_is_tried_changes_nothing() {
    let mut world = World::new(&policy(""));
    post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"}));
    world.shared.lists.fails.set(true);
    world.succeed(&policy(r#","on_failure":"deny""#));
    assert_eq!(get(&mut world, &token()), REVOKED);
    assert_eq!(get(&mut world, &token().claim("sub", json!("user-2"))), "allow");
    world.succeed(&policy("").replace("\"REVOCATIONS\"", "\"OTHERS\""));
    assert_eq!(get(&mut world, &token()), "allow", "another store has another list");
}

#[test]
fn the_list_in_kv_is_one_value() {
    let settings = policy("").replace("\"REVOCATIONS\"", "\"kv:LIST\"");
    let mut world = World::new(&settings);
    assert_eq!(get(&mut world, &token()), "allow");
    for user in 0..3 {
        assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": format!("user-{user}")})), "204");
    }
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-2", "before": 7})), "204");
    world.restart(&settings);
    assert_eq!(get(&mut world, &token()), REVOKED);
    let operator = operator_now(&world);
    let Decision::Serve(document) = world.request("GET", &format!("https://h{API}"), &[("authorization", &operator)])
    else {
        panic!()
    };
    let list: Value = serde_json::from_str(&document.body).unwrap();
    assert_eq!(list["entries"].as_array().unwrap().len(), 3);
    assert!(list["entries"].as_array().unwrap().iter().all(|entry| entry["before"] == json!(NOW + 1)));
    *world.shared.lists.kv.borrow_mut() = Some("nonsense".to_owned());
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER})), UNAVAILABLE, "what cannot be read is not replaced");
    assert_eq!(world.shared.lists.kv.borrow().as_deref(), Some("nonsense"));
    let kept = after(&mut world, 60, &token());
    assert_eq!(kept, REVOKED, "the list at hand");
}

#[test]
fn an_older_copy_of_kv_takes_nothing_from_the_isolate_that_wrote() {
    let settings = policy("").replace("\"REVOCATIONS\"", "\"kv:LIST\"");
    let mut world = World::new(&settings);
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-2"})), "204");
    let older = world.shared.lists.kv.borrow().clone().map(|list| list.replace("whole ", "whole older-"));
    assert_eq!(post(&mut world, &json!({"issuer": ISSUER, "sub": "user-1"})), "204");
    let newer = world.shared.lists.kv.replace(older);
    assert_eq!(after(&mut world, 60, &token()), REVOKED);
    *world.shared.lists.kv.borrow_mut() = newer;
    assert_eq!(after(&mut world, 60, &token()), REVOKED);
    assert_eq!(after(&mut world, 600, &token()), REVOKED);
}

/// What an entry names, or a token has: a value for each name.
type Named = Vec<Option<&'static str>>;

/// What an entry names, and its time.
type NamedEntry = (Named, u64);

/// What a token has, the organizations in its audiences, its time of issue, and whether it has one.
type NamedToken = (Named, Vec<&'static str>, u64, bool);

/// Values of which few are the same.
fn values() -> impl Strategy<Value = Named> {
    proptest::collection::vec(proptest::option::of(select(vec!["a", "b"])), 5)
}

#[test]
fn the_index_finds_what_a_plain_search_finds() {
    const NAMES: [&str; 5] = ["sub", "client_id", "organization", "jti", "sid"];
    let entries = proptest::collection::vec((values(), 0..4_u64), 1..12);
    let tokens =
        proptest::collection::vec((values(), subsequence(vec!["a", "b"], 0..3), 0..4_u64, any::<bool>()), 1..12);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(150));
    let run = |(entries, tokens): (Vec<NamedEntry>, Vec<NamedToken>)| {
        let mut world = World::new(&policy(""));
        for (named, before) in &entries {
            let mut body = json!({"issuer": ISSUER, "before": NOW + before});
            for (name, value) in NAMES.iter().zip(named).filter(|(_, value)| value.is_some()) {
                body[*name] = json!(value);
            }
            assert_eq!(post(&mut world, &body), "204");
        }
        world.restart(&policy(""));
        for (claims, audiences, issued_at, has_time) in &tokens {
            let text = |index: usize| claims[index].map_or(Value::Null, Value::from);
            let audiences: Vec<_> = audiences.iter().map(|id| format!("urn:logto:organization:{id}")).collect();
            let token = token().claim("sub", text(0)).claim("client_id", text(1)).claim("organization_id", text(2));
            let token = token.claim("jti", text(3)).claim("sid", text(4)).claim("aud", json!(audiences));
            let token = token.claim("iat", if *has_time { json!(NOW + issued_at) } else { Value::Null });
            let organizations: Vec<&str> =
                claims[2].into_iter().chain(audiences.iter().map(|urn| urn.rsplit(':').next().unwrap())).collect();
            let is_revoked = entries.iter().any(|(named, before)| {
                let has = |index: usize| match (index, named[index]) {
                    (_, None) => true,
                    (2, Some(value)) => organizations.contains(&value),
                    (_, value) => claims[index] == value,
                };
                (0..5).all(has) && (!has_time || issued_at < before)
            });
            world.pass(0);
            world.set_clock(NOW + 4); // no token is of the future
            assert_eq!(
                get(&mut world, &token),
                if is_revoked { REVOKED } else { "allow" },
                "{entries:?} {:?}",
                token.claims
            );
        }
        Ok(())
    };
    runner.run(&(entries, tokens), run).unwrap();
}
