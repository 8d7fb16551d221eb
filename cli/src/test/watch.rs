//! Runs the tests again whenever a file changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::{RunOptions, run_file};
use super::{file, report};
use crate::exit::Completion;
use crate::finding::human;
use crate::output::{DIM, Output};

/// The polling interval.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs until it is interrupted or its output is closed. A file with errors is reported, and read again when it
/// changes.
pub(super) fn run(files: &[PathBuf], options: RunOptions<'_>, output: &Output) -> Completion {
    loop {
        let policies = files
            .iter()
            .filter_map(|path| options.policy.map_or_else(|| file::policy_of(path), |policy| Some(policy.to_owned())));
        let others = policies.chain(options.revocations.map(Path::to_owned));
        let paths: Vec<PathBuf> = files.iter().cloned().chain(others).collect();
        let before = contents(&paths);
        for path in files {
            match run_file(path, options) {
                Ok(ran) => report::human(&[ran], output),
                Err(failure) => human::report(&failure, output),
            }
        }
        output.line(&output.paint(DIM, "waiting for a change"));
        if output.is_abandoned() {
            return Completion::Clean;
        }
        while contents(&paths) == before {
            std::thread::sleep(PAUSE);
        }
        output.line("");
    }
}

/// The contents of the files, which are small. Modification times may be too coarse to show a change.
fn contents(paths: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    paths.iter().map(|path| std::fs::read(path).ok()).collect()
}
