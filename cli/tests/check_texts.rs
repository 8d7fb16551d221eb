//! `portcullis check`: errors of syntax, and places in texts of all kinds.

use serde_json::Value;

use crate::check::{GOOD, check, findings, fine};
use crate::tool::{Folder, snapshot_narrow};

#[test]
fn syntax_errors_are_underlined_too() {
    let mut all = String::new();
    for (name, text) in [
        ("unclosed.toml", "version = 1\nroutes = [\n  {path = \"/\"},\n"),
        ("twice.toml", "version = 1\nversion = 1\n[a\nb = = 1\n"),
        ("comma.json", "{\n  \"version\": 1,\n  \"routes\": [],\n}\n"),
        ("twice.json", "{\"version\": 1,\n \"routes\": [{\"path\": \"/\", \"path\": \"/\"}], \"version\": 1}"),
        ("comment.json", "{\"version\": 1} // ours\n"),
        ("tab.json", "{\"version\": 1, \"origin\": \"a\tb\"}"),
        ("tab.jsonc", "{\"vars\": {\"X\": 1,},\n \"env\": \"é\tb\"} // ours\n"),
        ("policy.json", "{\"version\": 1,} // not wrangler's\n"),
        ("surrogate.json", "{\"version\": 1, \"origin\": \"\\ud800\"}"),
        ("indent.yaml", "version: 1\nroutes:\n  - path: /\n   access: deny\n"),
        ("twice.yaml", "version: 1\nversion: 1\n"),
        ("two.yaml", "version: 1\n---\nversion: 1\n"),
        ("key.yaml", "? [a, b]\n: 1\n"),
        ("string.toml", "[vars]\nPOLICY = '{\"version\": 1, \"routes\": }'\n"),
        ("escaped.toml", "[vars]\nPOLICY = \"{\\\"version\\\": 1, \\\"routes\\\": }\"\n"),
        (
            "foreign.toml",
            "version = 1\nroutes = [{path = 2026-11-01, timeout_ms = inf, name = 99999999999999999999}]\n",
        ),
        ("foreign.yaml", "version: .nan\nroutes: []\n"),
        ("empty.toml", ""),
        ("empty.json", ""),
        ("empty.yaml", "# nothing\n"),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/syntax.txt", &all);
}

#[test]
fn a_key_of_a_worker_that_is_there_twice_is_an_error() {
    let policy = |access| format!(r#"{{"version": 1, "routes": [{{"path": "/", "access": "{access}"}}]}}"#);
    let (closed, open) = (policy("deny"), policy("public"));
    let mut all = String::new();
    for (name, text) in [
        // wrangler, as `JSON.parse`, takes the last of both.
        ("wrangler.json", format!(r#"{{"vars": {{"POLICY": {closed}, "POLICY": {open}}}}}"#)),
        ("wrangler.jsonc", format!(r#"{{"vars": {{"POLICY": {closed}}}, /**/ "vars": {{"POLICY": {open}}}}}"#)),
        ("wrangler.yaml", format!("vars: {{POLICY: {closed}}}\nenv: {{a: {{vars: {{X: 1, X: 2}}}}}}\n")),
        ("wrangler.toml", format!("[vars]\nPOLICY = '{closed}'\nPOLICY = '{open}'\n")),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/twice.txt", &all);
}

#[test]
fn a_value_that_json_lacks_hides_no_other_error() {
    let toml = "version = 1\norign = 1979-05-27\n[[routes]]\npath = \"a\"\nacces = \"deny\"\ntimeout_ms = 2020-01-01\nname = inf\n";
    let json = r#"{"version": 1, "version": 2, "routes": [{"path": "a", "access": "deny", "access": "dney", "timeout_ms": 1}], "x": 1}"#;
    let mut all = findings("foreign.toml", toml);
    all.push_str(&findings("twice.json", json));
    snapshot_narrow("check/foreign.txt", &all);
    let folder = Folder::new("foreign-places");
    let run = folder.write("policy.toml", toml).run(&["check", "policy.toml", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let places: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["place"].as_str().unwrap()).collect();
    let of_route = ["routes[0].origin", "routes[0].path", "routes[0].acces", "routes[0].audience"];
    for place in ["orign", "routes[0].timeout_ms", "routes[0].name"].into_iter().chain(of_route) {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    assert_eq!(places.iter().filter(|place| **place == "routes[0].timeout_ms").count(), 1, "null is no second error");
}

#[test]
fn places_are_right_whatever_stands_around_them() {
    let mut all = String::new();
    for (name, text) in [
        ("bom.toml", "\u{feff}version = 2\nroutes = [{path = \"/\", access = \"deny\"}]\n"),
        ("bom.json", "\u{feff}{\"version\": 2, \"routes\": [{\"path\": \"/\", \"access\": \"deny\"}]}"),
        ("crlf.toml", "version = 1\r\n[[routes]]\r\npath = \"/\"\r\nacces = \"deny\"\r\naccess = \"deny\"\r\n"),
        ("tabs.toml", "version = 1\n[[routes]]\n\tpath\t=\t\"/\"\n\taccess\t=\t\"dney\"\n"),
        ("wide.json", "{\"version\": 1, \"routes\": [{\"path\": \"/名前\", \"access\": \"拒否\", \"文\": 1}]}"),
        ("wide.yaml", "version: 1\nroutes:\n  - {path: /名前é, access: dney, \"naïve\": 1}\n"),
        (
            "long.json",
            &format!(
                "{{\"version\": 1, \"routes\": [{{\"path\": \"/{}\", \"access\": \"deny\", \"x\": 1}}]}}",
                "é".repeat(300)
            ),
        ),
        (
            "escape.toml",
            "[vars]\nPOLICY = \"{\\\"version\\\": 2, \\\"routes\\\": [{\\\"path\\\": \\\"/\\\", \\\"access\\\": \\\"deny\\\"}]}\"\n",
        ),
        (
            "lines.toml",
            "[vars]\nPOLICY = '''\n{\n  \"version\": 2,\n  \"routes\": [{\"path\": \"/\", \"access\": \"deny\"}]\n}'''\n",
        ),
    ] {
        all.push_str(&findings(name, text));
        all.push('\n');
    }
    snapshot_narrow("check/places.txt", &all);
}

#[test]
fn deep_nesting_is_an_error_in_every_syntax() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for (name, text) in [
        ("deep.json", format!("{open}{close}")),
        ("open.json", open.clone()),
        ("deep.toml", format!("a = {open}{close}")),
        ("deep.yaml", format!("{open}{close}")),
        ("blocks.yaml", (0..500).map(|level| format!("{}- \n", "  ".repeat(level))).collect()),
        ("tables.toml", format!("[{}]\n", vec!["a"; 100].join("."))),
        ("33.json", format!("{{\"version\": 1, \"routes\": {}1{}}}", "[".repeat(32), "]".repeat(32))),
    ] {
        let out = findings(name, text);
        assert!(["nested too deeply", "depth", "recurs"].iter().any(|word| out.contains(word)), "{name}: {out}");
    }
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert!(findings("bomb.yaml", text).contains("aliases make this document too large"));
}

#[test]
fn ten_thousand_routes_are_checked() {
    let route = |n: usize| {
        format!(
            "\n[[routes]]\npath = \"/r{n}/{{id}}\"\naudience = \"https://api.example.com\"\nscopes = [\"scope{n}:read\"]\n"
        )
    };
    let policy: String = std::iter::once(GOOD.to_owned()).chain((0..10_000).map(route)).collect();
    assert_eq!(check("huge.toml", &policy), fine("huge.toml"));
    // A finding in each of them, and each found in its line.
    let out = findings("huge.toml", policy.replace("scopes = ", "scope = "));
    assert_eq!(out.matches("did you mean `scopes`?").count(), 10_000);
    assert!(out.contains(":50008:1\n") && out.ends_with("huge.toml: 10000 errors\n"));
}

#[test]
fn of_a_long_line_only_what_is_near_is_looked_at() {
    let routes = vec![r#"{"path": "/é", "acces": "deny"}"#; 300].join(", ");
    let policy = format!(r#"{{"version": 1, "routes": [{routes}]}}"#);
    let out = findings("line.json", &policy);
    for place in ["--> line.json:1:42", "--> line.json:1:9909", "--> line.json:1:9903", "::: line.json:1:36"] {
        assert!(out.contains(&format!(" {place}\n")), "{place}: {out}");
    }
    let last = out.split("\n\n").filter(|finding| finding.contains(":::")).last().unwrap();
    snapshot_narrow("check/line.txt", last);
    let coloured = Folder::new("line").write("line.json", policy).run(&["check", "line.json", "--color", "always"]).out;
    assert!(coloured.contains("line.json:1:9909"), "{coloured}");
}

#[test]
fn a_name_or_a_key_moves_no_cursor() {
    let text = "[env.\"x\\u001b\".vars]\nPOLICY = \"{\"\n";
    for name in ["a\u{1b}[2J.toml", "b\n::error::.toml"] {
        let out = findings(name, text);
        assert!(!out.contains('\u{1b}') && !out.contains("\n::error"), "{out:?}");
    }
}

#[test]
fn a_text_that_looks_like_a_place_does_not_move_it() {
    let text =
        format!(r#"{{"version":1,"origin":"https://o","x":"{}","--> c2.json:1:513":1,"routes":[]}}"#, "y".repeat(700));
    let column = text.find("\"--> c2").unwrap() + 1;
    let folder = Folder::new("column");
    folder.write("c2.json", &text);
    let coloured = folder.run(&["check", "--color", "always", "c2.json"]).out;
    assert!(coloured.contains(&format!("c2.json:1:{column}\n")), "{coloured}");
    let out = folder.run(&["check", "c2.json"]).out;
    assert!(out.contains(&format!(" --> c2.json:1:{column}\n")), "{out}");
    assert!(out.contains("--> c2.json:1:513\""), "{out}");
}

#[test]
fn annotations_hold_no_control_characters() {
    let folder = Folder::new("escape");
    folder.write("\u{1b}[31m.toml", "version = 2\n");
    let out = folder.run(&["check", "--format", "github", "\u{1b}[31m.toml"]).out;
    assert!(out.starts_with("::error file=\\u{1b}[31m.toml,"), "{out}");
}
