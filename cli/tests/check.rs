//! `portcullis check`.

use serde_json::Value;

use crate::tool::{Folder, Run, snapshot, snapshot_narrow};

pub(crate) const GOOD: &str = r#"
version = 1
origin = "https://origin.example.com"
[issuers.logto]
issuer = "https://tenant.logto.app/oidc"
[[routes]]
path = "/a"
audience = "https://api.example.com"
"#;

const BAD: &str = include_str!("policies/bad.toml");
const SUSPICIOUS: &str = include_str!("policies/suspicious.toml");

pub(crate) fn fine(name: &str) -> Run {
    Run { code: Some(0), out: format!("{name}: no problems\n"), err: String::new() }
}

/// What a file of this name and text gives.
pub(crate) fn check(name: &str, text: impl AsRef<[u8]>) -> Run {
    check_with(name, text, &[])
}

/// The same with further options.
pub(crate) fn check_with(name: &str, text: impl AsRef<[u8]>, options: &[&str]) -> Run {
    let folder = Folder::new(name);
    folder.write(name, text).run(&[&["check", name], options].concat())
}

/// The same, where findings are all that it gives.
pub(crate) fn findings(name: &str, text: impl AsRef<[u8]>) -> String {
    let run = check(name, text);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{}", run.out);
    run.out
}

#[test]
fn a_good_policy_is_fine_in_every_syntax() {
    let folder = Folder::new("good");
    let json = r#"{"version": 1, "routes": [{"path": "/", "access": "deny"}]}"#;
    let yaml = "version: 1\nroutes:\n  - {path: /, access: deny}\n";
    folder.write("policy.toml", GOOD).write("policy.json", json).write("policy.yml", yaml);
    folder.write("wrangler.toml", format!("[vars]\nPOLICY = '''{json}'''"));
    folder.write("wrangler.jsonc", format!("// ours\n{{\"vars\": {{\"POLICY\": {json},}},}}"));
    folder.write("wrangler.json", format!("/* ours */ {{\"vars\": {{\"POLICY\": {},}}}}", Value::from(json)));
    for name in ["policy.toml", "policy.json", "policy.yml", "wrangler.toml", "wrangler.json", "wrangler.jsonc"] {
        assert_eq!(folder.run(&["check", name]), fine(name));
    }
    assert_eq!(folder.run(&["check"]), fine("wrangler.json"));
    for text in [GOOD, json, yaml] {
        assert_eq!(folder.run_with(&["check", "-"], text), fine("<stdin>"), "{text}");
    }
    folder.write("policy", yaml);
    assert_eq!(folder.run(&["check", "policy", "--syntax", "yaml"]), fine("policy"));
    let run = folder.run(&["check", "policy", "--syntax", "json"]);
    assert_eq!(run.code, Some(1));
}

#[test]
fn all_errors_are_shown_underlined() {
    let folder = Folder::new("bad");
    let run = folder.write("policy.toml", BAD).run(&["check", "policy.toml"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot_narrow("check/errors.txt", &run.out);
    let coloured = folder.run(&["check", "policy.toml", "--color", "always"]);
    snapshot("check/errors-coloured.txt", &coloured.out);
    assert!(coloured.out.contains('\u{1b}') && !run.out.contains('\u{1b}'));
    assert_eq!(folder.run_in(&[("NO_COLOR", "1")], &["check", "policy.toml"]), run, "no terminal, no colour");
    assert_eq!(folder.run(&["check", "policy.toml", "--color", "never"]), run);
}

#[test]
fn machines_get_the_same_findings() {
    let folder = Folder::new("formats");
    folder.write("bad.toml", BAD).write("a dir,100%.toml", BAD).write("suspicious.toml", SUSPICIOUS);
    for format in ["json", "sarif", "github"] {
        let run = folder.run(&["check", "bad.toml", "--format", format]);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
        snapshot(&format!("check/errors.{format}"), &run.out);
    }
    let count = |format, pointer: &str| {
        let run = folder.run(&["check", "suspicious.toml", "--format", format]);
        let value: Value = serde_json::from_str(&run.out).unwrap();
        value.pointer(pointer).unwrap().as_array().unwrap().len()
    };
    let lines = folder.run(&["check", "suspicious.toml", "--format", "github"]).out.lines().count();
    assert_eq!(count("json", "/findings"), lines);
    assert_eq!(count("sarif", "/runs/0/results"), lines);
    let run = folder.run(&["check", "a dir,100%.toml", "--format", "github"]);
    assert!(run.out.starts_with("::error file=a dir%2C100%25.toml,line="), "{}", run.out);
    let run = folder.run(&["check", "a dir,100%.toml", "--format", "sarif"]);
    assert!(run.out.contains("\"uri\": \"a%20dir%2C100%25.toml\""), "{}", run.out);
}

#[test]
fn what_is_suspicious_is_a_warning() {
    let folder = Folder::new("suspicious");
    let run = folder.write("wrangler.toml", SUSPICIOUS).run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    snapshot_narrow("check/warnings.txt", &run.out);
    let strict = folder.run(&["check", "--deny-warnings"]);
    assert_eq!((strict.code, &strict.out), (Some(1), &run.out));
    let allowed = folder.run(&["check", "--allow", "http-origin", "--allow", "unused-issuer"]);
    assert!(!allowed.out.contains("http-origin") && !allowed.out.contains("unused-issuer"));
    assert!(allowed.out.contains("similar-scope"));
    assert_eq!(folder.run(&["check", "--allow", "policy"]).code, Some(2), "errors are not to be allowed");
    assert_eq!(folder.run(&["check", "--allow", "htp-origin"]).code, Some(2));
}

#[test]
fn a_note_fails_nothing() {
    let policy = "version = 1\n[[routes]]\npath = \"/page\"\naccess = \"public\"\norigin = \"https://o.com\"\n";
    let folder = Folder::new("note");
    let run = folder.write("policy.toml", policy).run(&["check", "policy.toml", "--deny-warnings"]);
    assert_eq!(run.code, Some(0));
    assert!(run.out.contains("note[public-alone]: routes[0]: is public and shadows no other route"), "{}", run.out);
}

#[test]
fn each_environment_has_its_own_policy() {
    let folder = Folder::new("environments");
    let route = |access| {
        format!("POLICY = '{{\"version\": 1, \"routes\": [{{\"path\": \"/\", \"access\": \"{access}\"}}]}}'\n")
    };
    let (good, bad) = (route("deny"), route("dney"));
    let staging = "[env.staging.vars.POLICY]\nversion = 2\nroutes = [{path = \"/\", access = \"deny\"}]\n";
    folder.write("wrangler.toml", format!("name = \"x\"\n[vars]\n{good}{staging}[env.qa.vars]\n{bad}[env.dev]\n"));
    let run = folder.run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot_narrow("check/environments.txt", &run.out);
    let of = |name| folder.run(&["check", "--env", name]);
    assert_eq!(of("qa").out.matches("error: env.qa: routes[0].access").count(), 1);
    assert!(!of("qa").out.contains("staging"));
    let run = of("prod");
    let message = "error: wrangler.toml has no policy for the environment \"prod\"\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", message));
}

#[test]
fn a_file_that_cannot_be_read_is_no_finding() {
    let folder = Folder::new("unreadable");
    folder.write("latin1.toml", b"name = \"\xe9\"").write("worker.toml", "name = \"x\"\nmain = \"x.js\"\n");
    for (name, message) in [
        ("absent.toml", "error: cannot read absent.toml: No such file or directory\n"),
        ("latin1.toml", "error: latin1.toml is not UTF-8: invalid sequence at byte 8\n"),
        ("worker.toml", "error: worker.toml contains no policy: expected the table [vars.POLICY]\n"),
        (".", "error: cannot read .: it is a folder\n"),
    ] {
        let run = folder.run(&["check", name]);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", message));
    }
    assert_eq!(folder.run(&["chekc"]).code, Some(2));
    assert_eq!(folder.run(&["check", "--format", "xml"]).code, Some(2));
}
