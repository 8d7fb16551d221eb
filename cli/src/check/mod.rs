//! `portcullis check`: all findings about a policy.

mod online;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use portcullis::policy::Policy;
use serde::Serialize;

use crate::document::{Source, SourceValue};
use crate::exit::{Completion, Failure};
use crate::finding::position::LineIndex;
use crate::finding::rule::{RULES, Severity};
use crate::finding::{Finding, github, human, json, sarif};
use crate::lint;
use crate::output::{Output, Stream, printable};
use crate::policy::{ExaminedPolicy, PolicyContent, PolicyInput, ReadOptions, examine, parse_source};
use online::IssuerReport;

/// Check a policy, and show every problem in its place
///
/// FILE is a policy in TOML, JSON or YAML, or the configuration of a Worker (wrangler.json, wrangler.jsonc or
/// wrangler.toml) with the policy in `vars.POLICY`; the policies of all its environments are checked. The gate refuses every request while its policy has an error. A
/// warning is about something valid that is probably a mistake; a note is worth a look.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// Fetch the issuers' keys too, and list those that would be used
    #[arg(long)]
    online: bool,

    /// How to print the findings
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    format: CheckFormat,

    /// Exit with 1 for warnings too, not only for errors
    #[arg(long)]
    deny_warnings: bool,

    /// Hide findings of this kind; may be repeated
    #[arg(long, value_name = "RULE", value_parser = rules())]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    Human,
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

const EXAMPLES: &str = "\
Examples:
  portcullis check                    the policies in wrangler's configuration
  portcullis check policy.yaml        a policy in a file of its own
  portcullis check --env staging      that environment only
  portcullis check --online           the issuers' keys too
  generator | portcullis check -      standard input
  portcullis check --deny-warnings --format github
                                      in a workflow";

pub(crate) fn run(args: &CheckArgs, output: &Output) -> Result<Completion, Failure> {
    let reading = &args.input.reading;
    let mut issuers = Vec::new();
    let (source, mut findings) =
        check(Source::read(&args.input.path()?, reading.syntax)?, reading, |policy, value| {
            let (reports, problems) =
                if args.online { online::keys(policy, value, output) } else { Default::default() };
            issuers.extend(reports);
            problems
        })?;
    let issuers = args.online.then_some(issuers);
    findings.retain(|finding| !args.allow.iter().any(|allowed| allowed == finding.rule));
    write(&findings, &source, issuers.as_deref(), args.format, output)?;
    let is_bad = |finding: &Finding| match finding.severity {
        Severity::Error => true,
        Severity::Warning => args.deny_warnings,
        Severity::Note => false,
    };
    Ok(if findings.iter().any(is_bad) { Completion::Findings } else { Completion::Clean })
}

/// All findings about a text, in the order of their places. `further` adds its own about each valid policy.
///
/// # Errors
/// The text has no policy.
pub(crate) fn check(
    source: Source,
    reading: &ReadOptions,
    mut further: impl FnMut(&Policy, &SourceValue) -> Vec<Finding>,
) -> Result<(Source, Vec<Finding>), Failure> {
    let document = match parse_source(source) {
        Ok(document) => document,
        Err((source, mut findings)) => {
            findings.sort_by_key(|finding| finding.span.start);
            return Ok((source, findings));
        }
    };
    let examined = examine(&document, reading)?;
    let mut findings = lint::worker(&document, &examined);
    for ExaminedPolicy { environment, content, .. } in examined {
        match content {
            PolicyContent::Valid { value, policy } => {
                let found = lint::policy(&policy, &value).into_iter().chain(further(&policy, &value));
                findings.extend(found.map(|finding| finding.of(environment)));
            }
            PolicyContent::Invalid { findings: found, .. } | PolicyContent::Unreadable(found) => findings.extend(found),
        }
    }
    findings.sort_by_key(|finding| finding.span.start);
    Ok((document.source, findings))
}

fn write(
    findings: &[Finding],
    source: &Source,
    issuers: Option<&[IssuerReport]>,
    format: CheckFormat,
    output: &Output,
) -> Result<(), Failure> {
    match format {
        CheckFormat::Human => {
            human::write(findings, source, output, Stream::Out);
            online::write(issuers.unwrap_or_default(), output);
            output.line(&format!("{}: {}", printable(&source.name), summary(findings)));
        }
        CheckFormat::Json => output.json(&CheckReport { findings: json::report(findings, source), issuers })?,
        CheckFormat::Sarif => output.json(&sarif::log(findings, source))?,
        CheckFormat::Github => {
            let lines = LineIndex::new(&source.text);
            findings.iter().for_each(|finding| output.line(&github::command(finding, source, &lines)));
        }
    }
    Ok(())
}

/// The output of `--format json`.
#[derive(Serialize)]
struct CheckReport<'r> {
    #[serde(flatten)]
    findings: json::JsonReport<'r>,
    /// Only with `--online`.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<&'r [IssuerReport]>,
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

/// The rules that may be allowed: all that are not errors.
fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(RULES.iter().filter(|rule| rule.severity != Severity::Error).map(|rule| rule.name))
}
