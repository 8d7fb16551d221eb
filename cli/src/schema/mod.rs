//! `portcullis schema`: the JSON Schemas with which editors complete and check policies.

pub(crate) mod spec;

use clap::ValueEnum;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::Value;

use crate::exit::{Completion, Failure};
use crate::output::Output;
use crate::schema::spec::PolicySpec;
use crate::test::spec::TestsSpec;

/// Print the JSON Schema of policies, for editors
///
/// The schemas are also in the repository, under schema/. docs/cli.md explains how editors find them.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// What the schema is for
    #[arg(value_enum, default_value_t = SchemaSubject::Policy)]
    of: SchemaSubject,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SchemaSubject {
    /// A policy file
    Policy,
    /// A configuration of wrangler, with the policy in `vars.POLICY`
    Wrangler,
    /// A file of policy tests
    Tests,
}

const EXAMPLES: &str = "\
Examples:
  portcullis schema > policy.schema.json
  portcullis schema wrangler > wrangler.schema.json";

pub(crate) fn run(args: &SchemaArgs, output: &Output) -> Result<Completion, Failure> {
    let schema = match args.of {
        SchemaSubject::Policy => policy(),
        SchemaSubject::Wrangler => wrangler(),
        SchemaSubject::Tests => tests(),
    };
    output.json(&schema)?;
    Ok(Completion::Clean)
}

fn policy() -> Schema {
    of::<PolicySpec>(SchemaSettings::draft07().for_serialize())
}

pub(crate) fn tests() -> Schema {
    of::<TestsSpec>(SchemaSettings::draft07())
}

/// Draft 7, which Taplo and VS Code support best.
fn of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(narrow).transform(&mut schema);
    schema
}

/// An `Option` is a key that may be absent; no key accepts `null`. Rust's integer type (`format`) adds nothing to the
/// range.
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
    // For `anyOf`, editors only report that no alternative matches; for a single alternative they can report why.
    let is_one = |choices: &Value| choices.as_array().is_some_and(|choices| choices.len() == 1);
    if let Some(only) = schema.get("anyOf").filter(|choices| is_one(choices)).cloned() {
        schema.remove("anyOf");
        schema.insert("allOf".to_owned(), only);
    }
}

/// The policy within wrangler's configuration, of which nothing else is checked. The variable may also be a string of
/// JSON: a second type in the same schema, since `anyOf` would hide the errors in a table.
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
