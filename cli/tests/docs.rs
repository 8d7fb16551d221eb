//! What the documentation shows is what the tool prints.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::tool::{ROOT, command, run};

/// The commands of ```` ```console ```` blocks, behind `$ ` and on further lines that are indented,
/// with what stands below each.
fn examples(text: &str) -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let mut is_command = false;
        for line in block.split_inclusive('\n') {
            is_command = is_command && line.starts_with("    ");
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push((command.to_owned(), String::new()));
                is_command = true;
            } else {
                let (command, shown) = examples.last_mut().unwrap();
                (if is_command { command } else { shown }).push_str(line);
            }
        }
    }
    examples
}

#[test]
fn the_documentation_shows_real_output() {
    let root = Path::new(ROOT);
    let tool = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap();
    let path = format!("{}:{}", tool.display(), std::env::var("PATH").unwrap());
    for page in ["README.md", "docs/cli.md"] {
        shows_real_output(&root.join(page), root, &path);
    }
}

fn shows_real_output(page: &Path, root: &Path, path: &str) {
    let mut text = std::fs::read_to_string(page).unwrap();
    let examples = examples(&text);
    assert!(!examples.is_empty());
    for (command, shown) in examples {
        let output =
            Command::new("sh").args(["-c", &format!("({command}) 2>&1")]).current_dir(root).env("PATH", path).output();
        let printed = String::from_utf8(output.unwrap().stdout).unwrap();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            text = text.replace(&format!("$ {command}{shown}"), &format!("$ {command}{printed}"));
        } else {
            assert_eq!(shown.trim_end(), printed.trim_end(), "{command}");
        }
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(page, text).unwrap();
    }
}

#[test]
fn the_documentation_names_every_kind_of_finding() {
    let run = run(&mut command(&["check", "--format", "sarif"]), "");
    let log: Value = serde_json::from_str(&run.out).unwrap();
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/cli.md")).unwrap();
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        let (id, level) = (rule["id"].as_str().unwrap(), rule["defaultConfiguration"]["level"].as_str().unwrap());
        assert!(level == "error" || page.contains(&format!("`{id}`")), "{id}");
    }
}

/// The first columns of all tables of a page.
fn table_keys(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.collect()
}

#[test]
fn the_reference_of_the_policy_names_each_key_of_the_schema_and_no_other() {
    let schema: Value = serde_json::from_str(&run(&mut command(&["schema", "policy"]), "").out).unwrap();
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/policy.md")).unwrap();
    let section = |title: &str| {
        let from = page.split_once(&format!("\n## {title}\n")).unwrap_or_else(|| panic!("{title}")).1;
        from.split("\n## ").next().unwrap()
    };
    let named = |keys: &Value| -> Vec<String> { keys["properties"].as_object().unwrap().keys().cloned().collect() };
    let of_schema = |name: &str| named(&schema["definitions"][name]);
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let in_tables =
        |text: &str| sorted(table_keys(text).iter().map(|key| key.split('.').next().unwrap().to_owned()).collect());
    let head = page.split("\n## ").next().unwrap();
    assert_eq!(in_tables(head), sorted(named(&schema)));
    assert_eq!(in_tables(section("Routes")), sorted(of_schema("Route")));
    assert_eq!(in_tables(section("Issuers")), sorted(of_schema("Issuer")));
    // The other tables explain their keys in sentences.
    for (title, tables) in [
        ("What the origin receives", &["Identity", "Assertions", "SharedSecret"][..]),
        ("Browsers and resource metadata", &["Cors", "Resource"]),
        ("Claims", &["ClaimRule"]),
    ] {
        for key in tables.iter().flat_map(|table| of_schema(table)) {
            assert!(section(title).contains(&key), "{title}: {key}");
        }
    }
}
