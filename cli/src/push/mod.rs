//! `portcullis push`: a policy that was checked goes into Workers KV.

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

/// Check a policy, then put it into Workers KV
///
/// The gate takes it up without a deployment, where a namespace is bound as POLICY_KV. A policy with errors is not
/// written; warnings are shown. Wrangler writes it, with its own login and configuration.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// Say what would change, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    wrangler: Wrangler,
}

const EXAMPLES: &str = "\
Examples:
  portcullis push policy.toml                      to the deployed Worker's KV
  portcullis push policy.toml --dry-run            what would change
  portcullis push policy.toml --local              to that of `wrangler dev`
  portcullis push policy.toml -- --env staging     what follows -- is wrangler's";

pub(crate) fn run(args: &PushArgs, output: &Output) -> Result<Completion, Failure> {
    let loaded = load(&args.input.file, &args.input.reading, output)?;
    let text = loaded.json();
    if text.len() > MAX_POLICY_BYTES {
        let message = format!("the policy has {} bytes, expected {MAX_POLICY_BYTES} at the most", text.len());
        return Err(Failure::new(message));
    }
    let mut warnings = lint::policy(&loaded.policy, &loaded.value);
    warnings.retain(|finding| finding.severity == Severity::Warning);
    human::write(&warnings, &loaded.source, output, Stream::Err);
    let (binding, environment) = (args.wrangler.binding(), args.input.reading.env.as_deref());
    output.note(&format!("Reading what {binding} has ..."));
    let changes = Changes::between(args.wrangler.read(environment)?.as_deref(), &text);
    changes.tell(output);
    if changes.is_none() {
        output.line(&format!("{binding} has this policy already."));
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
    format!("{binding} has the policy of {routes} route{plural} now; gates take it up within two minutes.")
}
