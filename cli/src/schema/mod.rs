//! `portcullis schema`: what editors complete and check policies by.

pub(crate) mod policy;

use clap::ValueEnum;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::Value;

use crate::exit::{Failure, Outcome};
use crate::output::Output;
use crate::schema::policy::Policy;
use crate::test::document::Tests;

/// Print the JSON Schema of policies, for editors
///
/// The schemas are also in the repository, under schema/. docs/cli.md says how editors find them.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What the schema is for
    #[arg(value_enum, default_value_t = Subject::Policy)]
    of: Subject,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// A policy in a file of its own
    Policy,
    /// wrangler.toml or wrangler.json, with the policy in `vars.POLICY`
    Wrangler,
    /// Tests of a policy
    Tests,
}

const EXAMPLES: &str = "\
Examples:
  portcullis schema > policy.schema.json
  portcullis schema wrangler > wrangler.schema.json";

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    output.json(&match args.of {
        Subject::Policy => policy(),
        Subject::Wrangler => wrangler(),
        Subject::Tests => tests(),
    });
    Ok(Outcome::Fine)
}

fn policy() -> Schema {
    of::<Policy>(SchemaSettings::draft07().for_serialize())
}

pub(crate) fn tests() -> Schema {
    of::<Tests>(SchemaSettings::draft07())
}

/// Taplo and VS Code know draft 7 best.
fn of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(narrow).transform(&mut schema);
    schema
}

/// An `Option` of a document type is a key that may be absent; `null` no key takes. Rust's name of an integer says
/// nothing that its range does not.
fn narrow(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
    }
    // Of a choice, editors say no more than that none of it fits; where there is but one, they can say why.
    let is_one = |choices: &Value| choices.as_array().is_some_and(|choices| choices.len() == 1);
    if let Some(only) = schema.get("anyOf").filter(|choices| is_one(choices)).cloned() {
        schema.remove("anyOf");
        schema.insert("allOf".to_owned(), only);
    }
}

/// The policy within what wrangler reads; of the rest it says nothing. The variable may be a string with JSON in it, too:
/// a second type of the one schema, since a choice of two would hide what is wrong with a table.
fn wrangler() -> Schema {
    let mut policy = policy();
    let definitions = policy.remove("definitions").unwrap_or_default();
    let meta = policy.remove("$schema").unwrap_or_default();
    policy.insert("type".to_owned(), serde_json::json!(["object", "string"]));
    let mut definitions = definitions.as_object().cloned().unwrap_or_default();
    definitions.insert("Policy".to_owned(), policy.to_value());
    let vars = serde_json::json!({"type": "object", "properties": {"POLICY": {"$ref": "#/definitions/Policy"}}});
    json_schema!({
        "$schema": meta,
        "title": "Wrangler configuration with a Portcullis policy",
        "type": "object",
        "properties": {
            "vars": vars,
            "env": {"type": "object", "additionalProperties": {"type": "object", "properties": {"vars": vars}}},
        },
        "definitions": definitions,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::policy::{
        Access, Assertions, Claim, ClaimValue, Cors, Identity, Issuer, Limits, OneOrMore, PathCase, Paths, Resource,
        Route, RouteCors, Scopes, SharedSecret,
    };
    use super::*;

    #[test]
    fn what_the_types_write_is_a_policy_with_every_key() {
        let text = |text: &str| Some(text.to_owned());
        let issuer = |issuer: &str| Issuer { issuer: issuer.to_owned(), ..Issuer::default() };
        let mut full = issuer("https://a.com");
        full.jwks_uri = text("https://a.com/jwks");
        full.algorithms = vec!["ES256".to_owned()];
        full.bound_tokens = text("ignore");
        (full.leeway, full.max_age, full.jwks_ttl, full.timeout_ms) = (Some(1), Some(2), Some(3), Some(4));
        (full.jwks_max_stale, full.jwks_cooldown) = (Some(5), Some(6));
        full.types = vec!["jwt".to_owned()];
        full.scope_claim = text("scp");
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let literal = Issuer { jwks: Some(json!({"keys": [key]})), ..issuer("b") };
        let value = |text: &str| ClaimValue::Text(text.to_owned());
        let route = Route {
            path: "/a/{org}".to_owned(),
            methods: vec!["GET".to_owned()],
            hosts: vec!["a.com".to_owned()],
            name: text("a"),
            access: Some(Access::Optional),
            issuers: vec!["a".to_owned()],
            audience: Some(OneOrMore::More(vec!["https://api.com".to_owned()])),
            scopes: Some(Scopes::Rule { all: vec!["a".to_owned()], any: vec!["b".to_owned()] }),
            organization: text("{org}"),
            claims: [
                ("a".to_owned(), Claim::Is(ClaimValue::Bool(true))),
                ("b".to_owned(), Claim::Any { any: vec![value("x"), ClaimValue::Number(1.into())] }),
                ("c".to_owned(), Claim::Contains { contains: value("x") }),
            ]
            .into(),
            origin: text("https://o.com"),
            strip_prefix: text("/a"),
            cache: Some(true),
            timeout_ms: Some(1),
            cors: Some(RouteCors::Off(false)),
        };
        let cors = Cors {
            origins: vec!["https://*.app.com".to_owned()],
            headers: Some(vec!["authorization".to_owned()]),
            methods: vec!["GET".to_owned()],
            expose: vec!["etag".to_owned()],
            credentials: Some(true),
            max_age: Some(0),
        };
        let resource = Resource { name: text("API"), documentation: text("https://docs.com") };
        let assertion = Assertions {
            issuer: "https://gate.com".to_owned(),
            keys: vec!["KEY".to_owned(), "OLD".to_owned()],
            audience: text("api"),
            algorithm: text("EdDSA"),
            ttl: Some(10),
        };
        let policy = Policy {
            version: 1,
            origin: text("service:API"),
            issuers: [("a".to_owned(), full), ("b".to_owned(), literal)].into(),
            identity: Some(Identity {
                prefix: text("x-"),
                forward_token: Some(false),
                payload_header: Some(true),
                claims: [("x-email".to_owned(), "email".to_owned())].into(),
                assertion: Some(assertion),
                secret: Some(SharedSecret { header: text("x-from"), binding: "SECRET".to_owned() }),
            }),
            limits: Some(Limits { max_token_bytes: Some(256) }),
            paths: Some(Paths { case: Some(PathCase::Exact) }),
            cors: Some(cors),
            resources: [("https://api.com".to_owned(), resource)].into(),
            routes: vec![route],
        };
        let written = serde_json::to_value(&policy).unwrap();
        assert_eq!(portcullis::policy::Policy::parse(&written.to_string()).map(drop), Ok(()));
        let schema = super::policy().to_value();
        assert!(jsonschema::is_valid(&schema, &written));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        // tests/schema.rs holds these to what the gate's reader knows.
        let listed = |name: &str| keys(schema.pointer(&format!("/definitions/{name}/properties")).unwrap());
        assert_eq!(keys(&written["routes"][0]), listed("Route"));
        let issuers = &written["issuers"];
        assert_eq!(&keys(&issuers["a"]) | &keys(&issuers["b"]), listed("Issuer"));
        assert_eq!(keys(&written["identity"]), listed("Identity"));
        assert_eq!(keys(&written["identity"]["assertion"]), listed("Assertions"));
        assert_eq!(keys(&written["identity"]["secret"]), listed("SharedSecret"));
        assert_eq!(keys(&written["cors"]), listed("Cors"));
        assert_eq!(keys(&written["paths"]), listed("Paths"));
        assert_eq!(keys(&written), keys(schema.pointer("/properties").unwrap()));
    }
}
