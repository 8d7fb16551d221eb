//! Runs a file of tests.

use std::path::Path;

use super::file;
use super::judge::{TestResult, judge};
use crate::exit::Failure;
use crate::output::Output;
use crate::policy::{ReadOptions, load};
use crate::trial::{LocalGate, revocations};

/// A file, and the results of its tests.
pub(super) struct FileResult {
    pub(super) name: String,
    pub(super) tests: Vec<TestResult>,
    pub(super) filtered: usize,
}

/// Runs the tests of a file whose names contain `filter`, with a file of revocations. Reports the findings if the file or its policy is invalid.
pub(super) fn run_file(
    path: &Path,
    filter: Option<&str>,
    revoked: Option<&Path>,
    output: &Output,
) -> Result<FileResult, Failure> {
    let file = file::load(path, output)?;
    // Without `env` it is about the default environment, whatever wrangler's variable says.
    let reading = ReadOptions { env: Some(file.env.clone().unwrap_or_default()), syntax: None };
    let policy = load(&file.policy, &reading, output)?.policy;
    let routes: Vec<String> = policy.routes.iter().map(|route| route.name.clone()).collect();
    let revoked = revoked.map(|path| revocations::read(path, &policy)).transpose()?;
    let gate = LocalGate::of_claims(policy)?.with_revocations(revoked);
    file.check_callers(&gate, output)?;
    let is_meant = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let (meant, others): (Vec<_>, Vec<_>) = file.tests.iter().partition(|(_, test)| is_meant(&test.name));
    let tests = meant.into_iter().map(|(line, test)| {
        let trial = gate.decide(&test.request, test.claims(gate.only_iss()).as_deref(), test.now);
        let route = trial.route.as_ref().and_then(|(index, _)| routes.get(*index));
        judge(test, *line, trial, route.map(String::as_str))
    });
    Ok(FileResult { name: path.display().to_string(), tests: tests.collect(), filtered: others.len() })
}
