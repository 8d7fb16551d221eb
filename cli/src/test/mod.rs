//! `portcullis test`: tests of a policy, beside it.

pub(crate) mod document;
mod expect;
mod file;
mod judge;
mod report;
mod watch;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::output::Output;
use crate::policy::Reading;
use crate::trial::Court;
use crate::{Failure, Outcome};
use judge::{Judged, judge};

/// Test a policy
///
/// A test is a request with claims or without, and what is to become of it: allowed or refused, with which status, code
/// and challenge, by which route, with which headers at the origin. Claims are taken as verified; all else is decided by
/// the code of the Worker. docs/cli.md describes the file.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files of tests
    #[arg(value_name = "FILE", default_value = "policy.test.toml")]
    files: Vec<PathBuf>,

    /// Only tests whose name holds this
    #[arg(short = 'k', long, value_name = "TEXT")]
    filter: Option<String>,

    /// Run the tests again whenever the policy or the tests change
    #[arg(short, long, conflicts_with = "format")]
    watch: bool,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  portcullis test
  portcullis test policy.test.toml --filter organization
  portcullis test --watch

Exit codes:
  0  every test passed
  1  a test failed
  2  wrong usage, a file that cannot be read, a policy or tests with errors, or
     no test to run";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    Json,
    /// For CI servers
    Junit,
}

/// A file, and how its tests ended.
struct Ran {
    name: String,
    tests: Vec<Judged>,
    filtered: usize,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    if args.watch {
        return Ok(watch::run(args, output));
    }
    let ran: Vec<Ran> = args.files.iter().map(|path| run_file(path, args, output)).collect::<Result<_, _>>()?;
    if ran.iter().all(|file| file.tests.is_empty()) {
        return Err(Failure::new(format!("no test's name holds {:?}", args.filter.as_deref().unwrap_or_default())));
    }
    match args.format {
        Format::Human => report::human(&ran, output),
        Format::Json => report::json(&ran, output),
        Format::Junit => report::junit(&ran, output),
    }
    let has_failed = ran.iter().flat_map(|file| &file.tests).any(|test| !test.passed);
    Ok(if has_failed { Outcome::Findings } else { Outcome::Fine })
}

fn run_file(path: &Path, args: &Args, output: &Output) -> Result<Ran, Failure> {
    let file = file::load(path, output)?;
    let reading = Reading { env: file.env.clone(), syntax: None };
    let policy = crate::policy::load(&file.policy, &reading, output)?.policy;
    let routes: Vec<String> = policy.routes.iter().map(|route| route.name.clone()).collect();
    let court = Court::of_claims(policy)?;
    let is_meant = |name: &str| args.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    let (meant, others): (Vec<_>, Vec<_>) = file.tests.iter().partition(|test| is_meant(&test.name));
    let tests = meant.into_iter().map(|test| {
        let trial = court.decide(&test.asked, test.claims(court.issuers()).as_deref(), test.now);
        let route = trial.route.as_ref().and_then(|(index, _)| routes.get(*index));
        let route = route.cloned();
        judge(test, trial, route.as_deref())
    });
    Ok(Ran { name: path.display().to_string(), tests: tests.collect(), filtered: others.len() })
}
