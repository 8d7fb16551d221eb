//! `portcullis import`: policies from other descriptions of an API.

mod spec;
mod write;

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use portcullis::policy::Policy;
use portcullis::policy::url::{Origin, discovery_url};

use crate::document::{MAX_DEPTH, Source, SourceValue, Syntax};
use crate::exit::{Completion, Failure};
use crate::finding::position::LineIndex;
use crate::openapi::{self, DefaultAccess, Import, ImportOptions, ImportedAccess, MissingOption, RemarkKind};
use crate::output::{Output, printable, wrap};
use crate::policy::{MAX_VARIABLE_BYTES, syntax_finding};

pub(crate) use spec::policy_spec;

/// The maximum number of places listed for a remark, unless `--verbose` asks for all.
const MAX_PLACES: usize = 5;

/// Make a policy from another description of an API
#[derive(clap::Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    from: ImportSource,
}

#[derive(Subcommand, Debug)]
enum ImportSource {
    Openapi(OpenapiArgs),
}

/// Make a policy from an OpenAPI document (2.0, 3.0 or 3.1, in JSON or YAML)
///
/// Paths and methods become routes, `security` becomes what tokens must contain, servers become the origin. The policy
/// goes to standard output; remarks on where it differs from the document go to standard error. It never allows more
/// than the document does: what a policy cannot express is denied, narrowed or left out, and reported.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
struct OpenapiArgs {
    /// The document; `-` for standard input
    file: PathBuf,

    /// The audience that tokens must have (`aud`); repeat it to accept any of several; `*` accepts any
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,

    /// The issuer of a security scheme's tokens; without NAME=, of all schemes that do not name one
    #[arg(long, value_name = "[NAME=]URL", value_parser = issuer)]
    issuer: Vec<(Option<String>, String)>,

    /// The origin behind the gate [default: the document's server]
    #[arg(long, value_name = "URL", value_parser = origin)]
    origin: Option<String>,

    /// The server that paths are relative to, in place of the document's servers
    #[arg(long, value_name = "URL", value_parser = openapi::server)]
    server: Option<String>,

    /// Restrict routes to the servers' hosts; the origin is then what is behind these, unless --origin names another
    #[arg(long)]
    hosts: bool,

    /// Strip the server's base path from the paths that the origin sees
    #[arg(long)]
    strip_base: bool,

    /// Who may call operations without `security`
    #[arg(long, value_enum, value_name = "ACCESS")]
    default_access: Option<DefaultAccess>,

    /// How to write the policy
    #[arg(long, value_enum, default_value_t = ImportFormat::Toml)]
    format: ImportFormat,

    /// Write it as part of wrangler.toml, in `[vars.POLICY]`
    #[arg(long)]
    wrangler: bool,

    /// List every place of each remark
    #[arg(short, long)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  portcullis import openapi api.yaml --audience https://api.example.com
  portcullis import openapi api.yaml --issuer https://t.logto.app/oidc \\
      --audience https://api.example.com --origin https://origin.example.com --wrangler
  curl -s https://api.example.com/openapi.json |
      portcullis import openapi - --audience '*' --default-access deny";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImportFormat {
    Toml,
    Json,
}

fn issuer(text: &str) -> Result<(Option<String>, String), String> {
    // The name of a scheme contains neither character; a URL has both before its first "=".
    let named = text.split_once('=').filter(|(name, _)| !name.contains([':', '/']));
    let (name, url) = named.map_or((None, text), |(name, url)| (Some(name.to_owned()), url));
    discovery_url(url).map(|_| (name, url.to_owned()))
}

fn origin(text: &str) -> Result<String, String> {
    Origin::parse(text).map(|_| text.to_owned())
}

pub(crate) fn run(args: &ImportArgs, output: &Output) -> Result<Completion, Failure> {
    match &args.from {
        ImportSource::Openapi(args) => args.run(output),
    }
}

impl OpenapiArgs {
    fn run(&self, output: &Output) -> Result<Completion, Failure> {
        let (source, root) = read(&self.file)?;
        let options = self.options()?;
        let failure = |problem: String| Failure::new(printable(&format!("{}: {problem}", source.name)));
        let import = openapi::import(&root, &options).map_err(failure)?;
        tell(&import, &source, self.most_places(), output);
        let policy = policy_spec(&import, &options);
        let json = serde_json::to_string(&policy).map_err(|error| failure(error.to_string()))?;
        let problems = problems(&import, &json);
        if !problems.is_empty() {
            problems.iter().for_each(|problem| output.error(&printable(problem)));
            return Ok(Completion::Findings);
        }
        output.note(&wrap(&summary(&import, &source.name, json.len()), output.width(), ""));
        match (self.format, self.wrangler) {
            (ImportFormat::Json, false) => output.json(&policy)?,
            (ImportFormat::Json, true) => output.json(&serde_json::json!({ "vars": { "POLICY": policy } }))?,
            (ImportFormat::Toml, _) => {
                let text = write::toml(&policy, &import, &source.name, self.wrangler);
                output.line(text.map_err(|error| failure(error.to_string()))?.trim_end());
            }
        }
        Ok(Completion::Clean)
    }

    fn options(&self) -> Result<ImportOptions, Failure> {
        let (named, others): (Vec<_>, Vec<_>) = self.issuer.iter().cloned().partition(|(name, _)| name.is_some());
        if others.len() > 1 {
            return Err(Failure::new("--issuer: only one may be without NAME=, for all other schemes"));
        }
        Ok(ImportOptions {
            audience: self.audience.clone(),
            issuers: named.into_iter().filter_map(|(name, issuer)| Some((name?, issuer))).collect(),
            issuer: others.into_iter().next().map(|(_, issuer)| issuer),
            origin: self.origin.clone(),
            server: self.server.clone(),
            hosts: self.hosts,
            strip_base: self.strip_base,
            default_access: self.default_access,
        })
    }

    fn most_places(&self) -> usize {
        if self.verbose { usize::MAX } else { MAX_PLACES }
    }
}

/// Reads a document. Reports its syntax errors.
fn read(path: &Path) -> Result<(Source, SourceValue), Failure> {
    let mut source = Source::read(path, None)?;
    // An OpenAPI document is never TOML, even if one of its lines looks like it.
    if source.syntax == Syntax::Toml {
        source.syntax = Syntax::Yaml;
    }
    let errors = match source.parse() {
        Ok(document) => match document.problems(MAX_DEPTH) {
            problems if problems.is_empty() => return Ok((source, document)),
            problems => problems.into_iter().map(|problem| problem.error).collect(),
        },
        Err(errors) => errors,
    };
    let findings: Vec<_> = errors.into_iter().map(syntax_finding).collect();
    Err(Failure::findings(source, findings))
}

/// Reports where the policy differs from the document.
fn tell(import: &Import, source: &Source, most_places: usize, output: &Output) {
    let lines = LineIndex::new(&source.text);
    for remark in &import.remarks {
        let became = match remark.kind {
            RemarkKind::Denied => "denied",
            RemarkKind::LeftOut => "left out",
            RemarkKind::Narrowed => "narrowed",
            RemarkKind::Changed => "changed",
            RemarkKind::Noted => "note",
        };
        output.note(&wrap(&printable(&format!("{became}: {}", remark.message)), output.width(), "  "));
        for place in remark.places.iter().take(most_places) {
            output.note(&printable(&format!("  {}:{} {place}", source.name, lines.position(place.offset()).line)));
        }
        let others = remark.places.len().saturating_sub(most_places);
        if others > 0 {
            output.note(&format!("  and {others} more (--verbose lists them)"));
        }
    }
}

/// Why the routes are not a valid policy, if they are not.
fn problems(import: &Import, json: &str) -> Vec<String> {
    if !import.missing.is_empty() {
        let line = |missing: &MissingOption| format!("{} is required: {}", missing.option, missing.reason);
        return import.missing.iter().map(line).collect();
    }
    Policy::parse(json).err().into_iter().flatten().map(|error| error.to_string()).collect()
}

fn summary(import: &Import, name: &str, bytes: usize) -> String {
    let count = |is: fn(&ImportedAccess) -> bool| import.routes.iter().filter(|route| is(&route.rule.access)).count();
    let counts = [
        (count(|access| matches!(access, ImportedAccess::Token(_))), "token"),
        (count(|access| matches!(access, ImportedAccess::Optional(_))), "optional"),
        (count(|access| matches!(access, ImportedAccess::Public)), "public"),
        (count(|access| matches!(access, ImportedAccess::Deny)), "deny"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, access)| format!("{count} {access}")).collect();
    let (operations, routes) = (import.operations, import.routes.len());
    let size = match bytes {
        0..=MAX_VARIABLE_BYTES => String::new(),
        _ => format!(
            " Its {bytes} bytes are more than the 5 kB of a Worker variable; `portcullis push` stores it in KV."
        ),
    };
    format!("{name}: {operations} operations became {routes} routes: {}.{size}", counts.join(", "))
}
