//! `portcullis check`: everything that is wrong with a policy.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;

use crate::document::Source;
use crate::finding::position::Lines;
use crate::finding::{Finding, Severity, github, human, json, sarif};
use crate::lint::{self, RULES};
use crate::output::{Output, Stream};
use crate::policy::{Examined, Reading, examine, read};
use crate::{Failure, Outcome};

/// Check a policy: all problems at once, each underlined
///
/// FILE is a policy in TOML, JSON or YAML, or a wrangler.toml (or wrangler.json) with the policy in `[vars.POLICY]`;
/// the policies of all its environments are checked. With an error the gate refuses every request. A warning is legal,
/// but likely not meant; a note is worth a look.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file; `-` for standard input
    #[arg(default_value = "wrangler.toml")]
    file: PathBuf,

    #[command(flatten)]
    reading: Reading,

    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// End with 1 for warnings too, not for errors only
    #[arg(long)]
    deny_warnings: bool,

    /// Leave out the findings of this kind; may be given several times
    #[arg(long, value_name = "RULE", value_parser = rules())]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

const EXAMPLES: &str = "\
Examples:
  portcullis check                              the policies in wrangler.toml
  portcullis check policy.yaml                  a policy in a file of its own
  portcullis check --env staging                that environment only
  portcullis check --deny-warnings --format github     in a workflow
  some-generator | portcullis check -           standard input";

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let (source, mut findings) = match read(&args.file, &args.reading)? {
        Err((source, findings)) => (source, findings),
        Ok(document) => {
            let examined = examine(&document, args.reading.env.as_deref())?;
            let of_worker = lint::worker(&document, &examined);
            let findings = examined.into_iter().flat_map(findings).chain(of_worker).collect();
            (document.source, findings)
        }
    };
    findings.retain(|finding| !args.allow.iter().any(|allowed| allowed == finding.rule));
    findings.sort_by_key(|finding| finding.span.start);
    write(&findings, &source, args.format, output);
    let is_bad = |finding: &Finding| match finding.severity {
        Severity::Error => true,
        Severity::Warning => args.deny_warnings,
        Severity::Note => false,
    };
    Ok(if findings.iter().any(is_bad) { Outcome::Findings } else { Outcome::Fine })
}

fn findings(examined: Examined<'_>) -> Vec<Finding> {
    let Examined { environment, value, result, .. } = examined;
    match (result, value) {
        (Err(errors), _) => errors,
        (Ok(policy), Some(value)) => {
            lint::policy(&policy, &value).into_iter().map(|finding| finding.of(environment)).collect()
        }
        (Ok(_), None) => Vec::new(),
    }
}

fn write(findings: &[Finding], source: &Source, format: Format, output: &Output) {
    match format {
        Format::Human => {
            human::write(findings, source, output, Stream::Out);
            output.line(&format!("{}: {}", source.name, summary(findings)));
        }
        Format::Json => output.json(&json::report(findings, source)),
        Format::Sarif => output.json(&sarif::log(findings, source)),
        Format::Github => {
            let lines = Lines::new(&source.text);
            findings.iter().for_each(|finding| output.line(&github::command(finding, source, &lines)));
        }
    }
}

fn summary(findings: &[Finding]) -> String {
    let kinds = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", severity.name()))
    });
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    if kinds.is_empty() { "no problems".to_owned() } else { kinds.join(", ") }
}

/// What may be allowed: all that is no error.
fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().filter(|rule| rule.severity != Severity::Error).map(|rule| rule.name))
}
