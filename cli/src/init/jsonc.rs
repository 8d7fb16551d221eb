//! The contents of the configuration in JSON with comments, with the same values as in TOML.

use serde_json::{Map, Value, json};

use super::configuration::Answers;
use crate::configuration::COMPATIBILITY_DATE;

/// Writes the configuration.
pub(super) fn write(answers: &Answers) -> String {
    let Answers { issuer, audience, origin, template, name } = answers;
    let asked = template.asks(audience);
    let mut route =
        Map::from_iter([("path".to_owned(), json!("/{*rest}")), ("audience".to_owned(), json!(asked.audience))]);
    if !asked.claims.is_empty() {
        let claims = asked.claims.iter().map(|(name, test)| ((*name).to_owned(), test.clone()));
        route.insert("claims".to_owned(), Value::Object(claims.collect()));
    }
    format!(
        r#"{{
  "$schema": "./node_modules/portcullis/schema/wrangler.schema.json",
  "name": {name},
  "main": "src/index.js",
  "compatibility_date": "{COMPATIBILITY_DATE}",
  "preview_urls": false, // old versions of the gate stay unreachable

  // Caches the issuers' key sets. wrangler creates the namespace with the first deployment.
  "kv_namespaces": [{{ "binding": "JWKS" }}],

  // Refreshes all issuers' keys before requests find them stale: more often than jwks_ttl (600 s).
  "triggers": {{ "crons": ["*/5 * * * *"] }},

  "observability": {{ "enabled": true }},

  "vars": {{
    // The policy: which tokens each route accepts. With an invalid one every request is refused, and the log says why.
    "POLICY": {{
      "version": 1,
      "origin": {origin}, // for routes without an origin of their own
      "issuers": {{
        "{key}": {issuer}
      }},
      "routes": [
        // Every path, "/" included, requires a token for this audience. A more specific route decides instead, whatever
        // the order.{note}
        {route},

        // Examples:
{examples}
        // Everyone may call this, without a token.
        // {{ "path": "/healthz", "methods": ["GET"], "access": "public" }},
      ]
    }}
  }}
}}
"#,
        name = json!(name),
        origin = json!(origin),
        key = template.issuer_name(),
        issuer = spaced(&json!(template.issuer_like(issuer))),
        note = asked.note.map(|note| format!("\n        // {note}")).unwrap_or_default(),
        route = spaced(&Value::Object(route)),
        examples = commented(answers)
    )
}

/// The examples: each route as an object on a line of its own, below its comments.
fn commented(answers: &Answers) -> String {
    let examples = answers.template.examples(&answers.audience);
    let routes = examples.split("\n\n").filter(|block| block.contains("[[vars.POLICY.routes]]"));
    routes.map(|block| format!("        //\n{}", commented_block(block))).collect::<String>() + "        //"
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
    use clap::ValueEnum;

    use super::super::configuration;
    use super::super::template::Template;
    use super::*;
    use crate::document::{Source, Syntax};

    fn parse(text: &str) -> Value {
        let source = Source { name: "wrangler.jsonc".to_owned(), text: text.to_owned(), syntax: Syntax::Jsonc };
        source.parse().unwrap_or_else(|errors| panic!("{errors:?}\n{text}")).to_json()
    }

    #[test]
    fn both_formats_have_the_same_values() {
        for template in Template::value_variants() {
            let mut json = parse(&write(&Answers::sample(*template)));
            assert!(json.as_object_mut().unwrap().remove("$schema").is_some());
            let toml: Value = toml::from_str(&configuration::write(&Answers::sample(*template))).unwrap();
            assert_eq!(json, toml);
        }
    }

    #[test]
    fn the_examples_are_routes_once_they_are_no_comments() {
        for template in Template::value_variants() {
            let text = write(&Answers::sample(*template)).replace("// { \"path\"", "{ \"path\"");
            let routes = parse(&text)["vars"]["POLICY"]["routes"].as_array().unwrap().len();
            let examples = template.examples("a").matches("[[vars.POLICY.routes]]").count();
            assert_eq!(routes, 1 + examples + 1, "{text}");
        }
    }

    #[test]
    fn answers_stay_within_their_values() {
        let hostile = "x\"}]}}, \"y\": {\n// \\ \u{7f}";
        let text = write(&Answers { audience: hostile.to_owned(), ..Answers::sample(Template::Logto) });
        assert_eq!(parse(&text)["vars"]["POLICY"]["routes"][0]["audience"], hostile);
    }
}
