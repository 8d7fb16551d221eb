//! `portcullis revoke`, and what `explain` and `test` make of a list of revocations.

use serde_json::{Value, json};

use crate::explain::{claims, explain, explain_json, refused};
use crate::provider::{Provider, ok};
use crate::support::{ISSUER, NOW, policy};
use crate::tool::{Folder, Run, command, run};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl";
const GONE: &str = "HTTP/1.1 204 No Content\r\ncache-control: no-store\r\nconnection: close\r\n\r\n";

fn revoke(url: &str, args: &[&str]) -> Run {
    run(command(&[&["revoke", url], args].concat()).env("PORTCULLIS_TOKEN", TOKEN), "")
}

/// The body of the request that the command sends.
fn sent(args: &[&str]) -> Value {
    let gate = Provider::new(|_| Some(GONE));
    let done = revoke(&gate.url, args);
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{args:?}");
    assert!(done.out.starts_with("revoked: tokens with "), "{}", done.out);
    let heads = gate.heads.lock().unwrap();
    assert!(heads[0].starts_with("post /.well-known/portcullis/revocations http/1.1\r\n"), "{}", heads[0]);
    assert!(heads[0].contains(&format!("\r\nauthorization: bearer {}\r\n", TOKEN.to_lowercase())), "{}", heads[0]);
    // The body may come behind the head, in a packet of its own.
    heads[0].split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or_default()
}

#[test]
fn an_entry_is_sent() {
    for (args, expected) in [
        (&["--issuer", "logto", "--sub", "u1"][..], json!({"issuer": "logto", "sub": "u1"})),
        (
            &[
                "--issuer",
                "https://i.example.com",
                "--client",
                "c",
                "--org",
                "o",
                "--jti",
                "j",
                "--sid",
                "s",
                "--before",
                "17",
            ],
            json!({"issuer": "https://i.example.com", "client_id": "c", "organization": "o", "jti": "j", "sid": "s", "before": 17}),
        ),
        (
            &["--issuer", "logto", "--all", "--before", "2027-01-15T08:00:00Z"],
            json!({"issuer": "logto", "before": 1_800_000_000}),
        ),
    ] {
        let body = sent(args);
        assert!(body == expected || body.is_null(), "{body}");
    }
}

#[test]
fn all_tokens_of_an_issuer_are_revoked_only_by_that_word() {
    let gate = Provider::new(|_| Some(GONE));
    for args in [
        &["--issuer", "logto"][..],
        &["--sub", "u1"],
        &[],
        &["--issuer", "logto", "--all", "--sub", "u1"],
        &["--issuer", "logto", "--sub", "u1", "--before", "tomorrow"],
        &["--list", "--sub", "u1"],
    ] {
        let run = revoke(&gate.url, args);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{args:?}");
    }
    assert!(gate.heads.lock().unwrap().is_empty());
}

#[test]
fn a_refusal_is_explained() {
    for (answer, message) in [
        (
            r#"400 Bad Request|{"error":"The request is not valid: issuer: expected an issuer of the policy","code":"gate.bad_request"}"#,
            "the gate does not understand this: The request is not valid: issuer: expected an issuer of the policy (400 gate.bad_request)",
        ),
        (r#"403 Forbidden|{"error":"Insufficient scope"}"#, "this token does not permit to revoke tokens"),
        ("404 Not Found|", "the policy of the gate has no `revocation.api`"),
        (r#"503 Service Unavailable|{"code":"gate.revocations_unavailable"}"#, "(503 gate.revocations_unavailable)"),
        ("200 OK|{}", "what answers is not the API of a gate"),
    ] {
        let (line, body) = answer.split_once('|').unwrap();
        let gate = Provider::new(move |_| Some(ok(body).replace("200 OK", line)));
        let run = revoke(&gate.url, &["--issuer", "logto", "--sub", "u1"]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{line}");
        assert!(run.err.split_whitespace().collect::<Vec<_>>().join(" ").contains(message), "{}", run.err);
    }
}

#[test]
fn the_list_is_printed_to_its_end() {
    const PAGES: [&str; 2] = [
        r#"{"entries":[{"issuer":"https://i.example.com","sub":"u1","before":1800000000}],"cursor":"01ab"}"#,
        r#"{"entries":[{"issuer":"entra","organization":"o\u001b[31m","before":1800000060}]}"#,
    ];
    let gate = || {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        Provider::new(move |_| Some(ok(PAGES[asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2])))
    };
    let human = gate();
    let run = revoke(&human.url, &["--list"]);
    let expected = "before 2027-01-15T08:01:00Z  issuer entra, organization o\\u{1b}[31m\n\
                    before 2027-01-15T08:00:00Z  issuer https://i.example.com, sub u1\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), expected, ""));
    let lines = human.request_lines.lock().unwrap().clone();
    assert_eq!(lines[1], "GET /.well-known/portcullis/revocations?cursor=01ab HTTP/1.1");
    let run = revoke(&gate().url, &["--list", "--format", "json"]);
    let list: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(list["entries"].as_array().unwrap().len(), 2);
    let none = Provider::saying(r#"{"entries":[]}"#);
    assert_eq!(revoke(&none.url, &["--list"]).out, "nothing is revoked\n");
    let endless = Provider::saying(r#"{"entries":[],"cursor":"../x"}"#);
    assert_eq!(revoke(&endless.url, &["--list"]).code, Some(1));
}

#[test]
fn a_token_that_comes_back_is_not_shown() {
    let escaped = TOKEN.replacen('e', "\\u0065", 1);
    for token in [TOKEN, &escaped] {
        let body: &str = Box::leak(format!(r#"{{"entries":[{{"issuer":"{token}","before":1}}]}}"#).into_boxed_str());
        for format in ["human", "json"] {
            let run = revoke(&Provider::saying(body).url, &["--list", "--format", format]);
            assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{format}");
            assert!(run.err.contains("the answer contains the token") && !run.err.contains("eyJ"), "{}", run.err);
        }
    }
    let control = Provider::saying("{\"entries\":[{\"issuer\":\"\u{9b}31m\",\"before\":1}]}");
    let run = revoke(&control.url, &["--list", "--format", "json"]);
    assert_eq!(run.code, Some(0));
    assert!(!run.out.contains('\u{9b}'), "{:?}", run.out);
}

fn revoking(name: &str, list: &Value) -> Folder {
    let folder = Folder::new(name);
    let own = policy(r#"[{"path":"/a","audience":"*","organization":"*"}]"#);
    folder.write("policy.json", own.replacen("\"routes\"", "\"revocation\":{\"store\":\"R\"},\"routes\"", 1));
    folder.write("revoked.json", list.to_string());
    folder.write(
        "policy.test.toml",
        format!("policy = \"policy.json\"\n[[tests]]\nname = \"it\"\nurl = \"/a\"\nclaims = {{ iss = \"{ISSUER}\", sub = \"user-1\", aud = \"x\" }}\nexpect = {{ status = 401, code = \"auth.token_revoked\" }}\n"),
    );
    folder
}

#[test]
fn explain_and_test_know_a_list() {
    let claims = claims(json!({"iat": NOW}));
    let folder = revoking("revoked", &json!({"entries": [{"issuer": "logto", "sub": "user-1", "before": NOW + 1}]}));
    let args = ["GET", "/a", "--claims", &claims, "--revocations", "revoked.json"];
    let explanation = explain_json(&folder, &args);
    assert_eq!(explanation["effect"]["status"], json!(401), "{explanation:#}");
    assert_eq!(refused(&explanation)[0], "revocation");
    let without = explain_json(&folder, &args[..4]);
    assert!(without["checks"].as_array().unwrap().iter().any(|check| check["name"] == "revocation"));
    assert_eq!(without["decision"], json!("allow"), "{without:#}");
    assert_eq!(folder.run(&["test", "--revocations", "revoked.json"]).code, Some(0));
    assert_eq!(folder.run(&["test"]).code, Some(1));
    // A list alone, and an entry that names another user.
    let other = revoking("revoked-other", &json!([{"issuer": ISSUER, "sub": "user-2"}]));
    assert_eq!(explain_json(&other, &args)["decision"], json!("allow"));
    for (name, list) in [
        ("text", json!("x")),
        ("unknown", json!([{"issuer": "x"}])),
        ("wide", json!([{"issuer": ISSUER, "sub": null}])),
    ] {
        let run = explain(&revoking(&format!("revoked-{name}"), &list), &args);
        assert_eq!(run.code, Some(2), "{name}");
        assert!(run.err.contains("revoked.json is no list of revocations"), "{}", run.err);
    }
}
