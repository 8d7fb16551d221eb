//! `portcullis push`: stores a checked policy in Workers KV.

mod changes;
mod options;
mod target;
mod wrangler;

use portcullis::rollout::MAX_POLICY_BYTES;

use self::changes::Changes;
use self::options::PushOptions;
use self::target::Target;
use self::wrangler::Wrangler;
use crate::document::is_configuration;
use crate::exit::{Completion, Failure};
use crate::finding::human;
use crate::finding::rule::Severity;
use crate::lint;
use crate::output::{Output, Stream, wrap};
use crate::policy::{LoadedPolicy, PolicyInput, ReadOptions, parsed, select};

/// Check a policy, then store it in Workers KV
///
/// A gate with a namespace bound as POLICY_KV picks it up without a deployment. The namespace is that of the
/// configuration that FILE is, or of the one that wrangler finds from the folder of FILE, whatever the current folder
/// is. A policy with errors is not written; warnings are shown. Wrangler does the writing, with its own login.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// Show what would change, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    options: PushOptions,
}

const EXAMPLES: &str = "\
Examples:
  portcullis push policy.toml                      to the deployed Worker's KV
  portcullis push policy.toml --dry-run            what would change
  portcullis push policy.toml --local              to the KV of `wrangler dev`
  portcullis push policy.toml --env staging        to the KV of an environment
  portcullis push policy.toml -- --persist-to kv   options of wrangler";

pub(crate) fn run(args: &PushArgs, output: &Output) -> Result<Completion, Failure> {
    let options = args.options.with_those_of_wrangler(&args.input.reading)?;
    let path = args.input.path()?;
    let document = parsed(&path, &args.input.reading, output)?;
    let target = Target::of(&path, &document, &options, output)?;
    // A policy in a file of its own can be for any environment.
    let is_whole = is_configuration(&document.source, &document.root);
    let env = is_whole.then(|| options.environment.clone().unwrap_or_default());
    let loaded = select(document, &ReadOptions { env, syntax: None }, output)?;
    let text = loaded.json();
    if text.len() > MAX_POLICY_BYTES {
        let message = format!("the policy has {} bytes, expected at most {MAX_POLICY_BYTES}", text.len());
        return Err(Failure::new(message));
    }
    let mut warnings = lint::policy(&loaded.policy, &loaded.value);
    warnings.retain(|finding| finding.severity == Severity::Warning);
    human::write(&warnings, &loaded.source, output, Stream::Err);
    let wrangler = Wrangler::new(&target, &options);
    let binding = &options.binding;
    output.note(&wrap(&format!("Reading {target} ..."), output.width(), "  "));
    let changes = Changes::between(wrangler.read()?.as_deref(), &text);
    changes.tell(output);
    if changes.is_none() {
        output.line(&format!("{binding} already has this policy."));
    } else if args.dry_run {
        output.line("Nothing was written.");
    } else {
        output.note(&wrap(&format!("Writing {} bytes to {target} ...", text.len()), output.width(), "  "));
        wrangler.write(&text)?;
        output.line(&pushed(&loaded, binding));
    }
    Ok(Completion::Clean)
}

fn pushed(loaded: &LoadedPolicy, binding: &str) -> String {
    let routes = loaded.policy.routes.len();
    let plural = if routes == 1 { "" } else { "s" };
    format!("{binding} now has the policy, with {routes} route{plural}; gates pick it up within two minutes.")
}
