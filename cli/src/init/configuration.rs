//! The contents of the configuration, in TOML.

use std::path::Path;

use clap::ValueEnum;
use portcullis::policy::Policy;
use toml::{Table, Value};

/// The configuration in the repository: the Worker's part is copied, and the three permission models become examples.
const EXAMPLE: &str = include_str!("../../../wrangler.toml");

/// The audience in the example.
const EXAMPLE_AUDIENCE: &str = "https://api.yourapp.com";

/// The schema of wrangler.toml, relative to the root of a checkout.
pub(super) const SCHEMA: &str = "schema/wrangler.schema.json";

const OIDC_EXAMPLES: &str = r#"# Scopes: all of a list, or `{ all = [...], any = [...] }`.
[[vars.POLICY.routes]]
path = "/products/{id}"
methods = ["GET"] # covers HEAD
audience = AUDIENCE
scopes = ["read:products"]

# Other claims of the token.
[[vars.POLICY.routes]]
path = "/admin/{*rest}"
audience = AUDIENCE
claims = { groups = { contains = "admins" } }
"#;

/// The provider whose tokens the examples in the policy are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Preset {
    /// Logto, with its three permission models
    Logto,
    /// Any OpenID Connect provider
    Oidc,
}

impl Preset {
    /// The preset for an issuer. Logto's end in `/oidc`, in its cloud and elsewhere.
    pub(super) fn of(issuer: &str) -> Self {
        if issuer.ends_with("/oidc") { Self::Logto } else { Self::Oidc }
    }

    /// The name of the issuer in the policy.
    pub(super) fn issuer_name(self) -> &'static str {
        match self {
            Self::Logto => "logto",
            Self::Oidc => "oidc",
        }
    }
}

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
    pub(super) preset: Preset,
    pub(super) name: String,
}

#[cfg(test)]
impl Answers {
    pub(super) fn sample(preset: Preset) -> Self {
        let [issuer, audience, origin] =
            ["https://t.logto.app/oidc", "https://api.example.com", "service:API"].map(str::to_owned);
        Self { issuer, audience, origin, preset, name: "gate".to_owned() }
    }
}

/// Examples of routes, in TOML.
pub(super) fn examples(answers: &Answers) -> String {
    let audience = Value::from(answers.audience.as_str()).to_string();
    match answers.preset {
        Preset::Logto => logto_examples().replace(&format!("\"{EXAMPLE_AUDIENCE}\""), &audience),
        Preset::Oidc => OIDC_EXAMPLES.replace("AUDIENCE", &audience),
    }
}

/// Whether a folder is a checkout of Portcullis, where the Worker is built.
pub(super) fn is_checkout(dir: &Path) -> bool {
    dir.join("scripts/build.mjs").is_file()
}

/// Writes the configuration for a folder.
pub(super) fn write(answers: &Answers, dir: &Path) -> String {
    let schema = if dir.join(SCHEMA).is_file() { format!("#:schema ./{SCHEMA}\n\n") } else { String::new() };
    format!("{schema}{}\n{}", worker(&answers.name, is_checkout(dir)), vars(answers))
}

/// The Worker's part of the configuration, copied from the example.
fn worker(name: &str, is_checkout: bool) -> String {
    let (_, from_name) = EXAMPLE.split_once("\n\n").unwrap_or_default();
    let (worker, _) = from_name.split_once("\n# The policy: ").unwrap_or_default();
    let own_name = worker.replacen("name = \"portcullis\"", &format!("name = {}", Value::from(name)), 1);
    if is_checkout { own_name } else { own_name.replacen("[build]\ncommand = \"npm run build\"\n\n", "", 1) }
}

fn vars(answers: &Answers) -> String {
    let [issuer, audience, origin] =
        [&answers.issuer, &answers.audience, &answers.origin].map(|text| Value::from(text.as_str()));
    let (key, examples) = (answers.preset.issuer_name(), examples(answers));
    format!(
        r#"# The policy: which tokens each route accepts. With an invalid one every request is refused, and the log says why.
[vars.POLICY]
version = 1
origin = {origin} # for routes without an origin of their own

[vars.POLICY.issuers.{key}]
issuer = {issuer} # compared exactly with the token's iss; its keys are found by discovery

# Every path, "/" included, requires a token for this audience. A more specific route decides instead, whatever the
# order.
[[vars.POLICY.routes]]
path = "/{{*rest}}"
audience = {audience}

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
        examples = commented(&examples)
    )
}

/// The routes of the three permission models, copied from the example.
fn logto_examples() -> &'static str {
    let from_first = EXAMPLE.find("# 1. ").and_then(|start| EXAMPLE.get(start..)).unwrap_or_default();
    from_first.split_once("# Everyone may").map(|(models, _)| models).unwrap_or_default()
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

    #[test]
    fn the_examples_are_routes_once_they_are_no_comments() {
        for (preset, routes) in [(Preset::Logto, 5), (Preset::Oidc, 4)] {
            let text = write(&Answers::sample(preset), Path::new("nowhere"));
            assert_eq!(policy(&text).unwrap().routes.len(), 1, "{text}");
            let (before, examples) = text.split_once("# Examples:\n#\n").unwrap();
            let examples: String =
                examples.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
            let policy = policy(&format!("{before}{}", examples.replace("\n#\n", "\n\n"))).unwrap();
            assert_eq!(policy.routes.len(), routes, "{examples}");
        }
    }

    #[test]
    fn the_workers_part_is_that_of_the_repository() {
        let parse = |text: &str| text.parse::<Table>().unwrap();
        let without_vars = |text: &str| {
            let mut table = parse(text);
            table.remove("vars");
            table
        };
        let mut expected = without_vars(EXAMPLE);
        expected.insert("name".to_owned(), Value::from("gate"));
        let checkout = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert_eq!(without_vars(&write(&Answers::sample(Preset::Logto), checkout)), expected);
        expected.remove("build");
        assert_eq!(without_vars(&write(&Answers::sample(Preset::Oidc), Path::new("nowhere"))), expected);
    }

    #[test]
    fn answers_stay_within_their_values() {
        let hostile = "x\"\n[vars.POLICY.issuers.y]\nissuer = \"z''' \\ \u{7f}";
        let text =
            write(&Answers { audience: hostile.to_owned(), ..Answers::sample(Preset::Logto) }, Path::new("nowhere"));
        let policy = policy(&text).unwrap();
        assert_eq!((policy.issuers.len(), policy.routes.len()), (1, 1));
    }
}
