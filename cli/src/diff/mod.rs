//! `portcullis diff`: which requests two policies decide differently.

mod change;
mod check;
mod claims;
mod compare;
mod effect;
mod entry;
mod human;
mod issuers;
#[cfg(test)]
mod model;
mod side;
mod space;
mod symbols;
mod text;
mod witness;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portcullis::policy::Policy;

use self::compare::Comparison;
use self::entry::Entry;
use crate::configuration::shown;
use crate::exit::{Completion, Failure};
use crate::output::Output;
use crate::policy::{LoadedPolicy, ReadOptions, load};

/// Show which requests two policies decide differently
///
/// A difference opens something (some request passes that was refused before), closes something (some request is refused
/// that passed before), does both, or does neither, where only the forwarded request or the status of a refusal changes. A
/// path is a pattern, and more specific routes take precedence. No traffic is needed: the routes of both policies are
/// compared wherever they overlap. The order of routes and lists, and the names of routes and issuers, make no
/// difference.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// The policy before the change, or the configuration of wrangler that contains it; `-` for standard input
    old: PathBuf,

    /// The policy after it
    new: PathBuf,

    #[command(flatten)]
    reading: ReadOptions,

    /// How to print the differences
    #[arg(long, value_enum, default_value_t = DiffFormat::Human)]
    format: DiffFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    Human,
    Json,
}

const EXAMPLES: &str = "\
Examples:
  portcullis diff old.toml new.toml
  git show main:wrangler.toml | portcullis diff - wrangler.toml
  portcullis diff old.toml new.toml --format json | jq '.[] | select(.opens)'

The exit code is 0 if there is no difference, and 1 if there is one.";

pub(crate) fn run(args: &DiffArgs, output: &Output) -> Result<Completion, Failure> {
    if args.old == Path::new("-") && args.new == Path::new("-") {
        return Err(Failure::new("only one of the policies can be on standard input"));
    }
    let (old, new) = (loaded(&args.old, "old", args, output), loaded(&args.new, "new", args, output));
    let (old, new) = (old?, new?);
    let (old_text, new_text) = (old.json(), new.json());
    let entries = differences((old.policy, &old_text), (new.policy, &new_text))?;
    match args.format {
        DiffFormat::Json => output.json(&entries)?,
        DiffFormat::Human => human::write(&entries, output),
    }
    Ok(if entries.is_empty() { Completion::Clean } else { Completion::Findings })
}

/// The differences of two policies with their documents in JSON, those that open something first.
///
/// # Errors
/// The routes overlap in too many ways.
pub(crate) fn differences(old: (Policy, &str), new: (Policy, &str)) -> Result<Vec<Entry>, Failure> {
    Comparison::new(old, new).entries()
}

fn loaded(path: &Path, which: &str, args: &DiffArgs, output: &Output) -> Result<LoadedPolicy, Failure> {
    load(path, &args.reading).map_err(|failure| {
        crate::finding::human::report(&failure, output);
        Failure::new(format!("the {which} policy, {}, cannot be used", shown(path)))
    })
}
