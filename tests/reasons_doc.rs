//! The table of reasons in docs/operations.md is made of the enum. `UPDATE_SNAPSHOTS=1` writes it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that panics has failed")]

use std::fs;
use std::path::Path;

use portcullis::reason::Reason;

/// What stands before the rows, and what ends them.
const HEAD: &str = "| status | code | reason | what to do |\n|---|---|---|---|\n";
const END: &str = "\n\n";

#[test]
fn the_table_of_reasons_is_that_of_the_enum() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(HEAD).unwrap();
    let (rows, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, format!("{before}{HEAD}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(rows, table(), "docs/operations.md");
    }
}

#[test]
fn the_rows_can_be_read_as_a_table() {
    for row in table().lines() {
        assert_eq!(row.matches(" | ").count(), 3, "{row}");
    }
}

fn table() -> String {
    let row = |reason: Reason| {
        let text = reason.text();
        format!("| {} | `{}` | `{}` | {} |", text.status, text.code, text.word, reason.advice())
    };
    Reason::ALL.map(row).join("\n")
}
