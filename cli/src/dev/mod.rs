//! `portcullis dev`: the gate on this machine, with the policy as it is in the file.
//!
//! What to run is decided here; Node runs it (npm/dev), since it has an HTTP server and wrangler.

mod sample;

use std::path::Path;
use std::rc::Rc;

use portcullis::policy::url::{Origin, discovery_url};
use portcullis::policy::{Issuer, Policy};
use serde::Serialize;
use serde_json::{Value, json};

use self::sample::{Sample, first, iss_of, sample};
use crate::configuration::{COMPATIBILITY_DATE, find, folder_of};
use crate::exit::{Completion, Failure};
use crate::host;
use crate::policy::{PolicyInput, load};
use crate::trial::time;

/// Run the gate on this machine, with tokens to try
///
/// Runs the Worker under `wrangler dev` with the policy of the folder, and prints a request that it allows. Tokens come
/// from a local issuer whose keys stand for the policy's; requests go to an origin that answers with what it received,
/// or to one of your own. Changes of the policy are picked up.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// A real issuer instead of the local one: its URL, or `policy` for those of the policy
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<String>,

    /// The local origin of all routes, like http://localhost:8000 [default: one that answers with what it received]
    #[arg(long, value_name = "URL", value_parser = origin)]
    origin: Option<String>,

    /// The port of the gate; the issuer has the next one, the origin the one after it
    #[arg(long, default_value_t = 8787)]
    port: u16,
}

const EXAMPLES: &str = "\
Examples:
  portcullis dev
  portcullis dev --origin http://localhost:8000
  portcullis dev --issuer https://tenant.logto.app/oidc";

/// The value of `--issuer` for the policy's own.
const OF_POLICY: &str = "policy";

fn issuer(text: &str) -> Result<String, String> {
    if text == OF_POLICY { Ok(text.to_owned()) } else { discovery_url(text).map(|_| text.to_owned()) }
}

fn origin(text: &str) -> Result<String, String> {
    let is_http = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if !is_http {
        return Err("expected http://host:port".to_owned());
    }
    Origin::parse(text).map(|_| text.trim_end_matches('/').to_owned())
}

/// What to run.
#[derive(Debug, Serialize)]
struct Plan<'p> {
    /// The file with the policy.
    file: &'p Path,
    /// The configuration of wrangler, if there is one.
    configuration: Option<&'p Path>,
    /// The environment of the configuration, if it is not the default one.
    environment: Option<String>,
    compatibility_date: &'static str,
    policy: Value,
    /// The issuers that the local one stands for.
    issuers: Vec<LocalIssuer>,
    origin: Option<&'p str>,
    port: u16,
    /// A request that the policy allows.
    sample: Option<Sample>,
}

/// An issuer of the policy whose tokens the local one issues.
#[derive(Debug, Serialize)]
struct LocalIssuer {
    name: String,
    /// Of its tokens.
    iss: String,
    algorithm: &'static str,
    /// The `typ` of its tokens.
    #[serde(rename = "type")]
    kind: String,
}

pub(crate) fn run(args: &DevArgs) -> Result<Completion, Failure> {
    let file = args.input.path()?;
    let loaded = load(&file, &args.input.reading)?;
    let configuration = find(folder_of(&file));
    let mut document = loaded.value.to_json();
    let issuers = match args.issuer.as_deref() {
        None => local_issuers(&document, &loaded.policy),
        Some(OF_POLICY) => Vec::new(),
        Some(issuer) => {
            replace_issuer(&mut document, issuer)?;
            Vec::new()
        }
    };
    let policy = match args.issuer {
        // With another issuer it is another policy.
        Some(_) => Policy::parse(&document.to_string())
            .map_err(|errors| Failure::new(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?,
        None => loaded.policy,
    };
    let sample = sample(&document, policy, time::clock()?)?;
    let plan = Plan {
        file: &file,
        configuration: configuration.as_deref(),
        environment: args.input.reading.environment().filter(|name| !name.is_empty()),
        compatibility_date: COMPATIBILITY_DATE,
        policy: document,
        issuers,
        origin: args.origin.as_deref(),
        port: args.port,
        sample,
    };
    host::serve(&json!(plan)).map(|()| Completion::Clean).map_err(Failure::new)
}

/// Puts a real issuer in the place of the policy's only one.
fn replace_issuer(document: &mut Value, issuer: &str) -> Result<(), Failure> {
    let issuers = document.get_mut("issuers").and_then(Value::as_object_mut);
    let mut all: Vec<&mut Value> = issuers.map(|issuers| issuers.values_mut().collect()).unwrap_or_default();
    match all.as_mut_slice() {
        // Its other settings stay, but for those that say where its keys are.
        [Value::Object(only)] => {
            ["jwks", "jwks_uri", "tenants"].iter().for_each(|key| drop(only.remove(*key)));
            only.insert("issuer".to_owned(), json!(issuer));
            Ok(())
        }
        _ => Err(Failure::new(format!(
            "the policy has {} issuers, and --issuer URL stands for one: name them in the policy, and use --issuer policy",
            all.len()
        ))),
    }
}

fn local_issuers(document: &Value, policy: &Policy) -> Vec<LocalIssuer> {
    let local = |issuer: &Rc<Issuer>| {
        let own = document.get("issuers").and_then(|issuers| issuers.get(&issuer.name));
        LocalIssuer {
            name: issuer.name.clone(),
            iss: own.and_then(iss_of).unwrap_or_default(),
            algorithm: issuer.algorithms.first().map_or("ES256", |algorithm| algorithm.name()),
            kind: first(own.and_then(|own| own.get("types"))).unwrap_or("at+jwt").to_owned(),
        }
    };
    policy.issuers.iter().map(local).collect()
}
