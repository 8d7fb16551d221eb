//! The contents of the configuration, in TOML.

use clap::ValueEnum;
use portcullis::policy::Policy;
use toml::{Table, Value};

use super::template::Template;
use crate::configuration::COMPATIBILITY_DATE;

/// The syntax of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ConfigurationFormat {
    /// wrangler.toml
    Toml,
    /// wrangler.jsonc
    Jsonc,
}

impl ConfigurationFormat {
    /// The syntax of a file with this name. wrangler reads wrangler.json like wrangler.jsonc.
    pub(super) fn of(file: &str) -> Self {
        if file.ends_with(".toml") { Self::Toml } else { Self::Jsonc }
    }
}

/// The values of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) origin: String,
    pub(super) template: Template,
    pub(super) name: String,
}

#[cfg(test)]
impl Answers {
    pub(super) fn sample(template: Template) -> Self {
        let [issuer, audience, origin] =
            ["https://t.logto.app/oidc", "https://api.example.com", "service:API"].map(str::to_owned);
        Self { issuer, audience, origin, template, name: "gate".to_owned() }
    }
}

/// Writes the configuration.
pub(super) fn write(answers: &Answers) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let Answers { issuer, audience, origin, template, name } = answers;
    let asked = template.asks(audience);
    let claims = asked.claims.iter().map(|(name, test)| format!("{name} = {}", inline(test)));
    let claims = claims.collect::<Vec<_>>().join(", ");
    let claims = if claims.is_empty() { claims } else { format!("claims = {{ {claims} }}\n") };
    format!(
        r#"#:schema ./node_modules/portcullis/schema/wrangler.schema.json

name = {name}
main = "src/index.js"
compatibility_date = "{COMPATIBILITY_DATE}"
preview_urls = false # old versions of the gate stay unreachable

# Caches the issuers' key sets. wrangler creates the namespace with the first deployment.
[[kv_namespaces]]
binding = "JWKS"

# Refreshes all issuers' keys before requests find them stale: more often than jwks_ttl (600 s).
[triggers]
crons = ["*/5 * * * *"]

[observability]
enabled = true

# The policy: which tokens each route accepts. With an invalid one every request is refused, and the log says why.
[vars.POLICY]
version = 1
origin = {origin} # for routes without an origin of their own

[vars.POLICY.issuers.{key}]
{issuer}
# Every path, "/" included, requires a token for this audience. A more specific route decides instead, whatever the
# order.{note}
[[vars.POLICY.routes]]
path = "/{{*rest}}"
audience = {audience}
{claims}
# Examples:
#
{examples}
#
# # Everyone may call this, without a token.
# [[vars.POLICY.routes]]
# path = "/healthz"
# methods = ["GET"]
# access = "public"
"#,
        name = text(name),
        origin = text(origin),
        key = template.issuer_name(),
        issuer = template.issuer_like(issuer),
        note = asked.note.map(|note| format!("\n# {note}")).unwrap_or_default(),
        audience = text(&asked.audience),
        examples = commented(&template.examples(audience))
    )
}

/// A test of a claim in TOML.
fn inline(test: &serde_json::Value) -> String {
    match test {
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(name, member)| format!("{name} = {}", inline(member)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => Value::try_from(other).map(|value| value.to_string()).unwrap_or_default(),
    }
}

fn commented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") };
    text.lines().map(line).collect::<String>().trim_end().to_owned()
}

/// The policy in a configuration.
///
/// # Errors
/// All errors in it.
pub(super) fn policy(text: &str) -> Result<Policy, Vec<String>> {
    let configuration: Table = text.parse().map_err(|error: toml::de::Error| vec![error.to_string()])?;
    let policy = configuration.get("vars").and_then(|vars| vars.get("POLICY"));
    let json = serde_json::to_string(&policy).map_err(|error| vec![error.to_string()])?;
    Policy::parse(&json).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The configuration with its examples as a part of the policy.
    fn with_examples(text: &str) -> String {
        let (before, examples) = text.split_once("# Examples:\n#\n").unwrap();
        let bare = |line: &str| line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line).to_owned();
        let examples: Vec<String> = examples.lines().map(bare).collect();
        format!("{before}{}", examples.join("\n"))
    }

    #[test]
    fn each_template_is_a_policy_with_its_examples_and_without() {
        for template in Template::value_variants() {
            let text = write(&Answers::sample(*template));
            let bare = policy(&text).unwrap_or_else(|problems| panic!("{template:?}: {problems:?}\n{text}"));
            assert_eq!((bare.routes.len(), bare.issuers.len()), (1, 1), "{text}");
            let full = policy(&with_examples(&text)).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
            assert!(full.routes.len() > 3 || *template == Template::Cognito, "{text}");
            let example = template.example_issuer();
            assert!(!example.is_empty() && !text.contains(&example), "{text}");
        }
    }

    #[test]
    fn answers_stay_within_their_values() {
        let hostile = "x\"\n[vars.POLICY.issuers.y]\nissuer = \"z''' \\ \u{7f}";
        let text = write(&Answers { audience: hostile.to_owned(), ..Answers::sample(Template::Logto) });
        let policy = policy(&text).unwrap();
        assert_eq!((policy.issuers.len(), policy.routes.len()), (1, 1));
    }
}
