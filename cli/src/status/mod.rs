//! `portcullis status`: what a gate says of itself.

mod model;
mod table;

use clap::ValueEnum;
use portcullis::status::STATUS_PATH;
use serde_json::Value;

use self::model::GateStatus;
use crate::exit::{Completion, Failure};
use crate::gate::{Purpose, RemoteGate, as_it_came, base};
use crate::output::Output;

/// Ask a gate which policy is in force, and how the keys of its issuers are
///
/// The policy's `status` names who may ask. The token comes from the variable PORTCULLIS_TOKEN, else from the first line
/// of standard input, or from a prompt if that is a terminal. The answer is that of one isolate: others may have older
/// keys, or an older policy for two minutes.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// The gate, like https://api.example.com; http only on a loopback host
    #[arg(value_parser = base)]
    url: String,

    /// How to print the status
    #[arg(long, value_enum, default_value_t = StatusFormat::Human)]
    format: StatusFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    Human,
    /// As the gate wrote it
    Json,
}

const EXAMPLES: &str = "\
Examples:
  portcullis status https://api.example.com
  pbpaste | portcullis status https://api.example.com
  portcullis status http://localhost:8787 --format json | jq -r .policy.digest

Exit codes:
  0  the status was printed
  1  the gate refuses it, or what answers is not a gate
  2  a usage error, no token, or no answer";

const PURPOSE: Purpose = Purpose { noun: "status", act: "to read the status", key: "status" };

pub(crate) fn run(args: &StatusArgs, output: &Output) -> Result<Completion, Failure> {
    let refused = |problem: &str| {
        output.error(problem);
        Ok(Completion::Findings)
    };
    let answer = match RemoteGate::new(&args.url)?.ask(STATUS_PATH, None, &PURPOSE)? {
        Ok(answer) => answer,
        Err(problem) => return refused(&problem),
    };
    match args.format {
        StatusFormat::Json if is_object(&answer.body) => output.line(&as_it_came(&answer.body)),
        StatusFormat::Human if let Some(status) = GateStatus::parse(&answer.body) => table::write(&status, output),
        _ => {
            return refused(&format!(
                "{}{STATUS_PATH} answers with something else than the status of a gate",
                args.url
            ));
        }
    }
    Ok(Completion::Clean)
}

fn is_object(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|value| value.is_object())
}
