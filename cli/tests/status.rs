//! `portcullis status`.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::provider::{Provider, ok};
use crate::tool::{ROOT, Run, command, run, snapshot_narrow};

/// A token by its form, with nothing in it.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl";

const STATUS: &str = r#"{"version":"0.1.0","policy":{"digest":"ba7816bf8f01cfea","source":"POLICY_KV","routes":12,
  "candidate":{"digest":"e3b0c44298fc1c14"}},
 "issuers":[
  {"name":"logto","issuer":"https://tenant.logto.app/oidc",
   "keys":[{"kid":"8MFWyAJ9","algorithms":["ES384"]},{"algorithms":["RS256","PS256"]}],
   "fetched_at":1790000000,"age":3725,"state":"stale",
   "last_failure":{"at":1790003600,"reason":"GET https://tenant.logto.app/oidc/jwks: status 503"}},
  {"name":"local","issuer":"https://local.example.com","keys":[{"kid":"a","algorithms":["EdDSA"]}],"state":"static"},
  {"name":"new","issuer":"https://new.example.com","keys":[],"state":"none"}],
 "waiting":0,"tokens":{"kept":3,"bytes":1234},"revocations":null,"future":[1.50]}
"#;

/// The status of the gate at a URL, asked for with the token in the variable.
fn status(url: &str, args: &[&str]) -> Run {
    run(tool(&[&["status", url], args].concat()).env("PORTCULLIS_TOKEN", TOKEN), "")
}

fn tool(args: &[&str]) -> Command {
    let mut command = command(args);
    command.env_remove("PORTCULLIS_TOKEN");
    command
}

fn answering(status: &'static str, body: &'static str) -> Provider {
    Provider::new(move |_| Some(ok(body).replace("200 OK", status)))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn prints_a_table() {
    let gate = Provider::saying(STATUS);
    let run = status(&gate.url, &[]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    snapshot_narrow("status/table.txt", &run.out);
    let heads = gate.heads.lock().unwrap();
    assert!(heads[0].starts_with("get /.well-known/portcullis/status http/1.1\r\n"), "{}", heads[0]);
    assert!(heads[0].contains(&format!("\r\nauthorization: bearer {}\r\n", TOKEN.to_lowercase())), "{}", heads[0]);
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    assert!(page.contains(&format!("$ portcullis status https://api.example.com\n{}```", run.out)), "docs/cli.md");
}

#[test]
fn what_is_absent_is_a_dash() {
    for (name, body) in [
        ("version", r#"{"version":"9.0.0"}"#),
        ("one", r#"{"policy":{"routes":1},"waiting":1,"tokens":{"kept":1,"bytes":1}}"#),
        (
            "empty",
            r#"{"policy":{},"issuers":[{},{"keys":[{}],"last_failure":{}}],"tokens":{},"revocations":{"entries":3}}"#,
        ),
    ] {
        let run = status(&Provider::saying(body).url, &[]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        snapshot_narrow(&format!("status/{name}.txt"), &run.out);
    }
}

#[test]
fn json_is_as_it_came() {
    let run = status(&Provider::saying(STATUS).url, &["--format", "json"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), STATUS, ""));
}

#[test]
fn nothing_of_the_gate_controls_the_terminal() {
    let body = "{\"version\":\"\\u001b[31m\",\"policy\":{\"digest\":\"\u{9b}2J\"},\"issuers\":[{\"name\":\"a\\nb\",\
                \"issuer\":\"\\u0007\",\"state\":\"\\u001bc\",\"keys\":[{\"kid\":\"\\r\",\"algorithms\":[\"\\u0000\"]}],\
                \"last_failure\":{\"reason\":\"\\u001b]0;x\\u0007\"}}],\"revocations\":[\"\u{9d}\"]}";
    let refusal = "{\"error\":\"\\u001b[31mno\",\"code\":\"a\\nb\"}";
    for (gate, args) in [
        (answering("200 OK", body), &[][..]),
        (answering("200 OK", body), &["--format", "json"]),
        (answering("403 Forbidden", refusal), &[]),
    ] {
        let run = status(&gate.url, args);
        let text = run.out + &run.err;
        assert!(!text.is_empty() && !text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
}

#[test]
fn a_refusal_is_explained() {
    for (line, body, message) in [
        (
            "401 Unauthorized",
            r#"{"error":"Invalid token","code":"auth.invalid_token"}"#,
            "the gate does not accept this token: Invalid token (401 auth.invalid_token)",
        ),
        (
            "403 Forbidden",
            r#"{"error":"Insufficient scope","code":"auth.insufficient_scope"}"#,
            "this token does not permit to read the status: Insufficient scope (403 auth.insufficient_scope)",
        ),
        (
            "404 Not Found",
            r#"{"error":"Not found","code":"gate.no_route"}"#,
            "there is no status here: the policy of the gate has no `status`, or this is not a gate: Not found (404 gate.no_route)",
        ),
        ("500 Internal Server Error", "", "the gate cannot give its status now (500)"),
        ("302 Found", "", "this is not the status of a gate (302)"),
        ("200 OK", "<html>", "/.well-known/portcullis/status answers with something else than the status of a gate"),
        ("200 OK", r#"{"ok":true}"#, "answers with something else than the status of a gate"),
    ] {
        let run = status(&answering(line, body).url, &[]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{line}");
        assert!(words(&run.err).contains(message), "{}", run.err);
    }
    let run = status(&answering("200 OK", "[]").url, &["--format", "json"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

/// As a server that is no gate may do.
#[test]
fn a_token_that_comes_back_is_not_shown() {
    let echo: &str = Box::leak(format!(r#"{{"version":"{TOKEN}","error":"{TOKEN}"}}"#).into_boxed_str());
    for (line, args) in [("200 OK", &[][..]), ("200 OK", &["--format", "json"]), ("401 Unauthorized", &[])] {
        let run = status(&answering(line, echo).url, args);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        assert!(words(&run.err).contains("the answer contains the token") && !run.err.contains("eyJ"), "{}", run.err);
    }
}

#[test]
fn without_an_answer_nothing_is_known() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = status(&format!("http://127.0.0.1:{port}"), &[]);
    let message =
        format!("error: GET http://127.0.0.1:{port}/.well-known/portcullis/status: the connection was refused");
    assert_eq!((run.code, run.out.as_str(), words(&run.err)), (Some(2), "", message));
    let large: &str = Box::leak(format!(r#"{{"version":"{}"}}"#, "x".repeat(3 << 20)).into_boxed_str());
    let run = status(&answering("200 OK", large).url, &[]);
    assert_eq!(run.code, Some(2));
    assert!(words(&run.err).ends_with("the body is over 3145728 bytes"), "{}", run.err);
}

#[test]
fn the_token_goes_to_a_gate_only() {
    for url in ["http://api.example.com", "https://api.example.com/v1", "https://api.example.com/?x", "api.example.com"]
    {
        let run = status(url, &[]);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{url}");
        assert!(run.err.contains("invalid value"), "{}", run.err);
    }
}

#[test]
fn the_token_may_come_from_standard_input() {
    let gate = Provider::saying(STATUS);
    let piped = |input: &str| run(&mut tool(&["status", &gate.url]), input);
    assert_eq!(piped(&format!("{TOKEN}\r\nother\n")).code, Some(0));
    assert!(gate.heads.lock().unwrap()[0].contains(&format!("bearer {}\r\n", TOKEN.to_lowercase())));
    let none = piped("");
    let message = "error: expected a token in PORTCULLIS_TOKEN or on standard input, found nothing";
    assert_eq!((none.code, words(&none.err).as_str()), (Some(2), message));
    let secret = piped("not a token\n");
    assert_eq!(secret.code, Some(2));
    assert!(!secret.err.contains("not a"), "{}", secret.err);
    // The variable comes first.
    let both = run(tool(&["status", &gate.url]).env("PORTCULLIS_TOKEN", TOKEN), "x.y.z\n");
    assert_eq!(both.code, Some(0));
    assert_eq!(gate.heads.lock().unwrap().iter().filter(|head| head.contains("x.y.z")).count(), 0);
}

/// `script` gives the tool a terminal of its own.
#[test]
#[cfg(target_os = "linux")]
fn the_token_is_asked_for_on_a_terminal_and_not_shown_there() {
    use std::io::Write;

    let gate = Provider::saying(STATUS);
    let shell = command(&[]).get_program().to_str().unwrap().to_owned();
    let asked = format!("stty -a >&2; '{shell}' --color never status {} --format json; stty -a >&2", gate.url);
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &asked, "/dev/null"])
        .env_remove("PORTCULLIS_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut byte = [0];
    // What is typed before the prompt would be shown.
    while !shown.ends_with(b"Token: ") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    // Longer than the lines that a terminal takes in its usual mode.
    let token = format!("{TOKEN}{}", "A".repeat(6000));
    stdin.write_all(format!("{token}\n").as_bytes()).unwrap();
    stdout.read_to_end(&mut shown).unwrap();
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains(r#""version":"0.1.0""#) && !shown.contains("eyJ") && !shown.contains("AAAA"), "{shown}");
    let modes: Vec<&str> = shown.split("speed ").skip(1).map(|part| part.split('{').next().unwrap()).collect();
    assert_eq!(modes.len(), 2, "{shown}");
    assert!(modes.iter().all(|mode| mode.contains(" echo ") && mode.contains(" icanon ")), "{shown}");
}
