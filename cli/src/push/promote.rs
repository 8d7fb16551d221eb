//! `portcullis promote`: the candidate that was judged becomes the policy.

use portcullis::rollout::{CANDIDATE_KEY, POLICY_KEY, digest};

use super::checked::CheckedPolicy;
use super::options::TargetOptions;
use super::target::Target;
use super::words;
use super::wrangler::Wrangler;
use crate::exit::{Completion, Failure};
use crate::output::Output;
use crate::policy::PolicyInput;

/// Put the candidate in Workers KV in force, if it is the one that was judged
///
/// The candidate must be the policy in FILE, as `portcullis push FILE --candidate` writes it, or have the digest that
/// --digest gives; with both, both. Otherwise nothing is written. It is checked again, becomes the policy, and is
/// deleted as the candidate.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    input: PolicyInput,

    /// The digest of the candidate, as `push --candidate` and `status` print it; FILE is then not needed
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    digest: Option<String>,

    /// Show what would change, and write nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    options: TargetOptions,
}

const EXAMPLES: &str = "\
Examples:
  portcullis promote policy.toml                 the one in this file
  portcullis promote --digest ba7816bf8f01cfea   the one with this digest
  portcullis promote policy.toml --dry-run       what would change

Exit codes:
  0  promoted, or --dry-run
  1  promoted, but the candidate could not be deleted
  2  nothing was written: there is no candidate or it is another, the policy has
     errors, or wrangler failed";

fn parse_digest(text: &str) -> Result<String, String> {
    let is_digest = text.len() == digest("").len() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_digest { Ok(text.to_ascii_lowercase()) } else { Err("expected 16 hexadecimal digits".to_owned()) }
}

pub(crate) fn run(args: &PromoteArgs, output: &Output) -> Result<Completion, Failure> {
    let options = args.options.with_those_of_wrangler(&args.input.reading)?;
    let (file, target) = if args.digest.is_some() && args.input.file.is_none() {
        (None, Target::of_configuration(&options)?)
    } else {
        let (policy, target) = CheckedPolicy::of_file(&args.input, &options, output)?;
        (Some(policy), target)
    };
    let wrangler = Wrangler::new(target, options)?;
    let binding = wrangler.binding();
    let stored = wrangler.stored(output)?;
    let Some(candidate) = stored.read(CANDIDATE_KEY)? else {
        return Err(Failure::new(format!("{binding} has no candidate: `portcullis push --candidate` writes one")));
    };
    check_is_expected(&candidate, args.digest.as_deref(), file.as_ref())
        .map_err(|other| Failure::new(format!("the candidate in {binding} {other}: nothing was written")))?;
    let policy = file.map_or_else(|| CheckedPolicy::of_store(CANDIDATE_KEY, candidate, output), Ok)?;
    words::compare(stored.read(POLICY_KEY)?.as_deref(), &policy, output);
    output.line(&words::digest(&policy.digest()));
    if args.dry_run {
        output.line(words::UNCHANGED);
        return Ok(Completion::Clean);
    }
    // A failure between the two leaves a candidate that is the policy, which differs in nothing.
    wrangler.write(POLICY_KEY, &policy.text, output)?;
    output.line(&words::in_force(binding, &policy));
    Ok(match wrangler.delete(CANDIDATE_KEY, output) {
        Ok(()) => Completion::Clean,
        Err(failure) => {
            output.error(&left_behind(&failure));
            Completion::Findings
        }
    })
}

/// Whether a candidate is the one that was judged: it has this digest, and is the policy of the file. The error says
/// what it is instead.
fn check_is_expected(candidate: &str, expected: Option<&str>, file: Option<&CheckedPolicy>) -> Result<(), String> {
    let found = digest(candidate);
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(format!("has the digest {found}, not {expected}"));
    }
    match file.filter(|policy| policy.text != candidate) {
        Some(policy) => Err(format!("has the digest {found}, the policy in {} has {}", policy.name, policy.digest())),
        None => Ok(()),
    }
}

fn left_behind(failure: &Failure) -> String {
    let reason = match failure {
        Failure::Message(message) => format!(" ({message})"),
        Failure::Findings(_) => String::new(),
    };
    format!(
        "the candidate was promoted, but not deleted{reason}: it is the same as the policy, so nothing is decided \
         otherwise; `portcullis push --drop-candidate` deletes it"
    )
}
