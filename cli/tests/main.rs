//! The command-line tool, as its users run it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed")]
#![allow(clippy::expect_used, clippy::string_slice, missing_docs, reason = "a test that panics has failed")]

mod check;
mod check_texts;
mod configuration;
mod diff;
mod docs;
mod examples;
mod explain;
mod explain_agrees;
mod explain_checks;
mod import;
mod import_requests;
mod import_servers;
mod init;
mod lint_routes;
mod lint_workers;
mod lints;
mod online;
mod policy_test_files;
mod policy_tests;
mod provider;
mod revoke;
mod routes;
mod schema;
mod server;
mod status;
#[path = "../../tests/support/mod.rs"]
mod support;
mod tool;
