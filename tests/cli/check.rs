//! `portcullis check`.

use crate::tool::{Folder, snapshot};

const GOOD: &str = r#"
version = 1
origin = "https://origin.example.com"
[issuers.logto]
issuer = "https://tenant.logto.app/oidc"
[[routes]]
path = "/a"
audience = "https://api.example.com"
"#;

const BAD: &str = r#"version = 1
orign = "https://origin.example.com"
[issuers.logto]
issuer = "https://tenant.logto.app/oidc"
algorithms = ["RS25"]
[[routes]]
path = "/a/{id}"
audience = "https://api.example.com/{ids}"
issuers = ["logot"]
[[routes]]
path = "/a/{x}"
access = "pubic"
"#;

#[test]
fn a_good_policy_is_fine_in_every_syntax() {
    let folder = Folder::new("good");
    folder.write("policy.toml", GOOD).write(
        "wrangler.toml",
        "[vars]\nPOLICY = '''{\"version\": 1, \"routes\":
        [{\"path\": \"/\", \"access\": \"deny\"}]}'''",
    );
    folder.write("policy.json", r#"{"version": 1, "routes": [{"path": "/", "access": "deny"}]}"#);
    folder.write("policy.yml", "version: 1\nroutes:\n  - {path: /, access: deny}\n");
    for args in [&["policy.toml"][..], &["policy.json"], &["policy.yml"], &["wrangler.toml"], &[]] {
        let run = folder.run(&[&["check"], args].concat());
        let name = args.first().unwrap_or(&"wrangler.toml");
        assert_eq!((run.code, run.out, run.err), (Some(0), format!("{name}: no problems\n"), String::new()));
    }
    let run = folder.run_with(&["check", "-"], GOOD);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "<stdin>: no problems\n", ""));
}

#[test]
fn all_errors_are_shown_underlined() {
    let folder = Folder::new("bad");
    let run = folder.write("policy.toml", BAD).run(&["check", "policy.toml"]);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    snapshot("check/errors.txt", &run.out);
    let coloured = folder.run(&["check", "policy.toml", "--color", "always"]);
    snapshot("check/errors-coloured.txt", &coloured.out);
    assert_eq!(folder.run_in(&[("NO_COLOR", "1")], &["check", "policy.toml"]), run, "no terminal, no colour");
}
