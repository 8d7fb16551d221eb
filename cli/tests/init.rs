//! `portcullis init`, against a provider on loopback.

use portcullis::policy::KeySource;

use crate::provider::{Provider, ok};
use crate::tool::{Folder, Run, snapshot};

const METADATA: &str = r#"{"issuer":"BASE/oidc","jwks_uri":"BASE/oidc/jwks",
    "id_token_signing_alg_values_supported":["ES384"],"scopes_supported":["openid","offline_access","read:products"]}"#;
const AUDIENCE: [&str; 4] = ["--audience", "https://api.example.com", "--origin", "https://origin.example.com"];

fn init(folder: &Folder, words: &[&str]) -> Run {
    folder.run(&[&["init"], words, &AUDIENCE[..]].concat())
}

/// A run with the issuer of a provider that says this; the address is replaced in what it gave.
fn init_with(folder: &Folder, provider: &Provider, words: &[&str]) -> Run {
    let issuer = format!("{}/oidc", provider.url);
    let run = init(folder, &[&["--issuer", &issuer], words].concat());
    let [out, err] = [run.out, run.err].map(|text| text.replace(&provider.url, "https://PROVIDER"));
    Run { out, err, ..run }
}

#[test]
fn writes_a_project_that_check_accepts() {
    let (folder, provider) = (Folder::new("init"), Provider::saying(METADATA));
    let run = init_with(&folder, &provider, &[]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    snapshot("init/out.txt", &run.out);
    snapshot("init/err.txt", &run.err);
    assert!(folder.read("wrangler.jsonc").contains(&provider.url));
    assert_eq!(*provider.request_lines.lock().unwrap(), ["GET /oidc/.well-known/openid-configuration HTTP/1.1"]);
    let check = folder.run(&["check"]);
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""), "{}", check.out);
    assert_eq!(check.out, "wrangler.jsonc: no problems\n");
}

/// `template/` is what a deploy button points at.
#[test]
fn the_folder_for_deploy_buttons_is_what_init_writes() {
    let folder = Folder::new("init-button");
    let words = ["--issuer", "https://tenant.logto.app/oidc", "--offline"];
    assert_eq!(init(&folder, &words).code, Some(0));
    for name in ["wrangler.jsonc", "policy.test.toml", "package.json", "src/index.js", ".gitignore", "README.md"] {
        snapshot(&format!("../../../template/{name}"), &folder.read(name));
    }
}

#[test]
fn each_provider_has_its_template() {
    for (template, issuer) in [
        ("logto", "https://t.logto.app/oidc"),
        ("auth0", "https://t.eu.auth0.com/"),
        ("entra", "https://login.microsoftonline.com/22222222-2222-3333-4444-555555555555/v2.0"),
        ("keycloak", "https://id.example.org/realms/r"),
        ("cognito", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Abc"),
        ("okta", "https://t.okta.com/oauth2/x"),
        ("supabase", "https://ref.supabase.co/auth/v1"),
        ("oidc", "https://id.example.org"),
    ] {
        for words in [&["--template", template][..], &[]] {
            let folder = Folder::new("init-template");
            let run = init(&folder, &[&["--issuer", issuer, "--offline", "--format", "toml"], words].concat());
            assert_eq!(run.code, Some(0), "{}", run.err);
            snapshot(&format!("init/{template}.toml"), &folder.read("wrangler.toml"));
            // Cognito's access tokens have no audience.
            let check = folder.run(&["check", "--allow", "audience-unchecked"]);
            assert_eq!(check.out, "wrangler.toml: no problems\n", "{template}");
            let tests = folder.run(&["test"]);
            assert_eq!((tests.code, tests.err.as_str()), (Some(0), ""), "{template}: {}", tests.out);
        }
    }
    let folder = Folder::new("init-unknown");
    let run = init(&folder, &["--issuer", "https://a.example.com", "--template", "ory"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.starts_with("error: invalid value 'ory' for '--template <TEMPLATE>'\n"), "{}", run.err);
}

#[test]
fn a_dry_run_writes_nothing() {
    let (folder, provider) = (Folder::new("init-dry"), Provider::saying(METADATA));
    let run = init_with(&folder, &provider, &["--name", "gate", "--dry-run"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.out.contains("\"name\": \"gate\""), "{}", run.out);
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn another_folder_is_made_and_the_next_steps_begin_there() {
    let folder = Folder::new("init-elsewhere");
    let words = ["--issuer", "https://a.example.com", "--offline", "--dir", "apps/gate"];
    let Run { code, out, err } = init(&folder, &words);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("Next:\n  cd apps/gate\n"), "{out}");
    assert!(folder.has("apps/gate/src/index.js"));
}

#[test]
fn never_overwrites_unasked() {
    let words = ["--issuer", "https://a.example.com", "--offline"];
    for (name, git) in [("wrangler.jsonc", false), ("package.json", false), ("main.py", true)] {
        let folder = Folder::new("init-there");
        if git {
            std::fs::create_dir(folder.path().join(".git")).unwrap();
        }
        folder.write(name, "mine");
        let Run { code, out, err } = init(&folder, &words);
        let expected = format!("error: the folder . is not empty: it has {name};");
        assert_eq!((code, out.as_str(), err.replace('\n', " ").starts_with(&expected)), (Some(2), "", true), "{err}");
        assert_eq!(folder.read(name), "mine");
        let forced = init(&folder, &[&words[..], &["--force"]].concat());
        assert_eq!(forced.code, Some(0), "{}", forced.err);
        assert!(folder.read("wrangler.jsonc").contains("https://a.example.com"));
        assert_eq!(folder.read(name) == "mine", name != "wrangler.jsonc", "only the configuration is overwritten");
    }
    let folder = Folder::new("init-in-git");
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    assert_eq!(init(&folder, &words).code, Some(0), "a new repository is empty");
}

#[test]
fn the_first_tests_pass_and_say_what_the_policy_does() {
    for (format, audience) in [
        ("toml", "https://api.example.com"),
        ("jsonc", "https://api.example.com"),
        ("toml", "*"),
        ("toml", "{header.x-a}"),
    ] {
        let folder = Folder::new("init-tests");
        let words = ["init", "--issuer", "https://t.logto.app/oidc", "--offline", "--origin", "https://o.example.com"];
        let run = folder.run(&[&words[..], &["--audience", audience, "--format", format]].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        let tests = folder.run(&["test"]);
        assert_eq!((tests.code, tests.err.as_str()), (Some(0), ""), "{audience}: {}", tests.out);
        // The policy says that every path requires a token.
        for path in ["/", "/a", "/a/b/"] {
            let run = folder.run(&["explain", "GET", path, "--expect", "401"]);
            assert_eq!(run.code, Some(0), "{path}: {}", run.out);
        }
        let wrong = ["explain", "GET", "/", "--claims", "{\"aud\": \"https://other.example.com\"}", "--expect", "403"];
        assert!(audience == "*" || folder.run(&wrong).code == Some(0), "{audience}");
    }
}

#[test]
fn writes_nothing_that_wrangler_would_not_read() {
    let folder = Folder::new("init-jsonc");
    folder.write("wrangler.jsonc", "{}");
    let run = |words: &[&str]| init(&folder, &[&["--issuer", "https://a.example.com", "--offline"], words].concat());
    let toml = run(&["--format", "toml", "--force"]);
    assert_eq!((toml.code, toml.err.contains("wrangler.jsonc exists")), (Some(2), true), "{}", toml.err);
    assert!(!folder.has("wrangler.toml"));
    // --force overwrites the one that is there, in its own format.
    assert_eq!(run(&["--force"]).code, Some(0));
    assert!(folder.read("wrangler.jsonc").contains("\"POLICY\"") && !folder.has("wrangler.toml"));
    let folder = Folder::new("init-toml");
    folder.write("wrangler.toml", "");
    assert_eq!(init(&folder, &["--issuer", "https://a.example.com", "--offline", "--force"]).code, Some(0));
    assert!(folder.read("wrangler.toml").contains("[vars.POLICY]") && !folder.has("wrangler.jsonc"));
}

#[test]
fn writes_nothing_that_wrangler_would_not_read_for_one_further_up() {
    let folder = Folder::new("init-above");
    std::fs::create_dir_all(folder.path().join("packages/gate")).unwrap();
    let run = |words: &[&str]| {
        init(&folder, &[&["--issuer", "https://a.example.com", "--offline", "--dir", "packages/gate"], words].concat())
    };
    folder.write("wrangler.jsonc", "{}");
    let jsonc = run(&[]);
    assert_eq!(jsonc.code, Some(0), "the nearest of the same name counts: {}", jsonc.err);
    std::fs::remove_dir_all(folder.path().join("packages/gate")).unwrap();
    let toml = run(&["--format", "toml"]);
    let expected = "error: wrangler.jsonc exists, and wrangler would read it instead of\nwrangler.toml; --format jsonc writes one that it reads\n";
    assert_eq!((toml.code, toml.err.as_str()), (Some(2), expected));
    folder.write("wrangler.json", "{}");
    for words in [&[][..], &["--format", "jsonc"], &["--force"]] {
        let json = run(words);
        assert_eq!((json.code, json.err.starts_with("error: wrangler.json exists")), (Some(2), true), "{}", json.err);
    }
    assert!(!folder.has("packages/gate/wrangler.toml") && !folder.has("packages/gate/wrangler.jsonc"));
}

#[test]
fn an_issuer_that_is_almost_logtos_is_noted() {
    let folder = Folder::new("init-logto");
    let run = init(&folder, &["--issuer", "https://t.logto.app", "--offline", "--dry-run"]);
    assert_eq!(run.err, "note: Logto's tokens have the issuer https://t.logto.app/oidc, not\n  https://t.logto.app\n");
}

#[test]
fn without_a_terminal_all_must_be_given() {
    let folder = Folder::new("init-asks");
    let Run { code, err, .. } = folder.run(&["init", "--audience", "a"]);
    assert_eq!(code, Some(2));
    assert_eq!(err, "error: required where there is no terminal to prompt on: --issuer, --origin\n");
    for (words, part) in [
        (["--issuer", "http://a.com"], "https"),
        (["--issuer", "a.com"], "https"),
        (["--issuer", "https://a.com?x"], "without a query"),
        (["--origin", "a.com"], "expected http(s)://"),
        (["--audience", ""], "expected an audience"),
        (["--name", "My Gate"], "expected 1 to 63"),
    ] {
        let run = folder.run(&[&["init"], &words[..]].concat());
        assert_eq!((run.code, run.err.replace('\n', " ").contains(part)), (Some(2), true), "{words:?} {}", run.err);
    }
}

#[test]
fn an_answer_that_is_no_policy_is_a_finding() {
    let folder = Folder::new("init-bad");
    let words = [
        "init",
        "--issuer",
        "https://a.com",
        "--origin",
        "passthrough",
        "--offline",
        "--audience",
        "{x}",
        "--format",
        "toml",
    ];
    let Run { code, err, .. } = folder.run(&words);
    assert_eq!((code, err.as_str()), (Some(1), "error: routes[0].audience: the route captures no {x}\n"));
    assert!(!folder.has("wrangler.toml"));
}

/// Each way in which a provider cannot be used, and what is said of it.
#[test]
fn a_provider_that_the_gate_could_not_use_is_reported() {
    let status =
        |line: &'static str| Provider::new(move |_| Some(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n")));
    let large = Provider::new(|_| Some(ok(&format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)))));
    let hostile = r#"{"issuer":"\u001b[31m\nerror: all is well","jwks_uri":"BASE/jwks"}"#;
    let cases = [
        (
            Provider::saying(r#"{"issuer":"BASE/oidc/","jwks_uri":"BASE/jwks"}"#),
            "names another issuer: \"https://PROVIDER/oidc/\", not \"https://PROVIDER/oidc\"",
        ),
        (
            Provider::saying(r#"{"issuer":"BASE/{tenantid}/v2.0","jwks_uri":"BASE/jwks"}"#),
            "names a template as its issuer: list the tenants in `tenants`, and set `jwks_uri`",
        ),
        (Provider::saying(hostile), "names another issuer: \"\\u{1b}[31m\\nerror: all is well\""),
        (Provider::saying(r#"{"issuer":"BASE/oidc"}"#), "names no jwks_uri"),
        (
            Provider::saying(r#"{"issuer":"BASE/oidc","jwks_uri":"http://a.com/jwks"}"#),
            "names a jwks_uri that is not https",
        ),
        (Provider::saying("<html>"), "is not JSON"),
        (Provider::saying(""), "is not JSON"),
        (status("404 Not Found"), "status 404"),
        (status("500 Oops"), "status 500"),
        (status("302 Found\r\nlocation: https://PROVIDER/elsewhere"), "status 302"),
        (status("101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x"), "status 101"),
        (large, "over 65536 bytes"),
        (Provider::new(|_| Some(String::new())), "error: "),
        (Provider::new(|_| Some("garbage\r\n\r\n".to_owned())), "error: "),
    ];
    for (provider, part) in cases {
        let folder = Folder::new("init-provider");
        let run = init_with(&folder, &provider, &[]);
        let err = run.err.replace('\n', " ");
        assert_eq!((run.code, err.contains(part)), (Some(1), true), "{part}: {err}");
        assert!(err.contains("--offline skips this"), "{err}");
        assert!(!folder.has("wrangler.toml"), "{part}");
    }
}

#[test]
fn a_provider_that_never_answers_is_not_waited_for() {
    let (folder, provider) = (Folder::new("init-silent"), Provider::new(|_| None::<String>));
    let run = init_with(&folder, &provider, &[]);
    assert_eq!(
        (run.code, run.err.replace('\n', " ").contains("no complete response within 5000 ms")),
        (Some(1), true),
        "{}",
        run.err
    );
}

#[test]
fn the_written_policy_finds_its_keys_by_discovery() {
    let folder = Folder::new("init-discovery");
    assert_eq!(init(&folder, &["--issuer", "https://a.example.com", "--offline", "--format", "toml"]).code, Some(0));
    let file: toml::Table = folder.read("wrangler.toml").parse().unwrap();
    let policy = serde_json::to_string(&file["vars"]["POLICY"]).unwrap();
    let policy = portcullis::policy::Policy::parse(&policy).unwrap();
    assert!(matches!(policy.issuers[0].keys, KeySource::Discovery(_)));
}
