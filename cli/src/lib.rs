//! `portcullis`: checks, explains and tests policies with the code that decides on the edge: the tool for the command line,
//! and what the workbench asks of it.

#![cfg_attr(feature = "workbench", allow(dead_code, reason = "the page has no use for most commands"))]

mod area;
mod check;
mod configuration;
mod dev;
mod diff;
mod document;
mod exit;
mod explain;
mod finding;
mod gate;
mod host;
mod import;
mod init;
mod json;
mod lint;
mod openapi;
mod output;
mod policy;
mod push;
mod revoke;
mod routes;
mod schema;
mod spelling;
mod status;
mod test;
mod trial;
mod web;
pub mod workbench;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::{Completion, Failure};
use finding::human;
use output::{Color, Output};

/// Write, check and understand the policy of a Portcullis gate.
///
/// Every command reads policies with the same code as the Worker, so what it reports holds there too.
#[derive(Parser)]
#[command(name = "portcullis", version, max_term_width = 80, after_help = EXIT_CODES)]
struct Cli {
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN")]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::InitArgs),
    Dev(dev::DevArgs),
    Check(check::CheckArgs),
    Diff(diff::DiffArgs),
    Routes(routes::RoutesArgs),
    Explain(explain::ExplainArgs),
    Test(test::TestArgs),
    Import(import::ImportArgs),
    Push(push::PushArgs),
    Promote(push::promote::PromoteArgs),
    Status(status::StatusArgs),
    Revoke(revoke::RevokeArgs),
    Schema(schema::SchemaArgs),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  findings, a failed test, a decision other than --expect says, a gate that
     refuses what it is asked, or a promoted candidate that could not be deleted
  2  nothing was done: a usage error, a file that cannot be read or written, or,
     where a command needs a valid policy, one with errors";

/// Runs the command that the arguments of the process name.
#[must_use]
pub fn main() -> ExitCode {
    host::prepare();
    // clap itself exits with 2 on a usage error.
    let cli = Cli::parse();
    let output = Output::new(cli.color);
    let result = run(cli.command, &output);
    match output.lost().map_or(result, |kind| Err(Failure::new(format!("cannot write the results: {kind}")))) {
        Ok(Completion::Clean) => ExitCode::SUCCESS,
        Ok(Completion::Findings) => ExitCode::from(1),
        Err(failure) => {
            human::report(&failure, &output);
            ExitCode::from(2)
        }
    }
}

fn run(command: Command, output: &Output) -> Result<Completion, Failure> {
    match command {
        Command::Check(args) => check::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Push(args) => push::run(&args, output),
        Command::Promote(args) => push::promote::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Revoke(args) => revoke::run(&args, output),
        Command::Routes(args) => routes::run(&args, output),
        Command::Schema(args) => schema::run(&args, output),
        Command::Import(args) => import::run(&args, output),
        Command::Test(args) => test::run(&args, output),
        Command::Dev(args) => dev::run(&args),
        Command::Init(args) => init::run(&args, output),
    }
}
