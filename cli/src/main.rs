//! `portcullis`, the tool for the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis_cli::main()
}
