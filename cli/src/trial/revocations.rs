//! Revocations that trials take for those in the store.

use std::path::Path;

use portcullis::jose::json::Json;
use portcullis::policy::Policy;
use portcullis::revocation::book;
use portcullis::revocation::entry::Entry;
use portcullis::time::UnixSeconds;

use crate::document::Source;
use crate::exit::Failure;

/// When entries without a time take effect: they revoke whatever was issued.
const AFTER_ALL: UnixSeconds = UnixSeconds(UnixSeconds::MAX_RFC3339.0 - 3600);

/// Reads a file of entries: a list of them, or what `portcullis revoke --list --format json` prints. The list that a store
/// would have, as the gate reads it.
pub(crate) fn read(path: &Path, policy: &Policy) -> Result<String, Failure> {
    let source = Source::read(path, None)?;
    let wrong = |why: &dyn std::fmt::Display| Failure::new(format!("{} is no list of revocations: {why}", source.name));
    let document = Json::parse(&source.text).map_err(|error| wrong(&error))?;
    let listed = document.as_object().and_then(|object| object.get("entries")).unwrap_or(&document);
    let listed = listed.as_array().ok_or_else(|| wrong(&"expected a list of entries"))?;
    let issuers = || policy.issuers.iter().map(AsRef::as_ref);
    let entries = listed.iter().enumerate().map(|(index, entry)| {
        Entry::read(&entry.to_string(), issuers(), AFTER_ALL)
            .map_err(|problem| wrong(&format!("entries[{index}]: {problem}")))
    });
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    let list = book::with(None, &entries, UnixSeconds(0), "file").map_err(|fault| wrong(&fault))?;
    list.ok_or_else(|| wrong(&"it is too large"))
}
