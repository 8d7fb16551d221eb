//! `portcullis init`: the first configuration of a gate.

mod ask;
mod configuration;
mod jsonc;
mod policy_test;
mod provider;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use portcullis::policy::Policy;
use portcullis::policy::url::{Origin, discovery_url};

use crate::configuration::{NAMES, find, shown};
use crate::exit::{Completion, Failure};
use crate::lint::logto_issuer;
use crate::output::{Output, printable, wrap};

use ask::Asker;
use configuration::{Answers, ConfigurationFormat, Preset};

/// The file of the first tests, which `portcullis test` runs by default.
const TESTS: &str = "policy.test.toml";

/// Write wrangler's configuration of a new gate, with its policy, and the first tests of it
///
/// Prompts for what is not given, if there is a terminal. Reads the provider's discovery document as the gate will, and
/// writes wrangler.toml or wrangler.jsonc for the Worker that `npm run build` puts into build/, and policy.test.toml,
/// unless there is one.
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

    /// The provider whose tokens the examples are for [default: by the issuer]
    #[arg(long, value_enum)]
    preset: Option<Preset>,

    /// The name of the Worker
    #[arg(long, default_value = "portcullis", value_parser = name)]
    name: String,

    /// The folder to write to
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,

    /// How to write the configuration [default: as the existing one that --force overwrites, else toml]
    #[arg(long, value_enum)]
    format: Option<ConfigurationFormat>,

    /// Overwrite an existing configuration
    #[arg(long)]
    force: bool,

    /// Print the configuration instead of writing it
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
  portcullis init --issuer https://accounts.example.com --preset oidc \\
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
        check_target(args, file, &path)?;
    }
    let answers = answers(args, output)?;
    let toml = configuration::write(&answers, &args.dir);
    let text = match ConfigurationFormat::of(file) {
        ConfigurationFormat::Toml => toml.clone(),
        ConfigurationFormat::Jsonc => jsonc::write(&answers, &args.dir),
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
    save(&path, &text, args.force)?;
    let tests = in_folder(TESTS);
    let has_tests = tests.exists();
    if !has_tests {
        save(&tests, &policy_test::write(&answers.audience, &args.dir), false)?;
    }
    output.line(&next_steps(args, &path, (!has_tests).then_some(tests.as_path())));
    Ok(Completion::Clean)
}

/// The name of the configuration: by the format, or else that of the one that is there.
fn file_name(args: &InitArgs) -> &'static str {
    match args.format {
        Some(ConfigurationFormat::Toml) => "wrangler.toml",
        Some(ConfigurationFormat::Jsonc) => "wrangler.jsonc",
        None => existing(args).unwrap_or("wrangler.toml"),
    }
}

/// The configuration in the folder that wrangler takes.
fn existing(args: &InitArgs) -> Option<&'static str> {
    NAMES.into_iter().find(|name| args.dir.join(name).exists())
}

/// Fails before any question is asked, rather than after all of them.
fn check_target(args: &InitArgs, file: &str, path: &Path) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(Failure::new(format!("{} is not a folder", args.dir.display())));
    }
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
    if let Some(other) = existing(args).filter(|other| *other != file && !args.force) {
        return Err(Failure::new(format!(
            "{other} exists, and wrangler would read {file} instead of it; --force writes it"
        )));
    }
    if path.exists() && !args.force { Err(is_there(path)) } else { Ok(()) }
}

fn is_there(path: &Path) -> Failure {
    let path = path.display();
    Failure::new(format!("{path} already exists; --force overwrites it, --dir writes elsewhere, --dry-run prints"))
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
    let issuer = asker.ask(
        &args.issuer,
        "Who issues the tokens? Exactly as in their iss, like https://tenant.logto.app/oidc",
        issuer,
    )?;
    let audience = asker.ask(
        &args.audience,
        "Which audience must they have? As in their aud, like https://api.example.com",
        audience,
    )?;
    let origin = asker.ask(&args.origin, "Which origin is behind the gate? Like https://origin.example.com", origin)?;
    if let Some(meant) = logto_issuer(&issuer) {
        let note = format!("note: Logto's tokens have the issuer {meant}, not {}", printable(&issuer));
        output.note(&wrap(&note, output.width(), "  "));
    }
    let preset = args.preset.unwrap_or_else(|| Preset::of(&issuer));
    Ok(Answers { issuer, audience, origin, preset, name: args.name.clone() })
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
    let saved = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    saved.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::new(format!("cannot write {}: {error}", path.display())),
    })
}

fn next_steps(args: &InitArgs, path: &Path, tests: Option<&Path>) -> String {
    let file = path.display();
    let tests = tests.map(|tests| format!(" and {}", tests.display())).unwrap_or_default();
    let build = if configuration::is_checkout(&args.dir) {
        ""
    } else {
        "\n  copy build/ from a checkout of Portcullis here (npm run build creates it)"
    };
    let go = if args.dir == Path::new(".") { String::new() } else { format!("\n  cd {}", args.dir.display()) };
    format!(
        "Wrote {file}{tests}. Next:{go}{build}
  npx wrangler kv namespace create JWKS    and put its id into the file
  portcullis check --online
  portcullis test
  npx wrangler deploy"
    )
}
