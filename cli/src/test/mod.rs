//! `portcullis test`: runs tests of a policy.

mod expect;
mod file;
mod judge;
mod report;
mod run;
pub(crate) mod spec;
mod watch;

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::Value;

use crate::document::Source;
use crate::exit::{Completion, Failure};
use crate::output::Output;
use run::{FileResult, RunOptions, run_file, run_tests};

/// Test a policy
///
/// A test is a request, with claims or without, and what is expected of it: whether it is allowed, the status, code and
/// challenge, the route, the headers that the origin receives. Claims are taken as verified; all else is decided by the
/// code of the Worker. docs/cli.md describes the file.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// Test files
    #[arg(value_name = "FILE", default_value = "policy.test.toml")]
    files: Vec<PathBuf>,

    /// Run only tests whose name contains this
    #[arg(short = 'k', long, value_name = "TEXT")]
    filter: Option<String>,

    /// The policy, or the configuration of wrangler that contains it [default: the one that the tests name]
    #[arg(short, long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Revocations in force: a list of entries in JSON, as `portcullis revoke --list --format json` prints it
    #[arg(long, value_name = "FILE")]
    revocations: Option<PathBuf>,

    /// Run the tests again when the policy or the tests change
    #[arg(short, long, conflicts_with = "format")]
    watch: bool,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = TestFormat::Human)]
    format: TestFormat,
}

const EXAMPLES: &str = "\
Examples:
  portcullis test
  portcullis test policy.test.toml --filter organization
  portcullis test --watch

Exit codes:
  0  every test passed
  1  a test failed
  2  a usage error, a file that cannot be read, a policy or tests with errors,
     or no test to run";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// For people
    Human,
    Json,
    /// For CI servers
    Junit,
}

pub(crate) fn run(args: &TestArgs, output: &Output) -> Result<Completion, Failure> {
    let options = RunOptions {
        filter: args.filter.as_deref(),
        policy: args.policy.as_deref(),
        revocations: args.revocations.as_deref(),
    };
    if args.watch {
        return Ok(watch::run(&args.files, options, output));
    }
    let run = |path: &PathBuf| run_file(path, options);
    let ran: Vec<FileResult> = args.files.iter().map(run).collect::<Result<_, _>>()?;
    if ran.iter().all(|file| file.tests.is_empty()) {
        return Err(Failure::new(format!("no test has a name with {:?} in it", options.filter.unwrap_or_default())));
    }
    match args.format {
        TestFormat::Human => report::human(&ran, output),
        TestFormat::Json => output.json(&report::data(&ran))?,
        TestFormat::Junit => report::junit(&ran, output),
    }
    let has_failed = ran.iter().flat_map(|file| &file.tests).any(|test| !test.passed);
    Ok(if has_failed { Completion::Findings } else { Completion::Clean })
}

/// The results of tests on a policy, as data.
pub(crate) fn report_on(tests: Source, policy: Source) -> Result<Value, Failure> {
    let name = tests.name.clone();
    let ran = run_tests(name, &file::read(tests)?, policy, None, None)?;
    serde_json::to_value(report::data(&[ran])).map_err(|error| Failure::new(error.to_string()))
}
