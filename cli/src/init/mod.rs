//! `portcullis init`: the first configuration of a gate.

mod ask;
mod configuration;
mod provider;

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use portcullis::policy::Policy;
use portcullis::policy::url::{Origin, discovery_url};

use crate::exit::{Completion, Failure};
use crate::output::{Output, printable};

use ask::Asker;
use configuration::{Answers, Preset};

/// The configuration file of wrangler.
const FILE: &str = "wrangler.toml";

/// The files that wrangler prefers, if they exist.
const PREFERRED: [&str; 2] = ["wrangler.json", "wrangler.jsonc"];

/// Write the wrangler.toml of a new gate, with its policy
///
/// Prompts for what is not given, if there is a terminal. Reads the provider's discovery document as the gate will, and
/// writes wrangler.toml for the Worker that `npm run build` puts into build/.
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

    /// Overwrite an existing wrangler.toml
    #[arg(long)]
    force: bool,

    /// Print the file instead of writing it
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
      --audience https://api.example.com --origin https://10.0.0.7
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
    let path = if args.dir == Path::new(".") { PathBuf::from(FILE) } else { args.dir.join(FILE) };
    if !args.dry_run {
        check_target(args, &path)?;
    }
    let answers = answers(args, output)?;
    let text = configuration::write(&answers, &args.dir);
    let policy = match configuration::policy(&text) {
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
    output.line(&next_steps(args, &path));
    Ok(Completion::Clean)
}

/// Fails before any question is asked, rather than after all of them.
fn check_target(args: &InitArgs, path: &Path) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(Failure::new(format!("{} is not a folder", args.dir.display())));
    }
    if let Some(other) = PREFERRED.iter().find(|name| args.dir.join(name).exists()) {
        return Err(Failure::new(format!("{other} exists, and wrangler would read it instead of {FILE}")));
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

fn next_steps(args: &InitArgs, path: &Path) -> String {
    let file = path.display();
    let build = if configuration::is_checkout(&args.dir) {
        ""
    } else {
        "\n  copy build/ from a checkout of Portcullis here (npm run build creates it)"
    };
    let go = if args.dir == Path::new(".") { String::new() } else { format!("\n  cd {}", args.dir.display()) };
    format!(
        "Wrote {file}. Next:{go}{build}
  npx wrangler kv namespace create JWKS    and put its id into the file
  portcullis check --online
  npx wrangler deploy"
    )
}
