//! What `push` and `promote` say alike.

use super::changes::Changes;
use super::checked::CheckedPolicy;
use crate::output::Output;

/// The end of a dry run.
pub(super) const UNCHANGED: &str = "Nothing was written.";

/// Lists what a candidate changes in the policy of the store.
pub(super) fn compare(current: Option<&str>, candidate: &CheckedPolicy, output: &Output) {
    let changes = Changes::between(current, &candidate.text);
    changes.tell(output);
    if changes.is_none() {
        output.line("It does not differ from the policy in force.");
    }
}

/// Names a candidate.
pub(super) fn digest(digest: &str) -> String {
    format!("The digest of the candidate is {digest}.")
}

/// A policy was written.
pub(super) fn in_force(binding: &str, policy: &CheckedPolicy) -> String {
    format!("{binding} now has the policy, with {}; gates pick it up within two minutes.", policy.routes())
}
