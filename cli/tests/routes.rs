//! `portcullis routes`.

use std::process::Command;

use serde_json::Value;

use crate::tool::{Folder, snapshot, snapshot_narrow};

const POLICY: &str = include_str!("policies/routes.toml");

#[test]
fn lists_routes_in_order_of_precedence() {
    let folder = Folder::new("routes");
    folder.write("policy.toml", POLICY).write(
        "wrangler.toml",
        format!(
            "[vars.POLICY]\n{}",
            POLICY.replace("[issuers", "[vars.POLICY.issuers").replace("[[routes", "[[vars.POLICY.routes")
        ),
    );
    let run = folder.run(&["routes", "policy.toml"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    snapshot_narrow("routes/human.txt", &run.out);
    assert_eq!(folder.run(&["routes"]), run, "wrangler.toml unless told otherwise");
    assert_eq!(folder.run_with(&["routes", "-"], POLICY), run);
    let coloured = folder.run(&["routes", "--color", "always"]).out;
    assert!(coloured.contains("\u{1b}[33mpublic\u{1b}[0m"), "{coloured:?}");
    let run = folder.run(&["routes", "--format", "json"]);
    snapshot("routes/routes.json", &run.out);
    let rows: Vec<Value> = serde_json::from_str(&run.out).unwrap();
    let order: Vec<u64> = rows.iter().map(|row| row["route"].as_u64().unwrap()).collect();
    assert_eq!(order, [5, 5, 6, 3, 4, 2, 1, 0]);
}

#[test]
fn a_policy_with_errors_has_no_routes() {
    let folder = Folder::new("no-routes");
    let run = folder.write("policy.toml", POLICY.replace("version = 1", "version = 2")).run(&["routes", "policy.toml"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(run.err.starts_with("error: version: expected"), "{}", run.err);
    let run = folder.run(&["routes", "--env", "staging", "policy.toml"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
}

#[test]
fn a_policy_of_an_environment_is_taken_for_that_environment_only() {
    let folder = Folder::new("only-staging");
    folder.write(
        "wrangler.toml",
        "[env.staging.vars.POLICY]\nversion = 1\nroutes = [{ path = \"/\", access = \"deny\" }]\n",
    );
    let run = folder.run(&["routes"]);
    let message = "error: wrangler.toml has policies for environments only: choose one with --env\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", message));
    assert_eq!(folder.run(&["routes", "--env", "staging"]).code, Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_cannot_be_written_are_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("schema").stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.as_str()), (Some(2), "error: cannot write the results: no storage space\n"));
}

#[test]
fn a_route_that_is_only_tried_is_marked() {
    let folder = Folder::new("tried-routes");
    let policy =
        "version = 1\norigin = \"https://o.com\"\nroutes = [{ path = \"/a\", access = \"deny\", enforce = false }]\n";
    folder.write("policy.toml", policy);
    assert!(folder.run(&["routes", "policy.toml"]).out.contains("only tried: denied"));
    let rows: Value = serde_json::from_str(&folder.run(&["routes", "policy.toml", "--format", "json"]).out).unwrap();
    assert_eq!((&rows[0]["access"], &rows[0]["enforce"]), (&"deny".into(), &false.into()));
}
