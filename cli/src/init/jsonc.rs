//! The contents of the configuration in JSON with comments, with the same values as in TOML.

use std::path::Path;

use serde_json::{Value, json};

use super::configuration::{Answers, SCHEMA, examples, is_checkout};

/// Writes the configuration for a folder.
pub(super) fn write(answers: &Answers, dir: &Path) -> String {
    let schema = if dir.join(SCHEMA).is_file() { format!("\n  \"$schema\": \"./{SCHEMA}\",") } else { String::new() };
    let build = if is_checkout(dir) { "\n\n  \"build\": { \"command\": \"npm run build\" }," } else { "" };
    let [name, issuer, audience, origin] =
        [&answers.name, &answers.issuer, &answers.audience, &answers.origin].map(|text| json!(text));
    let key = answers.preset.issuer_name();
    format!(
        r#"{{{schema}
  "name": {name},
  "main": "build/index.js",
  "compatibility_date": "2026-11-01",

  // The bundle is complete: wrangler uploads it and the wasm as they were built and tested.
  "no_bundle": true,{build}

  // JWKS caches the issuers' key sets. Create the namespace with `npx wrangler kv namespace create JWKS` and put its id
  // here. The policy, if it is over 5 kB or must change without a deployment, is in another namespace, bound as POLICY_KV.
  "kv_namespaces": [{{ "binding": "JWKS", "id": "00000000000000000000000000000000" }}],

  // Refreshes all issuers' keys before requests find them stale: more often than jwks_ttl (600 s).
  "triggers": {{ "crons": ["*/5 * * * *"] }},

  "observability": {{ "enabled": true }},

  "vars": {{
    // The policy: which tokens each route accepts. With an invalid one every request is refused, and the log says why.
    "POLICY": {{
      "version": 1,
      "origin": {origin}, // for routes without an origin of their own
      "issuers": {{
        // Compared exactly with the token's iss; its keys are found by discovery.
        "{key}": {{ "issuer": {issuer} }}
      }},
      "routes": [
        // Every path, "/" included, requires a token for this audience. A more specific route decides instead, whatever
        // the order.
        {{ "path": "/{{*rest}}", "audience": {audience} }},

        // Examples:
{examples}
        // Everyone may call this, without a token.
        // {{ "path": "/healthz", "methods": ["GET"], "access": "public" }},
      ]
    }}
  }}
}}
"#,
        examples = commented(answers)
    )
}

/// The examples: each route as an object on a line of its own, below its comments.
fn commented(answers: &Answers) -> String {
    let examples = examples(answers);
    let blocks = examples.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(|block| format!("        //\n{}", commented_block(block))).collect::<String>() + "        //"
}

fn commented_block(block: &str) -> String {
    let comments = block.lines().filter_map(|line| line.strip_prefix('#'));
    let route = toml::from_str::<Value>(block).ok();
    let route = route.as_ref().and_then(|example| example.pointer("/vars/POLICY/routes/0"));
    let route = route.map(|route| format!(" {},", spaced(route)));
    let lines = comments.map(str::to_owned).chain(route);
    lines.map(|line| format!("        //{line}\n")).collect()
}

/// JSON on one line, with spaces as people write it.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, member)| format!("{}: {}", json!(name), spaced(member))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::configuration::{self, Preset};
    use super::*;
    use crate::document::{Source, Syntax};

    fn parse(text: &str) -> Value {
        let source = Source { name: "wrangler.jsonc".to_owned(), text: text.to_owned(), syntax: Syntax::Jsonc };
        source.parse().unwrap_or_else(|errors| panic!("{errors:?}\n{text}")).to_json()
    }

    #[test]
    fn both_formats_have_the_same_values() {
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        for (preset, dir) in [(Preset::Logto, checkout), (Preset::Oidc, Path::new("nowhere"))] {
            let mut json = parse(&write(&Answers::sample(preset), dir));
            let schema = json.as_object_mut().unwrap().remove("$schema");
            assert_eq!(schema.is_some(), dir == checkout);
            let toml: Value = toml::from_str(&configuration::write(&Answers::sample(preset), dir)).unwrap();
            assert_eq!(json, toml);
        }
    }

    #[test]
    fn the_examples_are_the_same_routes_once_they_are_no_comments() {
        for preset in [Preset::Logto, Preset::Oidc] {
            let text = write(&Answers::sample(preset), Path::new("nowhere")).replace("// { \"path\"", "{ \"path\"");
            let toml = configuration::write(&Answers::sample(preset), Path::new("nowhere"));
            let (before, examples) = toml.split_once("# Examples:\n#\n").unwrap();
            let examples: String =
                examples.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
            let toml: Value = toml::from_str(&format!("{before}{}", examples.replace("\n#\n", "\n\n"))).unwrap();
            assert_eq!(parse(&text)["vars"], toml["vars"]);
        }
    }

    #[test]
    fn answers_stay_within_their_values() {
        let hostile = "x\"}]}}, \"y\": {\n// \\ \u{7f}";
        let text =
            write(&Answers { audience: hostile.to_owned(), ..Answers::sample(Preset::Logto) }, Path::new("nowhere"));
        assert_eq!(parse(&text)["vars"]["POLICY"]["routes"][0]["audience"], hostile);
    }
}
