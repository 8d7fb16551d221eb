//! Which configuration of wrangler the commands take, and what is one.

use crate::tool::{Folder, Run};

fn policy(path: &str) -> String {
    format!("{{\"version\": 1, \"routes\": [{{\"path\": \"{path}\", \"access\": \"deny\"}}]}}")
}

/// A Worker's configuration as projects have it.
fn jsonc(path: &str) -> String {
    format!(
        "{{\n  // See https://developers.cloudflare.com/workers/wrangler/configuration/\n  \
         \"$schema\": \"node_modules/wrangler/config-schema.json\",\n  \"name\": \"gate\",\n  \
         \"main\": \"build/index.js\",\n  \"compatibility_date\": \"2026-11-01\",\n  \
         \"vars\": {{ \"POLICY\": {} }},\n}}\n",
        policy(path)
    )
}

fn toml(path: &str) -> String {
    format!("name = \"gate\"\n[vars]\nPOLICY = '{}'\n", policy(path))
}

/// The path of the only route of a configuration in the current folder.
fn path_of(run: &Run) -> &str {
    assert_eq!(run.err, "");
    only_path(run)
}

/// The path of the only route.
fn only_path(run: &Run) -> &str {
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    run.out.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap()
}

#[test]
fn without_a_file_it_is_the_one_that_wrangler_takes() {
    let folder = Folder::new("takes");
    let none = folder.run(&["check"]);
    // The repository has one, above the folder of this test.
    assert_eq!(none.code, Some(0), "{}", none.err);
    assert!(none.out.ends_with("wrangler.toml: 1 warning\n"), "{}", none.out);
    folder.write("wrangler.toml", toml("/toml"));
    assert_eq!(path_of(&folder.run(&["routes"])), "/toml");
    folder.write("wrangler.jsonc", jsonc("/jsonc"));
    assert_eq!(path_of(&folder.run(&["routes"])), "/jsonc");
    assert_eq!(folder.run(&["check"]).out, "wrangler.jsonc: no problems\n");
    let explained = folder.run(&["explain", "GET", "/jsonc"]).out;
    assert!(explained.contains("routes[0]  /jsonc"), "{explained}");
    folder.write("wrangler.json", jsonc("/json"));
    assert_eq!(path_of(&folder.run(&["routes"])), "/json");
}

#[test]
fn it_may_be_in_a_folder_above_and_a_better_name_further_up_comes_first() {
    let folder = Folder::new("above");
    std::fs::create_dir_all(folder.path().join("packages/gate")).unwrap();
    folder.write("wrangler.toml", toml("/above"));
    let below = |folder: &Folder, args: &[&str]| {
        crate::tool::run(crate::tool::command(args).current_dir(folder.path().join("packages/gate")), "")
    };
    let above = below(&folder, &["routes"]);
    assert_eq!((only_path(&above), above.err.as_str()), ("/above", "uses ../../wrangler.toml, as wrangler does\n"));
    let explained = below(&folder, &["explain", "GET", "/above", "--format", "json"]);
    assert_eq!((explained.code, explained.err.as_str()), (Some(0), "uses ../../wrangler.toml, as wrangler does\n"));
    assert_eq!(path_of(&below(&folder, &["routes", "../../wrangler.toml"])), "/above");
    assert_eq!(below(&folder, &["check"]).out, "../../wrangler.toml: no problems\n");
    folder.write("packages/gate/wrangler.toml", toml("/here"));
    assert_eq!(path_of(&below(&folder, &["routes"])), "/here");
    folder.write("packages/wrangler.jsonc", jsonc("/between"));
    assert_eq!(only_path(&below(&folder, &["routes"])), "/between");
}

#[test]
fn tests_are_for_the_configuration_beside_them() {
    let folder = Folder::new("tests-beside");
    std::fs::create_dir_all(folder.path().join("gate")).unwrap();
    folder.write("wrangler.json", jsonc("/other")).write("gate/wrangler.jsonc", jsonc("/a"));
    let test = "[[tests]]\nname = \"a\"\nurl = \"/a\"\nexpect = { status = 403, code = \"gate.denied\" }\n";
    folder.write("gate/policy.test.toml", test);
    let run = folder.run(&["test", "gate/policy.test.toml"]);
    assert_eq!(run.code, Some(1), "wrangler.json comes first: {}", run.out);
    std::fs::remove_file(folder.path().join("wrangler.json")).unwrap();
    let run = folder.run_in(&[("CLOUDFLARE_ENV", "staging")], &["test", "gate/policy.test.toml"]);
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
}

#[test]
fn the_environment_is_wranglers_and_inherits_no_variables() {
    let folder = Folder::new("environment");
    let environments = format!("[env.staging.vars]\nPOLICY = '{}'\n[env.dev]\n", policy("/staging"));
    folder.write("wrangler.toml", toml("/default") + &environments);
    let of = |variable: &str, args: &[&str]| folder.run_in(&[("CLOUDFLARE_ENV", variable)], args);
    assert_eq!(path_of(&of("", &["routes"])), "/default");
    assert_eq!(path_of(&of("staging", &["routes"])), "/staging");
    assert_eq!(path_of(&of("dev", &["routes", "--env", "staging"])), "/staging");
    assert_eq!(path_of(&of("staging", &["routes", "--env", ""])), "/default");
    let dev = of("dev", &["check"]);
    let message = "error: wrangler.toml has no policy for the environment \"dev\" (named by\nCLOUDFLARE_ENV); environments do not inherit `vars`\n";
    assert_eq!((dev.code, dev.err.as_str()), (Some(2), message));
    let lacking = "error: wrangler.toml has no policy for the environment \"nowhere\"";
    assert_eq!(of("", &["check", "--env", "nowhere"]).err, format!("{lacking}\n"));
    assert_eq!(of("nowhere", &["check"]).err, format!("{lacking} (named by\nCLOUDFLARE_ENV)\n"));
    let pushed = of("nowhere", &["push", "-c", "wrangler.toml"]).err;
    assert!(pushed.contains("no environment \"nowhere\" (named by CLOUDFLARE_ENV)"), "{pushed}");
    // A policy in a file of its own is of no environment.
    folder.write("policy.json", policy("/own"));
    assert_eq!(path_of(&of("staging", &["routes", "policy.json"])), "/own");
}

#[test]
fn a_configuration_without_the_usual_keys_is_no_policy() {
    let folder = Folder::new("minimal");
    let expected = |name: &str, place: &str| format!("error: {name} contains no policy: expected {place}\n");
    for text in [
        "name = \"my-gate\"\nroutes = [\"api.example.com/*\"]\n",
        "account_id = \"0123456789abcdef0123456789abcdef\"\nworkers_dev = true\n",
        "routes = [\n  { pattern = \"api.example.com\", custom_domain = true },\n]\n",
        "",
    ] {
        let run = folder.write("wrangler.toml", text).run(&["check"]);
        let message = expected("wrangler.toml", "the table [vars.POLICY]");
        assert_eq!((run.code, run.out.as_str(), run.err), (Some(2), "", message), "{text}");
    }
    let named = folder
        .write("gate.toml", "name = \"my-gate\"\nroutes = [\"api.example.com/*\"]\n")
        .run(&["check", "gate.toml"]);
    assert_eq!(named.err, expected("gate.toml", "the table [vars.POLICY]"));
    let json = folder.write("wrangler.jsonc", "{ \"name\": \"my-gate\" }").run(&["check"]);
    assert_eq!(json.err, expected("wrangler.jsonc", "`POLICY` in `vars`"));
    let store =
        "name = \"my-gate\"\n[[kv_namespaces]]\nbinding = \"POLICY_KV\"\nid = \"0123456789abcdef0123456789abcdef\"\n";
    let run = folder.write("store.toml", store).run(&["check", "store.toml"]);
    assert!(
        run.err.replace('\n', " ").contains("; for a policy in Workers KV, name the file that you push"),
        "{}",
        run.err
    );
    // A policy with a key of a configuration is a policy with an unknown key.
    let policy = "name = \"x\"\nversion = 1\nroutes = [{ path = \"/\", access = \"deny\" }]\n";
    let run = folder.write("policy.toml", policy).run(&["check", "policy.toml"]);
    assert!(run.out.starts_with("error: name: unknown key"), "{}", run.out);
}

#[test]
fn a_push_goes_to_no_namespace_but_that_of_the_named_file() {
    let folder = Folder::new("push-target");
    for name in ["a", "b", "policies"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let bound = "kv_namespaces = [{ binding = \"POLICY_KV\", id = \"0123456789abcdef0123456789abcdef\" }]\n";
    folder.write("a/wrangler.toml", format!("{bound}{}", toml("/a")));
    let staging = "[env.staging.vars]\nX = \"1\"\n";
    folder.write("b/wrangler.jsonc", jsonc("/b")).write("b/policy.json", policy("/b"));
    folder.write("a/staging.toml", format!("{}{staging}", toml("/a")));
    let in_a = |args: &[&str]| crate::tool::run(crate::tool::command(args).current_dir(folder.path().join("a")), "");
    for (args, message) in [
        (&["push", "../b/policy.json"][..], "b/wrangler.jsonc binds no KV namespace as POLICY_KV"),
        (&["push", "../b/wrangler.jsonc"], "b/wrangler.jsonc binds no KV namespace as POLICY_KV"),
        (&["push", "--binding", "OTHER"], "wrangler.toml binds no KV namespace as OTHER"),
        (&["push", "--env", "nowhere"], "wrangler.toml has no environment \"nowhere\""),
        (&["push", "--", "--env", "nowhere"], "wrangler.toml has no environment \"nowhere\""),
        (
            &["push", "../b/policy.json", "--config", "staging.toml", "--env", "staging"],
            "staging.toml binds no KV namespace as POLICY_KV for the environment \"staging\"; environments do not inherit `kv_namespaces`",
        ),
        (&["push", "--env", "a", "--", "--env", "b"], "--config and --env have one value"),
        (&["push", "--", "--preview"], "--preview is not for wrangler here: the binding names the namespace"),
        (&["push", "--", "--no-preview"], "the binding names the namespace"),
        (
            &["push", "--", "--namespace-id", "a"],
            "--namespace-id is not for wrangler here: the binding names the namespace",
        ),
        (&["push", "--", "--namespaceId=a"], "the binding names the namespace"),
        (&["push", "--", "--binding", "OTHER"], "name the binding before `--`"),
        (&["push", "--", "--local"], "write --local before `--`"),
        (&["push", "--local", "--", "--remote"], "without --local, the storage is the deployed Worker's"),
        (&["push", "--", "--cwd", "../b"], "name the configuration with --config"),
    ] {
        let run = in_a(args);
        let err = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((run.code, run.out.as_str(), err.contains(message)), (Some(2), "", true), "{args:?}: {err}");
    }
}

#[test]
fn a_candidate_is_that_of_the_namespace_of_the_configuration() {
    let folder = Folder::new("candidate-target");
    for name in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    folder.write("a/wrangler.toml", toml("/a")).write("b/wrangler.jsonc", jsonc("/b"));
    folder.write("b/policy.json", policy("/b")).write("b/bad.json", policy("b"));
    let in_a = |args: &[&str]| crate::tool::run(crate::tool::command(args).current_dir(folder.path().join("a")), "");
    let digest = ["promote", "--digest", "ba7816bf8f01cfea"];
    let unbound = "wrangler.toml binds no KV namespace as POLICY_KV";
    for (args, message) in [
        (&["push", "--drop-candidate"][..], unbound),
        (&["push", "--drop-candidate", "--config", "../b/wrangler.jsonc"], "b/wrangler.jsonc binds no KV namespace"),
        (&["push", "--drop-candidate", "--env", "nowhere"], "wrangler.toml has no environment \"nowhere\""),
        (&["push", "--drop-candidate", "--", "--preview"], "the binding names the namespace"),
        (&["push", "--drop-candidate", "../b/policy.json"], "'--drop-candidate' cannot be used with '[FILE]'"),
        (&["push", "--drop-candidate", "--candidate"], "'--drop-candidate' cannot be used with '--candidate'"),
        (&["push", "--drop-candidate", "--syntax", "json"], "'--drop-candidate' cannot be used with '--syntax"),
        (&["push", "--candidate", "../b/policy.json"], "b/wrangler.jsonc binds no KV namespace as POLICY_KV"),
        (&digest, unbound),
        (&[&digest[..], &["--binding", "OTHER"]].concat(), "wrangler.toml binds no KV namespace as OTHER"),
        (&[&digest[..], &["--config", "../b/wrangler.jsonc"]].concat(), "b/wrangler.jsonc binds no KV namespace"),
        (&[&digest[..], &["../b/policy.json"]].concat(), "b/wrangler.jsonc binds no KV namespace as POLICY_KV"),
        (&["promote"], unbound),
        (&["promote", "--", "--namespace-id", "a"], "the binding names the namespace"),
        (&["promote", "--digest", "ba7816bf"], "expected 16 hexadecimal digits"),
        (&["promote", "--digest", "ba7816bf8f01cfeg"], "expected 16 hexadecimal digits"),
    ] {
        let run = in_a(args);
        let err = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((run.code, run.out.as_str(), err.contains(message)), (Some(2), "", true), "{args:?}: {err}");
    }
}

#[test]
fn a_configuration_from_standard_input_names_no_namespace() {
    let folder = Folder::new("push-stdin");
    let piped = format!("kv_namespaces = [{{ binding = \"PIPED\", id = \"a\" }}]\n{}", toml("/a"));
    folder.write("wrangler.toml", toml("/a"));
    let run = folder.run_with(&["push", "-", "--binding", "PIPED"], &piped);
    let message = "error: wrangler.toml binds no KV namespace as PIPED\n";
    assert_eq!((run.code, run.err.as_str()), (Some(2), message));
}
