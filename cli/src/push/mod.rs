//! `portcullis push` and `portcullis promote`: checked policies in Workers KV, in force or to be judged first.

mod changes;
mod checked;
mod options;
pub(crate) mod promote;
mod target;
mod words;
mod wrangler;

use portcullis::rollout::{CANDIDATE_KEY, POLICY_KEY, digest};

use self::changes::Changes;
use self::checked::CheckedPolicy;
use self::options::TargetOptions;
use self::target::Target;
use self::wrangler::Wrangler;
use crate::exit::{Completion, Failure};
use crate::output::Output;
use crate::policy::PolicyInput;

/// Check a policy, then store it in Workers KV
///
/// A gate with a namespace bound as POLICY_KV picks it up without a deployment. The namespace is that of the
/// configuration that FILE is, or of the one that wrangler finds from the folder of FILE, whatever the current folder
/// is. A policy with errors is not written; warnings are shown. Wrangler does the writing, with its own login.
///
/// With --candidate the policy decides each request too, behind the response, and the gate logs where it differs from
/// the policy in force. `portcullis promote` puts it in force.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// Store the policy as the candidate, which is judged and not enforced
    #[arg(long)]
    candidate: bool,

    /// Delete the candidate from the namespace of the configuration
    #[arg(long, conflicts_with_all = ["candidate", "file", "syntax"])]
    drop_candidate: bool,

    /// Show what would change, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    options: TargetOptions,
}

const EXAMPLES: &str = "\
Examples:
  portcullis push policy.toml                      to the deployed Worker's KV
  portcullis push policy.toml --dry-run            what would change
  portcullis push policy.toml --local              to the KV of `wrangler dev`
  portcullis push policy.toml --env staging        to the KV of an environment
  portcullis push policy.toml -- --persist-to kv   options of wrangler
  portcullis push policy.toml --candidate          to be judged, not enforced
  portcullis push --drop-candidate                 no longer to be judged";

pub(crate) fn run(args: &PushArgs, output: &Output) -> Result<Completion, Failure> {
    let options = args.options.with_those_of_wrangler(&args.input.reading)?;
    if args.drop_candidate {
        let target = Target::of_configuration(&options)?;
        drop_candidate(&Wrangler::new(target, options)?, args.dry_run, output)?;
        return Ok(Completion::Clean);
    }
    let (policy, target) = CheckedPolicy::of_file(&args.input, &options, output)?;
    let wrangler = Wrangler::new(target, options)?;
    let push = if args.candidate { push_candidate } else { push_policy };
    push(&policy, &wrangler, args.dry_run, output)?;
    Ok(Completion::Clean)
}

fn push_policy(policy: &CheckedPolicy, wrangler: &Wrangler, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let changes = Changes::between(wrangler.stored(output)?.read(POLICY_KEY)?.as_deref(), &policy.text);
    changes.tell(output);
    if changes.is_none() {
        output.line(&format!("{} already has this policy.", wrangler.binding()));
    } else if dry_run {
        output.line(words::UNCHANGED);
    } else {
        wrangler.write(POLICY_KEY, &policy.text, output)?;
        output.line(&words::in_force(wrangler.binding(), policy));
    }
    Ok(())
}

fn push_candidate(policy: &CheckedPolicy, wrangler: &Wrangler, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let stored = wrangler.stored(output)?;
    words::compare(stored.read(POLICY_KEY)?.as_deref(), policy, output);
    let (former, binding) = (stored.read(CANDIDATE_KEY)?, wrangler.binding());
    let is_there = former.as_ref() == Some(&policy.text);
    output.line(&match former {
        None => "There was no candidate.".to_owned(),
        Some(_) if is_there => format!("{binding} already has this candidate."),
        Some(former) => format!("It replaces the candidate with the digest {}.", digest(&former)),
    });
    output.line(&words::digest(&policy.digest()));
    if is_there {
        return Ok(());
    }
    if dry_run {
        output.line(words::UNCHANGED);
        return Ok(());
    }
    wrangler.write(CANDIDATE_KEY, &policy.text, output)?;
    let routes = policy.routes();
    output.line(&format!("{binding} now has the candidate, with {routes}; gates pick it up within two minutes."));
    Ok(())
}

fn drop_candidate(wrangler: &Wrangler, dry_run: bool, output: &Output) -> Result<(), Failure> {
    let binding = wrangler.binding();
    let Some(candidate) = wrangler.stored(output)?.read(CANDIDATE_KEY)? else {
        output.line(&format!("{binding} has no candidate."));
        return Ok(());
    };
    output.line(&words::digest(&digest(&candidate)));
    if dry_run {
        output.line("Nothing was deleted.");
        return Ok(());
    }
    wrangler.delete(CANDIDATE_KEY, output)?;
    output.line(&format!("{binding} has no candidate any more; gates notice within two minutes."));
    Ok(())
}
