//! `portcullis explain`: why a request is allowed or refused.

mod human;
mod report;

use std::path::PathBuf;

use clap::ValueEnum;
use portcullis::jose::json::Json;
use portcullis::jose::key_set::usable_keys;
use portcullis::jose::public_key::PublicKey;
use portcullis::route::header::AUTHORIZATION;
use portcullis::time::UnixSeconds;
use serde_json::{Map, Value};

use crate::configuration;
use crate::document::Source;
use crate::exit::{Completion, Failure};
use crate::json;
use crate::output::Output;
use crate::policy::{LoadedPolicy, ReadOptions, load};
use crate::trial::candidates::{RouteCandidate, RouteText, candidates};
use crate::trial::{LocalGate, Trial, TrialRequest, claims, replace_keys, revocations, time};
use report::{CallerKind, Explanation};

/// Explain how a request is decided, and why
///
/// The request is decided by the code of the Worker. The output shows the routes that match or nearly do, each check
/// with what it expected and found, the answer, and what the origin would receive. Nothing is sent to the origin. A
/// token is verified with the keys of its issuer, which are fetched as the Worker fetches them; neither the token nor
/// its signature is ever shown.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The request's method
    method: String,

    /// The request's URL, or a path on https://localhost
    url: String,

    /// The policy, or the configuration of wrangler that contains it [default: the configuration that wrangler takes]
    #[arg(short, long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadOptions,

    /// The caller's token; `-` reads it from standard input, `env:NAME` from an environment variable
    #[arg(short, long)]
    token: Option<String>,

    /// The caller's claims, taken as verified; `-` reads them from standard input. `iss` (if the policy has one issuer),
    /// `iat` and `exp` (an hour later) are added
    #[arg(short, long, value_name = "JSON", conflicts_with = "token")]
    claims: Option<String>,

    /// A claim to leave out, even one that is added; may be repeated
    #[arg(long, value_name = "CLAIM", requires = "claims")]
    without: Vec<String>,

    /// A header of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// A key set to verify the token with, instead of the issuer's
    #[arg(long, value_name = "FILE", conflicts_with = "claims")]
    jwks: Option<PathBuf>,

    /// Revocations in force: a list of entries in JSON, as `portcullis revoke --list --format json` prints it. Without it, no
    /// token is revoked
    #[arg(long, value_name = "FILE")]
    revocations: Option<PathBuf>,

    /// The time of the request: seconds since 1970, or like 2027-01-15T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    now: Option<UnixSeconds>,

    /// Exit with 1 unless the request is allowed, denied, or answered with this status
    #[arg(long, value_name = "allow|deny|STATUS", value_parser = parse_expectation)]
    expect: Option<ExpectedResult>,

    /// How to print the explanation
    #[arg(long, value_enum, default_value_t = ExplainFormat::Human)]
    format: ExplainFormat,
}

const EXAMPLES: &str = "\
Examples:
  portcullis explain GET https://api.example.com/healthz
  portcullis explain POST /orgs/acme/members --claims '{\"aud\": \"https://…\", …}'
  pbpaste | portcullis explain GET /api/products/7 --token -

Exit codes:
  0  explained, whatever the decision is
  1  the decision is not the one that --expect says
  2  a usage error, a file that cannot be read, or a policy with errors";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people
    Human,
    Json,
}

/// The value of `--expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectedResult {
    Allow,
    Deny,
    Status(u16),
}

pub(crate) fn run(args: &ExplainArgs, output: &Output) -> Result<Completion, Failure> {
    let policy = args.policy.clone().map_or_else(|| configuration::announced(output), Ok)?;
    let loaded = load(&policy, &args.reading)?;
    let revocations = args.revocations.as_deref().map(|path| revocations::read(path, &loaded.policy)).transpose()?;
    let question = Question {
        method: &args.method,
        url: &args.url,
        headers: &args.headers,
        token: args.token.as_deref().map(read_token).transpose()?,
        claims: args.claims.as_deref().map(read_claims).transpose()?,
        without: &args.without,
        keys: args.jwks.as_deref().map(|path| Source::read(path, None)).transpose()?,
        revocations,
        now: args.now,
    };
    let explanation = explain(loaded, question)?;
    match args.format {
        ExplainFormat::Human => human::write(&explanation, output),
        ExplainFormat::Json => output.json(&explanation)?,
    }
    Ok(if args.expect.is_none_or(|expected| expected.is_met(explanation.status())) {
        Completion::Clean
    } else {
        Completion::Findings
    })
}

/// A request to explain, and what is known of its caller.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    /// Each as `name: value`.
    pub(crate) headers: &'a [String],
    pub(crate) token: Option<String>,
    /// Claims that are taken as verified.
    pub(crate) claims: Option<Map<String, Value>>,
    /// Claims to leave out, even if they are added.
    pub(crate) without: &'a [String],
    /// A key set in the place of those of the issuers.
    pub(crate) keys: Option<Source>,
    /// A list of revocations, which [`revocations::read`] has read.
    pub(crate) revocations: Option<String>,
    /// The time of the request; `None` for now.
    pub(crate) now: Option<UnixSeconds>,
}

/// Decides a request, and says why.
///
/// # Errors
/// The question makes no sense.
pub(crate) fn explain(loaded: LoadedPolicy, question: Question<'_>) -> Result<Explanation, Failure> {
    let routes = RouteText::all(&loaded.policy, &loaded.value);
    let request = read_request(&question)?;
    let Question { token, claims, without, keys, revocations, now, .. } = question;
    if let Some(name) = claims.as_ref().and_then(|own| claims::unknown(without, own)) {
        return Err(Failure::new(format!("there is no claim {name:?} to leave out")));
    }
    let now = now.map_or_else(time::clock, Ok)?;
    let mut policy = loaded.policy;
    let gate = match &keys {
        _ if claims.is_some() => LocalGate::of_claims(policy),
        Some(keys) => {
            replace_keys(&mut policy, &read_keys(keys)?);
            LocalGate::of_tokens(policy)
        }
        None => LocalGate::of_tokens(policy),
    }?
    .with_revocations(revocations);
    if token.is_some() || claims.is_some() {
        refuse_two_callers(&request, gate.token_header(&request))?;
    }
    let (claims, added) = claims.map(|own| fill(own, without, gate.only_iss(), now)).unzip();
    let claims = claims.map(|claims| Value::Object(claims).to_string());
    let trial = gate.decide(&request, claims.as_deref(), now);
    let caller = match claims {
        Some(_) => CallerKind::Claims,
        None if request.has_token(&trial.token_header) => CallerKind::Token,
        None => CallerKind::Anonymous,
    };
    let candidates = similar(&gate, &request, &routes, &trial);
    let explanation = Explanation::new(&request, caller, now, candidates, &routes, trial);
    Ok(explanation.with_added_claims(added.unwrap_or_default()))
}

/// The routes that the request is or might have been for.
fn similar(gate: &LocalGate, request: &TrialRequest, routes: &[RouteText], trial: &Trial) -> Vec<RouteCandidate> {
    let (request, chosen) = (request.bare(), trial.route.as_ref().map(|(index, _)| *index));
    gate.path(&request).map(|path| candidates(routes, &request, &path, chosen)).unwrap_or_default()
}

impl ExpectedResult {
    /// Whether it is met; `status` is that of the gate's own answer.
    fn is_met(self, status: Option<u16>) -> bool {
        match self {
            Self::Allow => status.is_none(),
            Self::Deny => status.is_some_and(|status| status >= 400),
            Self::Status(expected) => status == Some(expected),
        }
    }
}

fn parse_expectation(text: &str) -> Result<ExpectedResult, String> {
    match (text, text.parse()) {
        ("allow", _) => Ok(ExpectedResult::Allow),
        ("deny", _) => Ok(ExpectedResult::Deny),
        (_, Ok(status @ 100..=599)) => Ok(ExpectedResult::Status(status)),
        _ => Err("expected allow, deny or a status".to_owned()),
    }
}

fn read_request(question: &Question<'_>) -> Result<TrialRequest, Failure> {
    let mut request = TrialRequest::new(question.method, question.url).map_err(Failure::new)?;
    for header in question.headers {
        let (name, value) = header.split_once(':').ok_or_else(|| Failure::new("expected a header as 'name: value'"))?;
        request.add(name, value).map_err(Failure::new)?;
    }
    if let Some(token) = &question.token {
        request.set_token(token.clone());
    }
    Ok(request)
}

/// A caller has one token. `header` is where the request's route looks for it; on a route that names another header,
/// `Authorization` is like any other.
fn refuse_two_callers(request: &TrialRequest, header: &str) -> Result<(), Failure> {
    if !request.has(header) {
        return Ok(());
    }
    let header = if header == AUTHORIZATION { "Authorization" } else { header };
    Err(Failure::new(format!("expected one of --token, --claims and the header {header}, not two")))
}

fn read_token(argument: &str) -> Result<String, Failure> {
    let text = match argument.strip_prefix("env:") {
        Some(name) => {
            std::env::var(name).map_err(|_| Failure::new(format!("the environment variable {name} holds no token")))?
        }
        None if argument == "-" => Source::read("-".as_ref(), None)?.text,
        None => argument.to_owned(),
    };
    match text.trim() {
        "" => Err(Failure::new("expected a token, found nothing")),
        token => Ok(token.to_owned()),
    }
}

pub(crate) fn read_claims(argument: &str) -> Result<Map<String, Value>, Failure> {
    let text = if argument == "-" { Source::read("-".as_ref(), None)?.text } else { argument.to_owned() };
    match Json::parse(&text) {
        Ok(Json::Object(claims)) => Ok(json::members(&claims)),
        Ok(other) => Err(Failure::new(format!("expected claims as a JSON object, found {}", other.kind()))),
        Err(error) => Err(Failure::new(format!("expected claims as a JSON object: {error}"))),
    }
}

/// The caller's claims as `test` has them, and the names of those that were added.
fn fill(
    own: Map<String, Value>,
    without: &[String],
    iss: Option<&str>,
    now: UnixSeconds,
) -> (Map<String, Value>, Vec<&'static str>) {
    let is_own = claims::DEFAULTS.map(|name| own.contains_key(name));
    let mut filled = claims::with_defaults(own, iss, now);
    filled.retain(|name, _| !without.contains(name));
    let added = claims::DEFAULTS.into_iter().zip(is_own).filter(|(name, is_own)| !is_own && filled.contains_key(*name));
    let added = added.map(|(name, _)| name).collect();
    (filled, added)
}

fn read_keys(source: &Source) -> Result<Vec<PublicKey>, Failure> {
    let unusable = |why: &dyn std::fmt::Display| Failure::new(format!("{} is not a key set: {why}", source.name));
    let document = Json::parse(&source.text).map_err(|error| unusable(&error))?;
    usable_keys(&document).map_err(|error| unusable(&error))
}
