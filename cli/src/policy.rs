//! Reads the policies of a file, with the findings about invalid ones.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use portcullis::jose::json::MAX_DEPTH;
use portcullis::policy::{Names, Place, Policy, PolicyError};

use crate::configuration;
use crate::document::{
    ParsedSource, PolicyValue, ProblemKind, Source, SourceValue, Syntax, SyntaxError, is_configuration, policies,
    repeated_keys, worker_of,
};
use crate::exit::Failure;
use crate::finding::{Finding, Highlight, rule};
use crate::output::printable;
use crate::spelling::nearest;

/// The maximum size of a Worker variable, in bytes. A larger policy must be in Workers KV.
pub(crate) const MAX_VARIABLE_BYTES: usize = 5 * 1024;

/// Options of how a policy is read from a file.
#[derive(clap::Args, Debug)]
pub(crate) struct ReadOptions {
    /// The environment of wrangler's configuration whose policy to use [default: $CLOUDFLARE_ENV, as for wrangler]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,

    /// The syntax of the file [default: by its name]
    #[arg(long, value_enum)]
    pub(crate) syntax: Option<Syntax>,
}

/// The argument that names the policy's file, and how to read it.
#[derive(clap::Args, Debug)]
pub(crate) struct PolicyInput {
    /// The policy, or the configuration of wrangler that contains it; `-` for standard input [default: the
    /// configuration that wrangler takes: wrangler.json, wrangler.jsonc or wrangler.toml, here or in a folder above]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reading: ReadOptions,
}

impl PolicyInput {
    /// The file that was named, or the configuration that wrangler takes.
    ///
    /// # Errors
    /// None was named, and wrangler would find none.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        self.file.clone().map_or_else(configuration::of_current_folder, Ok)
    }
}

/// Follows the name of an environment that wrangler's variable gave, in messages.
pub(crate) const FROM_VARIABLE: &str = " (named by CLOUDFLARE_ENV)";

impl ReadOptions {
    /// The environment that was named, by `--env` or else by wrangler's own variable, which is not read from `.env`. An
    /// empty name is the default one.
    pub(crate) fn environment(&self) -> Option<String> {
        self.env.clone().or_else(environment_variable)
    }

    /// Whether wrangler's variable names the environment.
    pub(crate) fn is_of_variable(&self) -> bool {
        self.env.is_none() && environment_variable().is_some()
    }

    /// The environment whose policy is used. A policy in a file of its own is not of an environment, and the variable
    /// need not be about it.
    fn environment_of(&self, document: &ParsedSource) -> Option<String> {
        if is_configuration(&document.source, &document.root) { self.environment() } else { self.env.clone() }
    }
}

fn environment_variable() -> Option<String> {
    std::env::var("CLOUDFLARE_ENV").ok().filter(|name| !name.is_empty())
}

/// A policy in a file, read as the gate reads it.
#[derive(Debug)]
pub(crate) struct ExaminedPolicy<'d> {
    /// The environment of the configuration that it is for; `None` for the default environment and for a policy file.
    pub(crate) environment: Option<&'d str>,
    /// Its place in the file.
    pub(crate) place: Place,
    pub(crate) content: PolicyContent<'d>,
}

/// What a file contains as its policy.
#[derive(Debug)]
pub(crate) enum PolicyContent<'d> {
    /// A policy that the gate enforces, and what it was read from.
    Valid { value: Cow<'d, SourceValue>, policy: Box<Policy> },
    /// A document that the gate refuses.
    Invalid { value: Cow<'d, SourceValue>, findings: Vec<Finding> },
    /// A string that is not valid JSON.
    Unreadable(Vec<Finding>),
}

/// A valid policy, for commands that use one.
#[derive(Debug)]
pub(crate) struct LoadedPolicy {
    /// The document.
    pub(crate) value: SourceValue,
    pub(crate) policy: Policy,
    /// The file that contains it.
    pub(crate) source: Source,
}

impl LoadedPolicy {
    /// The document in JSON, as the Worker gets it.
    pub(crate) fn json(&self) -> String {
        self.value.to_json().to_string()
    }
}

/// Parses a text. The error is the findings about its syntax.
pub(crate) fn parse_source(source: Source) -> Result<ParsedSource, (Source, Vec<Finding>)> {
    let parsed = source.parse().and_then(|root| {
        let repeated = repeated_keys(&source, &root);
        if repeated.is_empty() { Ok(root) } else { Err(repeated) }
    });
    match parsed {
        Ok(root) => Ok(ParsedSource { source, root }),
        Err(errors) => Err((source, errors.into_iter().map(syntax_finding).collect())),
    }
}

/// All policies in a document, or that of the chosen environment.
pub(crate) fn examine<'d>(
    document: &'d ParsedSource,
    reading: &ReadOptions,
) -> Result<Vec<ExaminedPolicy<'d>>, Failure> {
    let mut found = policies(document)?;
    if let Some(name) = reading.environment_of(document) {
        let environment = Some(name.as_str()).filter(|name| !name.is_empty());
        found.retain(|policy| policy.environment == environment);
        if found.is_empty() {
            return Err(without_policy(document, environment, reading));
        }
    }
    Ok(found.into_iter().map(ExaminedPolicy::new).collect())
}

fn without_policy(document: &ParsedSource, environment: Option<&str>, reading: &ReadOptions) -> Failure {
    let source = printable(&document.source.name);
    let Some(name) = environment else { return only_environments(document) };
    let help = match worker_of(&document.root, environment) {
        Some(_) => "; environments do not inherit `vars`",
        None => "",
    };
    let variable = if reading.is_of_variable() { FROM_VARIABLE } else { "" };
    Failure::new(format!("{source} has no policy for the environment {name:?}{variable}{help}"))
}

fn only_environments(document: &ParsedSource) -> Failure {
    let name = printable(&document.source.name);
    Failure::new(format!("{name} has policies for environments only: choose one with --env"))
}

/// The one policy that a command uses.
pub(crate) fn load(path: &Path, reading: &ReadOptions) -> Result<LoadedPolicy, Failure> {
    of_source(Source::read(path, reading.syntax)?, reading)
}

/// The same of a text.
pub(crate) fn of_source(source: Source, reading: &ReadOptions) -> Result<LoadedPolicy, Failure> {
    select(parsed(source)?, reading)
}

/// A policy as it is in Workers KV, read as the gate reads it: the exact text, in JSON. `name` is what messages call
/// it.
pub(crate) fn stored(name: &str, text: &str) -> Result<LoadedPolicy, Failure> {
    let source = Source { name: name.to_owned(), text: text.to_owned(), syntax: Syntax::Json };
    let value = source.parse().map_err(|errors| errors.into_iter().map(syntax_finding).collect::<Vec<_>>());
    let read = value.and_then(|value| Ok((parse(&value, |_| Policy::parse(text))?, value)));
    match read {
        Ok((policy, value)) => Ok(LoadedPolicy { value, policy, source }),
        Err(findings) => Err(Failure::findings(source, findings)),
    }
}

/// Parses the text of a command that needs it whole.
pub(crate) fn parsed(source: Source) -> Result<ParsedSource, Failure> {
    parse_source(source).map_err(|(source, findings)| Failure::findings(source, findings))
}

/// The one policy of a document that a command uses.
pub(crate) fn select(document: ParsedSource, reading: &ReadOptions) -> Result<LoadedPolicy, Failure> {
    let environment = reading.environment_of(&document).filter(|name| !name.is_empty());
    let mut found = examine(&document, reading)?;
    // The policy of an environment is never used for another, even if it is the only one.
    found.retain(|policy| policy.environment == environment.as_deref());
    let Some(examined) = found.pop() else {
        return Err(only_environments(&document));
    };
    let (value, policy) = match examined.content {
        PolicyContent::Valid { value, policy } => (value.into_owned(), *policy),
        PolicyContent::Invalid { findings, .. } | PolicyContent::Unreadable(findings) => {
            return Err(Failure::findings(document.source, findings));
        }
    };
    Ok(LoadedPolicy { policy, value, source: document.source })
}

impl<'d> ExaminedPolicy<'d> {
    fn new(found: PolicyValue<'d>) -> Self {
        let PolicyValue { environment, place, value } = found;
        let of_environment =
            |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.of(environment)).collect();
        let content = match value {
            Ok(value) => match parse(&value, Policy::parse) {
                Ok(policy) => PolicyContent::Valid { value, policy: Box::new(policy) },
                Err(findings) => PolicyContent::Invalid { value, findings: of_environment(findings) },
            },
            Err(errors) => PolicyContent::Unreadable(of_environment(errors.into_iter().map(syntax_finding).collect())),
        };
        Self { environment, place, content }
    }

    /// The document, unless it cannot be read.
    pub(crate) fn value(&self) -> Option<&SourceValue> {
        match &self.content {
            PolicyContent::Valid { value, .. } | PolicyContent::Invalid { value, .. } => Some(value),
            PolicyContent::Unreadable(_) => None,
        }
    }

    /// The policy, if the gate enforces it.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        match &self.content {
            PolicyContent::Valid { policy, .. } => Some(policy),
            PolicyContent::Invalid { .. } | PolicyContent::Unreadable(_) => None,
        }
    }
}

/// Passes a value to one of the gate's readers. The error is all findings about it.
pub(crate) fn parse<T>(
    value: &SourceValue,
    read: impl FnOnce(&str) -> Result<T, Vec<PolicyError>>,
) -> Result<T, Vec<Finding>> {
    let problems = value.problems(MAX_DEPTH);
    let as_findings = |errors: Vec<PolicyError>| errors.into_iter().map(|error| policy_finding(error, value));
    if problems.is_empty() {
        return read(&value.to_json().to_string()).map_err(|errors| as_findings(errors).collect());
    }
    // The reader gets null for what JSON cannot represent, so its errors about such a null are dropped. It is not given
    // values that are nested too deeply.
    let is_deep = problems.iter().any(|problem| problem.kind == ProblemKind::Deep);
    let result = if is_deep { Err(Vec::new()) } else { read(&value.without_repeats().to_json().to_string()) };
    let foreign = problems.iter().filter(|problem| problem.kind == ProblemKind::Foreign);
    let foreign: HashSet<String> = foreign.map(|problem| problem.place.to_string()).collect();
    let mut errors = result.err().unwrap_or_default();
    errors.retain(|error| matches!(error.names, Some(Names::Keys(_))) || !foreign.contains(&error.place.to_string()));
    let problems =
        problems.into_iter().map(|problem| Finding { place: problem.place, ..syntax_finding(problem.error) });
    let mut findings: Vec<Finding> = problems.chain(as_findings(errors)).collect();
    findings.sort_by_key(|finding| finding.span.start);
    Err(findings)
}

/// A syntax error as a finding.
pub(crate) fn syntax_finding(error: SyntaxError) -> Finding {
    Finding::new(&rule::SYNTAX, error.span, error.message)
}

fn policy_finding(error: PolicyError, value: &SourceValue) -> Finding {
    let subject = if matches!(error.names, Some(Names::Keys(_))) { Highlight::Key } else { Highlight::Value };
    let mut finding = Finding::new(&rule::POLICY, subject.span(value, &error.place), error.message);
    let meant = match &error.names {
        Some(Names::Keys(valid)) => nearest(error.place.key().unwrap_or_default(), valid.iter().copied()),
        Some(Names::Values { found, valid }) => nearest(found, valid.iter().map(String::as_str)),
        None => None,
    };
    if let Some(meant) = meant {
        finding.suggest(meant);
    }
    finding.related = error.related.map(|place| (Highlight::Value.span(value, &place), place.to_string()));
    finding.place = error.place;
    finding
}
