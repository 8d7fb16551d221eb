//! The list of revocations.

use portcullis::revocation::API_PATH;
use portcullis::time::UnixSeconds;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::gate::{Purpose, RemoteGate};
use crate::output::{Output, printable};
use crate::trial::time;

/// What the gate is asked for.
pub(super) const PURPOSE: Purpose =
    Purpose { noun: "list of revocations", act: "to revoke tokens", key: "revocation.api" };

/// More pages than a gate has.
const MAX_PAGES: usize = 1000;

/// A page of the list.
#[derive(Deserialize)]
struct Page {
    entries: Vec<Map<String, Value>>,
    cursor: Option<String>,
}

/// All entries; what is wrong, in words, if the gate does not give them.
pub(super) fn all(gate: &RemoteGate<'_>) -> Result<Result<Vec<Map<String, Value>>, String>, Failure> {
    let (mut entries, mut path) = (Vec::new(), API_PATH.to_owned());
    for _ in 0..MAX_PAGES {
        let answer = match gate.ask(&path, None, &PURPOSE)? {
            Ok(answer) => answer,
            Err(problem) => return Ok(Err(problem)),
        };
        let Ok(page) = serde_json::from_str::<Page>(&answer.body) else {
            return Ok(Err("what answers is not the list of a gate".to_owned()));
        };
        entries.extend(page.entries);
        match page.cursor {
            None => return Ok(Ok(entries)),
            Some(cursor) if cursor.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                path = format!("{API_PATH}?cursor={cursor}");
            }
            Some(_) => break,
        }
    }
    Ok(Err("the list does not end".to_owned()))
}

/// Prints entries, the latest first.
pub(super) fn human(entries: &[Map<String, Value>], output: &Output) {
    let before = |entry: &Map<String, Value>| entry.get("before").and_then(Value::as_u64).unwrap_or_default();
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by_key(|entry| std::cmp::Reverse(before(entry)));
    if sorted.is_empty() {
        output.line("nothing is revoked");
    }
    for entry in sorted {
        output.line(&printable(&format!("before {}  {}", time::show(UnixSeconds(before(entry))), named(entry))));
    }
}

/// What an entry names.
pub(super) fn named(entry: &Map<String, Value>) -> String {
    let of = |name: &str| Some(format!("{name} {}", entry.get(name)?.as_str()?));
    let names = ["issuer", "sub", "client_id", "organization", "jti", "sid"];
    names.into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
}
