//! `portcullis init`: the first configuration of a gate.

mod ask;
mod configuration;
mod jsonc;
mod policy_test;
mod project;
mod provider;
mod template;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use portcullis::policy::Policy;
use portcullis::policy::url::{Origin, discovery_url};

use crate::configuration::{NAMES, find, shown};
use crate::exit::{Completion, Failure};
use crate::lint::logto_issuer;
use crate::output::{Output, printable, reason, wrap};

use ask::Asker;
use configuration::{Answers, ConfigurationFormat};
use template::Template;

/// The file of the first tests, which `portcullis test` runs by default.
const TESTS: &str = "policy.test.toml";

/// What may be in a folder that is new otherwise.
const NEW: [&str; 2] = [".git", ".DS_Store"];

/// Write the project of a new gate: wrangler's configuration with the policy, tests of it, and what npm needs
///
/// Prompts for what is not given, if there is a terminal. Reads the provider's discovery document as the gate will. The
/// folder must be new or empty.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// The issuer of the tokens, exactly as in their `iss`
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<String>,

    /// The audience that tokens must have (`aud`): with Logto, the identifier of the API resource
    #[arg(long, value_name = "AUDIENCE", value_parser = audience)]
    audience: Option<String>,

    /// The origin behind the gate: http(s)://host[:port][/base], service:BINDING or passthrough
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    origin: Option<String>,

    /// The provider whose tokens the policy is for [default: by the issuer]
    #[arg(long, value_enum)]
    template: Option<Template>,

    /// The name of the Worker
    #[arg(long, default_value = "portcullis", value_parser = name)]
    name: String,

    /// The folder to write to
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,

    /// How to write the configuration [default: as the existing one that --force overwrites, else jsonc]
    #[arg(long, value_enum)]
    format: Option<ConfigurationFormat>,

    /// Write to a folder that is not empty, and overwrite an existing configuration; other files stay as they are
    #[arg(long)]
    force: bool,

    /// Print the configuration instead of writing anything
    #[arg(long)]
    dry_run: bool,

    /// Do not contact the provider
    #[arg(long)]
    offline: bool,
}

const EXAMPLES: &str = "\
Examples:
  portcullis init
  portcullis init --issuer https://tenant.logto.app/oidc \\
      --audience https://api.example.com --origin https://origin.example.com
  portcullis init --template auth0 --dir gate
  portcullis init --issuer https://accounts.example.com --format toml \\
      --audience https://api.example.com --origin service:API --dry-run";

fn issuer(text: &str) -> Result<String, String> {
    discovery_url(text).map(|_| text.to_owned())
}

fn audience(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected an audience".to_owned()) } else { Ok(text.to_owned()) }
}

fn origin(text: &str) -> Result<String, String> {
    Origin::parse(text).map(|_| text.to_owned())
}

/// A valid name of a Worker.
fn name(text: &str) -> Result<String, String> {
    let is_name = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    let expected = "expected 1 to 63 of a-z, 0-9 and \"-\", with no \"-\" at either end";
    if is_name { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

pub(crate) fn run(args: &InitArgs, output: &Output) -> Result<Completion, Failure> {
    let in_folder = |name: &str| if args.dir == Path::new(".") { PathBuf::from(name) } else { args.dir.join(name) };
    let file = file_name(args);
    let path = in_folder(file);
    if !args.dry_run {
        check_target(args, file)?;
    }
    let answers = answers(args, output)?;
    let toml = configuration::write(&answers);
    let text = match ConfigurationFormat::of(file) {
        ConfigurationFormat::Toml => toml.clone(),
        ConfigurationFormat::Jsonc => jsonc::write(&answers),
    };
    let policy = match configuration::policy(&toml) {
        Ok(policy) => policy,
        Err(problems) => {
            problems.iter().for_each(|problem| output.error(&printable(problem)));
            return Ok(Completion::Findings);
        }
    };
    if !args.offline && !has_provider(&policy, output) {
        return Ok(Completion::Findings);
    }
    if args.dry_run {
        output.line(text.trim_end());
        return Ok(Completion::Clean);
    }
    let tests = (TESTS, policy_test::write(&answers.template.asks(&answers.audience)));
    let others: Vec<_> = [vec![tests], project::files(&answers, file)].concat();
    save(&path, &text, args.force)?;
    let mut written = vec![path];
    // With --force, what is there stays.
    for (name, text) in others {
        let path = in_folder(name);
        if !path.exists() {
            save(&path, &text, false)?;
            written.push(path);
        }
    }
    output.line(&next_steps(args, &written));
    Ok(Completion::Clean)
}

/// The name of the configuration: by the format, or else that of the one that is there.
fn file_name(args: &InitArgs) -> &'static str {
    match args.format {
        Some(ConfigurationFormat::Toml) => "wrangler.toml",
        Some(ConfigurationFormat::Jsonc) => "wrangler.jsonc",
        None => existing(args).unwrap_or("wrangler.jsonc"),
    }
}

/// The configuration in the folder that wrangler takes.
fn existing(args: &InitArgs) -> Option<&'static str> {
    NAMES.into_iter().find(|name| args.dir.join(name).exists())
}

/// Fails before any question is asked, rather than after all of them.
fn check_target(args: &InitArgs, file: &str) -> Result<(), Failure> {
    let rank = |file: &str| NAMES.iter().position(|name| *name == file);
    // One with an earlier name comes first even if it is in a folder above.
    let taken = find(&args.dir).and_then(|taken| Some((rank(taken.file_name()?.to_str()?)?, taken)));
    if let Some((_, taken)) = taken.filter(|(taken, _)| Some(*taken) < rank(file)) {
        let jsonc = "wrangler.jsonc";
        let help = if taken.ends_with(jsonc) && !args.dir.join(jsonc).exists() {
            "; --format jsonc writes one that it reads"
        } else {
            ""
        };
        return Err(Failure::new(format!(
            "{} exists, and wrangler would read it instead of {file}{help}",
            shown(&taken)
        )));
    }
    if args.force { Ok(()) } else { check_is_new(&args.dir) }
}

/// Whether a folder is new: it does not exist or is empty.
fn check_is_new(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::new(format!("cannot read the folder {shown}: {}", reason(&error)))),
    };
    let mut names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    match names.find(|name| NEW.iter().all(|new| name != new)) {
        None => Ok(()),
        Some(name) => Err(Failure::new(format!(
            "the folder {shown} is not empty: it has {}; --dir names another, --dry-run prints, --force adds what is \
             missing and overwrites the configuration only",
            printable(&name.to_string_lossy())
        ))),
    }
}

fn is_there(path: &Path) -> Failure {
    Failure::new(format!("{} already exists", path.display()))
}

/// The values that were given, and the answers to prompts for the others.
fn answers(args: &InitArgs, output: &Output) -> Result<Answers, Failure> {
    let given = [("--issuer", &args.issuer), ("--audience", &args.audience), ("--origin", &args.origin)];
    let missing: Vec<&str> = given.iter().filter(|(_, given)| given.is_none()).map(|(option, _)| *option).collect();
    if !missing.is_empty() && !io::stdin().is_terminal() {
        let missing = missing.join(", ");
        return Err(Failure::new(format!("required where there is no terminal to prompt on: {missing}")));
    }
    let mut asker = Asker::new(io::stdin().lock(), |line: &str| output.note(line));
    let like = args.template.unwrap_or(Template::Logto);
    let question = format!("Who issues the tokens? Exactly as in their iss, like {}", like.example_issuer());
    let issuer = asker.ask(&args.issuer, &question, issuer)?;
    let template = args.template.unwrap_or_else(|| Template::of(&issuer));
    let audience = asker.ask(&args.audience, template.question(), audience)?;
    let origin = asker.ask(&args.origin, "Which origin is behind the gate? Like https://origin.example.com", origin)?;
    if let Some(meant) = logto_issuer(&issuer) {
        let note = format!("note: Logto's tokens have the issuer {meant}, not {}", printable(&issuer));
        output.note(&wrap(&note, output.width(), "  "));
    }
    Ok(Answers { issuer, audience, origin, template, name: args.name.clone() })
}

/// Reports the provider's metadata. Returns whether the gate can use the provider.
fn has_provider(policy: &Policy, output: &Output) -> bool {
    policy.issuers.iter().all(|issuer| match provider::discover(issuer) {
        Ok(provider) => {
            provider.lines(output.width()).iter().for_each(|line| output.note(line));
            true
        }
        Err(problem) => {
            output.error(&printable(&format!("{problem}; --offline skips this")));
            false
        }
    })
}

fn save(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(true).create(force).create_new(!force);
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let saved = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| options.open(path));
    saved.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::new(format!("cannot write {}: {}", path.display(), reason(&error))),
    })
}

fn next_steps(args: &InitArgs, written: &[PathBuf]) -> String {
    let written: Vec<String> = written.iter().map(|path| format!("  {}", path.display())).collect();
    let go = if args.dir == Path::new(".") { String::new() } else { format!("\n  cd {}", args.dir.display()) };
    format!(
        "Wrote:
{}
Next:{go}
  npm install
  npm run dev       the gate on this machine, with a token to try
  npm run deploy    checks and tests the policy, then deploys",
        written.join("\n")
    )
}
