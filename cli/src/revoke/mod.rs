//! `portcullis revoke`: refuses tokens before they expire, and lists what is refused.

mod list;

use clap::ValueEnum;
use portcullis::revocation::API_PATH;
use portcullis::time::UnixSeconds;
use serde_json::{Map, Value, json};

use self::list::PURPOSE;
use crate::exit::{Completion, Failure};
use crate::gate::{RemoteGate, as_it_came, base};
use crate::output::{Output, printable};
use crate::trial::time;

/// Revoke tokens, or list what is revoked
///
/// Tokens are refused that have all that is named here and were issued before a time: now, unless it is given. Tokens that
/// are issued later pass. The policy's `revocation.api` names who may ask. The token comes from the variable
/// PORTCULLIS_TOKEN, else from the first line of standard input, or from a prompt if that is a terminal.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RevokeArgs {
    /// The gate, like https://api.example.com; http only on a loopback host
    #[arg(value_parser = base)]
    url: String,

    /// The issuer of the tokens: its `iss`, or its name in the policy
    #[arg(long, value_name = "ISSUER", required_unless_present = "list")]
    issuer: Option<String>,

    /// Tokens of this user
    #[arg(long, value_name = "ID")]
    sub: Option<String>,

    /// Tokens of this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,

    /// Tokens for this organization
    #[arg(long, value_name = "ID")]
    org: Option<String>,

    /// The token with this id
    #[arg(long, value_name = "ID")]
    jti: Option<String>,

    /// Tokens of this session
    #[arg(long, value_name = "ID")]
    sid: Option<String>,

    /// All tokens of the issuer
    #[arg(long, conflicts_with_all = ["sub", "client", "org", "jti", "sid"])]
    all: bool,

    /// Tokens that were issued before this time: seconds since 1970, or like 2027-01-15T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    before: Option<UnixSeconds>,

    /// List what is revoked
    #[arg(long, conflicts_with_all = ["issuer", "sub", "client", "org", "jti", "sid", "all", "before"])]
    list: bool,

    /// How to print the list
    #[arg(long, value_enum, default_value_t = ListFormat::Human)]
    format: ListFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Human,
    /// For `explain --revocations` and `test --revocations`
    Json,
}

const EXAMPLES: &str = "\
Examples:
  portcullis revoke https://api.example.com --issuer logto --sub u758hu661ovk
  portcullis revoke https://api.example.com --issuer logto --sub u758hu661ovk --org acme
  portcullis revoke https://api.example.com --issuer logto --all --before 2027-01-15T08:00:00Z
  portcullis revoke https://api.example.com --list --format json > revoked.json

Exit codes:
  0  the gate keeps the entry, or the list was printed
  1  the gate refuses it, or what answers is not a gate
  2  a usage error, no token, or no answer";

pub(crate) fn run(args: &RevokeArgs, output: &Output) -> Result<Completion, Failure> {
    let entry = if args.list { None } else { Some(args.entry()?) };
    let gate = RemoteGate::new(&args.url)?;
    let done = match entry {
        None => list::all(&gate)?.map(|entries| match args.format {
            ListFormat::Human => list::human(&entries, output),
            ListFormat::Json => output.line(&as_it_came(&json!({ "entries": entries }).to_string())),
        }),
        Some(entry) => {
            gate.ask(API_PATH, Some(&Value::Object(entry.clone()).to_string()), &PURPOSE)?.and_then(|answer| {
                if answer.status != 204 {
                    return Err("what answers is not the API of a gate".to_owned());
                }
                output.line(&format!("revoked: {}", printable(&args.words(&entry))));
                Ok(())
            })
        }
    };
    Ok(match done {
        Ok(()) => Completion::Clean,
        Err(problem) => {
            output.error(&problem);
            Completion::Findings
        }
    })
}

impl RevokeArgs {
    /// The members of the entry.
    fn entry(&self) -> Result<Map<String, Value>, Failure> {
        let named = [
            ("sub", &self.sub),
            ("client_id", &self.client),
            ("organization", &self.org),
            ("jti", &self.jti),
            ("sid", &self.sid),
        ];
        let named: Vec<_> = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        if named.is_empty() && !self.all {
            return Err(Failure::new(
                "expected --sub, --client, --org, --jti or --sid; --all for all tokens of the issuer",
            ));
        }
        let issuer = self.issuer.clone().map(|issuer| ("issuer", issuer));
        let texts = issuer.into_iter().chain(named).map(|(name, value)| (name.to_owned(), Value::String(value)));
        let before = self.before.map(|UnixSeconds(before)| ("before".to_owned(), json!(before)));
        Ok(texts.chain(before).collect())
    }

    fn words(&self, entry: &Map<String, Value>) -> String {
        let before = self.before.map_or_else(|| "until now".to_owned(), |at| format!("before {}", time::show(at)));
        format!("tokens with {} that were issued {before}", list::named(entry))
    }
}
