//! Runs a file of tests.

use std::path::Path;

use super::file::{self, TestFile};
use super::judge::{TestResult, judge};
use crate::configuration;
use crate::document::Source;
use crate::exit::Failure;
use crate::policy::{ReadOptions, of_source};
use crate::trial::{LocalGate, revocations};

/// A file, and the results of its tests.
pub(super) struct FileResult {
    pub(super) name: String,
    pub(super) tests: Vec<TestResult>,
    pub(super) filtered: usize,
}

/// Which tests are run, and with what.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunOptions<'a> {
    /// The name of a test contains this.
    pub(super) filter: Option<&'a str>,
    /// The policy, whatever the file of tests names.
    pub(super) policy: Option<&'a Path>,
    /// A file of revocations.
    pub(super) revocations: Option<&'a Path>,
}

/// Runs the tests of a file.
pub(super) fn run_file(path: &Path, options: RunOptions<'_>) -> Result<FileResult, Failure> {
    let RunOptions { filter, policy, revocations: revoked } = options;
    let file = file::read(Source::read(path, None)?)?;
    let named = || file::policy_path(path, file.policy.as_deref());
    let policy = policy.map(Path::to_owned).or_else(named).ok_or_else(|| {
        let file = configuration::shown(path);
        Failure::new(format!("wrangler has no configuration beside {file} or above: name the policy with `policy`"))
    })?;
    let policy = Source::read(&policy, None)?;
    run_tests(path.display().to_string(), &file, policy, filter, revoked)
}

/// Runs tests on a policy.
pub(super) fn run_tests(
    name: String,
    file: &TestFile,
    policy: Source,
    filter: Option<&str>,
    revoked: Option<&Path>,
) -> Result<FileResult, Failure> {
    // Without `env` it is about the default environment, whatever wrangler's variable says.
    let reading = ReadOptions { env: Some(file.env.clone().unwrap_or_default()), syntax: None };
    let policy = of_source(policy, &reading)?.policy;
    let routes: Vec<String> = policy.routes.iter().map(|route| route.name.clone()).collect();
    let revoked = revoked.map(|path| revocations::read(path, &policy)).transpose()?;
    let gate = LocalGate::of_claims(policy)?.with_revocations(revoked);
    file.check_callers(&gate)?;
    let is_meant = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let (meant, others): (Vec<_>, Vec<_>) = file.tests.iter().partition(|(_, test)| is_meant(&test.name));
    let tests = meant.into_iter().map(|(line, test)| {
        let trial = gate.decide(&test.request, test.claims(gate.only_iss()).as_deref(), test.now);
        let route = trial.route.as_ref().and_then(|(index, _)| routes.get(*index));
        judge(test, *line, trial, route.map(String::as_str))
    });
    Ok(FileResult { name, tests: tests.collect(), filtered: others.len() })
}
