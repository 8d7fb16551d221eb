//! `portcullis check`: everything that is wrong with a policy.

use std::path::PathBuf;

use crate::finding::{Finding, Severity, human};
use crate::output::{Output, Stream};
use crate::policy::{Reading, examine, read};
use crate::{Failure, Outcome};

/// Check a policy: all problems at once, each underlined
///
/// FILE is a policy in TOML, JSON or YAML, or a wrangler.toml (or wrangler.json) with the policy in `[vars.POLICY]`;
/// the policies of all its environments are checked.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file; `-` for standard input
    #[arg(default_value = "wrangler.toml")]
    file: PathBuf,

    #[command(flatten)]
    reading: Reading,
}

const EXAMPLES: &str = "\
Examples:
  portcullis check                         the policies in wrangler.toml
  portcullis check policy.yaml             a policy in a file of its own
  portcullis check --env staging           that environment only
  some-generator | portcullis check -      standard input";

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let (source, findings) = match read(&args.file, &args.reading)? {
        Err((source, findings)) => (source, findings),
        Ok(document) => {
            let examined = examine(&document, args.reading.env.as_deref())?;
            let findings = examined.into_iter().filter_map(|policy| policy.result.err()).flatten().collect();
            (document.source, findings)
        }
    };
    human::write(&findings, &source, output, Stream::Out);
    output.line(&summary(&source.name, &findings));
    Ok(if findings.is_empty() { Outcome::Fine } else { Outcome::Findings })
}

fn summary(name: &str, findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => format!("{name}: no problems"),
        (errors, warnings) => format!("{name}: {}, {}", many(errors, "error"), many(warnings, "warning")),
    }
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
