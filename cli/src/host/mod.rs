//! What the tool needs from its machine besides files, arguments and environment: the network, other programs and the
//! terminal. The native tool asks the operating system; in WebAssembly, JavaScript is asked: Node, or the
//! page of the workbench.

#[cfg(target_os = "wasi")]
pub(crate) mod javascript;
#[cfg(not(target_os = "wasi"))]
mod native;
#[cfg(all(target_os = "wasi", feature = "workbench"))]
mod signatures;
mod words;
mod work;

#[cfg(target_os = "wasi")]
use javascript as machine;
#[cfg(not(target_os = "wasi"))]
use native as machine;
#[cfg(not(all(target_os = "wasi", feature = "workbench")))]
pub(crate) use portcullis::native::NativeCrypto as Signatures;
#[cfg(all(target_os = "wasi", feature = "workbench"))]
pub(crate) use signatures::Signatures;

use serde_json::Value;

pub(crate) use work::{Ended, Program, Request, Response};

/// Prepares the process: called once, first.
pub(crate) fn prepare() {
    machine::prepare();
}

/// Gets a document, without following redirects.
///
/// # Errors
/// There is no complete response in time.
pub(crate) fn get(request: &Request<'_>) -> Result<Response, String> {
    machine::get(request)
}

/// Runs a program.
///
/// # Errors
/// It cannot be started.
pub(crate) fn run(program: &Program<'_>) -> Result<Ended, String> {
    machine::run(program)
}

/// Runs a gate on this machine; what to run is described by `plan`.
///
/// # Errors
/// The machine cannot.
pub(crate) fn serve(plan: &Value) -> Result<(), String> {
    machine::serve(plan)
}

/// What the page asks of the tool.
#[cfg(all(target_os = "wasi", feature = "workbench"))]
pub(crate) fn question() -> Option<String> {
    machine::question()
}

/// Gives the page the answer.
#[cfg(all(target_os = "wasi", feature = "workbench"))]
pub(crate) fn answer(answer: &Value) {
    machine::answer(answer);
}

/// The width of the terminal that standard output goes to, in columns; `None` if it goes elsewhere.
pub(crate) fn columns() -> Option<usize> {
    machine::columns()
}
