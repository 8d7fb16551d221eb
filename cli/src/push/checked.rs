//! A policy that may be written to Workers KV.

use portcullis::rollout::{MAX_POLICY_BYTES, digest};

use super::options::TargetOptions;
use super::target::Target;
use crate::document::{Source, is_configuration};
use crate::exit::Failure;
use crate::finding::human;
use crate::finding::rule::Severity;
use crate::lint;
use crate::output::{Output, Stream, printable};
use crate::policy::{LoadedPolicy, PolicyInput, ReadOptions, parsed, select, stored};

/// The text of a valid policy that fits into KV. Its warnings were shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckedPolicy {
    pub(super) text: String,
    /// What messages call it: its file, or its key in KV.
    pub(super) name: String,
    routes: usize,
}

impl CheckedPolicy {
    /// The policy of a file in JSON, and the namespace that it is for.
    ///
    /// # Errors
    /// It has errors, is too large, or no namespace is bound for it.
    pub(super) fn of_file(
        input: &PolicyInput,
        options: &TargetOptions,
        output: &Output,
    ) -> Result<(Self, Target), Failure> {
        let path = input.path()?;
        let document = parsed(Source::read(&path, input.reading.syntax)?)?;
        let target = Target::of(&path, &document, options)?;
        // A policy in a file of its own can be for any environment.
        let is_whole = is_configuration(&document.source, &document.root);
        let env = is_whole.then(|| options.environment.clone().unwrap_or_default());
        let loaded = select(document, &ReadOptions { env, syntax: None })?;
        Ok((Self::new(loaded.json(), &loaded, output)?, target))
    }

    /// A policy that is in KV already, under this key.
    ///
    /// # Errors
    /// It has errors, or is too large.
    pub(super) fn of_store(key: &str, text: String, output: &Output) -> Result<Self, Failure> {
        check_size(&text)?;
        let loaded = stored(key, &text)?;
        Self::new(text, &loaded, output)
    }

    fn new(text: String, loaded: &LoadedPolicy, output: &Output) -> Result<Self, Failure> {
        check_size(&text)?;
        let mut warnings = lint::policy(&loaded.policy, &loaded.value);
        warnings.retain(|finding| finding.severity == Severity::Warning);
        human::write(&warnings, &loaded.source, output, Stream::Err);
        Ok(Self { text, name: printable(&loaded.source.name), routes: loaded.policy.routes.len() })
    }

    /// By which operators compare it.
    pub(super) fn digest(&self) -> String {
        digest(&self.text)
    }

    /// How many routes it has, in words.
    pub(super) fn routes(&self) -> String {
        format!("{} route{}", self.routes, if self.routes == 1 { "" } else { "s" })
    }
}

fn check_size(text: &str) -> Result<(), Failure> {
    if text.len() <= MAX_POLICY_BYTES {
        return Ok(());
    }
    Err(Failure::new(format!("the policy has {} bytes, expected at most {MAX_POLICY_BYTES}", text.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;

    const POLICY: &str = r#"{"version":1,"routes":[{"path":"/","access":"deny"}]}"#;

    fn checked(text: &str) -> Result<CheckedPolicy, Failure> {
        CheckedPolicy::of_store("policy:candidate", text.to_owned(), &Output::new(Color::Never))
    }

    #[test]
    fn what_is_in_the_store_is_checked_as_the_gate_checks_it_and_stays_as_it_is() {
        let spaced = POLICY.replace(':', ": ") + "\n";
        let expected = CheckedPolicy { text: spaced.clone(), name: "policy:candidate".to_owned(), routes: 1 };
        assert_eq!(checked(&spaced).unwrap(), expected);
        let configuration = format!(r#"{{"name":"gate","vars":{{"POLICY":{POLICY}}}}}"#);
        let twice = POLICY.replace(r#""version":1"#, r#""version":1,"version":1"#);
        let marked = format!("\u{feff}{POLICY}");
        for bad in ["", "null", "version = 1", "{}", &configuration, &twice, &marked] {
            assert!(matches!(checked(bad), Err(Failure::Findings(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_in_the_store_fits_into_the_gate() {
        let padded = |bytes: usize| format!("{POLICY}{}", " ".repeat(bytes - POLICY.len()));
        assert!(checked(&padded(MAX_POLICY_BYTES)).is_ok());
        assert!(matches!(checked(&padded(MAX_POLICY_BYTES + 1)), Err(Failure::Message(_))));
    }
}
