//! `portcullis push`: stores a checked policy in Workers KV.

mod changes;
mod wrangler;

use portcullis::rollout::MAX_POLICY_BYTES;

use self::changes::Changes;
use self::wrangler::Wrangler;
use crate::exit::{Completion, Failure};
use crate::finding::human;
use crate::finding::rule::Severity;
use crate::lint;
use crate::output::{Output, Stream};
use crate::policy::{LoadedPolicy, PolicyInput, load};

/// Check a policy, then store it in Workers KV
///
/// A gate with a namespace bound as POLICY_KV picks it up without a deployment. A policy with errors is not written;
/// warnings are shown. Wrangler does the writing, with its own login and configuration.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// Show what would change, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    wrangler: Wrangler,
}

const EXAMPLES: &str = "\
Examples:
  portcullis push policy.toml                      to the deployed Worker's KV
  portcullis push policy.toml --dry-run            what would change
  portcullis push policy.toml --local              to the KV of `wrangler dev`
  portcullis push policy.toml -- --env staging     options of wrangler";

pub(crate) fn run(args: &PushArgs, output: &Output) -> Result<Completion, Failure> {
    let loaded = load(&args.input.file, &args.input.reading, output)?;
    let text = loaded.json();
    if text.len() > MAX_POLICY_BYTES {
        let message = format!("the policy has {} bytes, expected at most {MAX_POLICY_BYTES}", text.len());
        return Err(Failure::new(message));
    }
    let mut warnings = lint::policy(&loaded.policy, &loaded.value);
    warnings.retain(|finding| finding.severity == Severity::Warning);
    human::write(&warnings, &loaded.source, output, Stream::Err);
    let (binding, environment) = (args.wrangler.binding(), args.input.reading.env.as_deref());
    output.note(&format!("Reading {binding} ..."));
    let changes = Changes::between(args.wrangler.read(environment)?.as_deref(), &text);
    changes.tell(output);
    if changes.is_none() {
        output.line(&format!("{binding} already has this policy."));
    } else if args.dry_run {
        output.line("Nothing was written.");
    } else {
        output.note(&format!("Writing {} bytes to {binding} ...", text.len()));
        args.wrangler.write(environment, &text)?;
        output.line(&pushed(&loaded, binding));
    }
    Ok(Completion::Clean)
}

fn pushed(loaded: &LoadedPolicy, binding: &str) -> String {
    let routes = loaded.policy.routes.len();
    let plural = if routes == 1 { "" } else { "s" };
    format!("{binding} now has the policy, with {routes} route{plural}; gates pick it up within two minutes.")
}
