//! A policy, and the findings about it.

use std::collections::HashSet;

use portcullis::policy::{Place, PlaceStep, Policy};

use crate::document::SourceValue;
use crate::finding::rule::FindingRule;
use crate::finding::{Finding, Highlight};

/// A policy, and the findings about it so far.
pub(super) struct Linter<'p> {
    pub(super) policy: &'p Policy,
    pub(super) value: &'p SourceValue,
    pub(super) findings: Vec<Finding>,
}

impl<'p> Linter<'p> {
    pub(super) fn note(
        &mut self,
        rule: &FindingRule,
        steps: &[PlaceStep<&str>],
        message: impl Into<String>,
    ) -> &mut Finding {
        let place = Place::at(steps);
        let span = Highlight::Value.span(self.value, &place);
        self.findings.push(Finding { place, ..Finding::new(rule, span, message) });
        // The element that was just pushed.
        let last = self.findings.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the list is not empty")]
        &mut self.findings[last]
    }

    /// The same as [`Self::note`] for a finding that another place is part of.
    pub(super) fn note_beside(
        &mut self,
        rule: &FindingRule,
        steps: &[PlaceStep<&str>],
        message: impl Into<String>,
        other: &[PlaceStep<&str>],
    ) -> &mut Finding {
        let other = Place::at(other);
        let related = (Highlight::Value.span(self.value, &other), other.to_string());
        let finding = self.note(rule, steps, message);
        finding.related = Some(related);
        finding
    }

    /// The places of the findings of this kind.
    pub(super) fn places_of(&self, rule: &FindingRule) -> HashSet<String> {
        let findings = self.findings.iter().filter(|finding| finding.rule == rule.name);
        findings.map(|finding| finding.place.to_string()).collect()
    }

    /// The routes as they are written, in the order of `policy.routes`.
    pub(super) fn routes(&self) -> &'p [SourceValue] {
        self.value.list("routes")
    }
}

/// The place of a route.
pub(super) fn route(index: usize) -> [PlaceStep<&'static str>; 2] {
    [PlaceStep::Key("routes"), PlaceStep::Index(index)]
}

/// The place of a key of a route.
pub(super) fn route_key(index: usize, key: &str) -> [PlaceStep<&str>; 3] {
    [PlaceStep::Key("routes"), PlaceStep::Index(index), PlaceStep::Key(key)]
}
