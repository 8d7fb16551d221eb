//! The tool as a page asks it: one question, one answer.

fn main() {
    portcullis_cli::workbench::main();
}
