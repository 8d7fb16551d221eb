//! JavaScript, which runs the tool in WebAssembly: Node (npm/host/host.mjs) or the workbench (site/src/tool). It is asked in
//! JSON; an answer is a line of JSON, then bytes.

#![allow(unsafe_code, reason = "imports of WebAssembly are foreign functions")]

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::words;
use super::work::{Ended, Program, Request, Response};

#[link(wasm_import_module = "portcullis")]
unsafe extern "C" {
    /// Does what the text of this length asks for; returns the length of the answer, which `take` copies.
    fn ask(question: *const u8, length: usize) -> usize;

    /// Copies the answer to the last question.
    fn take(answer: *mut u8);
}

/// The variable with the current folder, which the sandbox has no other way to tell.
const FOLDER: &str = "PORTCULLIS_FOLDER";

/// Node's codes of failures that have words of their own.
const CODES: [(&str, &str); 6] = [
    ("ECONNREFUSED", words::REFUSED),
    ("ECONNRESET", words::CLOSED),
    ("EPIPE", words::CLOSED),
    ("UND_ERR_SOCKET", words::CLOSED),
    ("ENOTFOUND", words::NOT_FOUND),
    ("EAI_AGAIN", words::NOT_FOUND),
];

pub(super) fn prepare() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        // A folder that cannot be entered shows with the first file.
        let _ = std::env::set_current_dir(folder);
    }
}

/// A failure.
#[derive(Deserialize)]
pub(crate) struct Problem {
    /// Node's code, like `ECONNREFUSED`; `TIMEOUT` if the time is over.
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Head {
    status: u16,
    etag: Option<String>,
    cache_control: Option<String>,
}

pub(super) fn get(request: &Request<'_>) -> Result<Response, String> {
    let Request { url, headers, timeout_ms, max_bytes, body, reads_refusals } = request;
    let question = json!({
        "get": url, "headers": headers, "milliseconds": timeout_ms, "bytes": max_bytes, "body": body,
        "refusals": reads_refusals,
    });
    let (head, body): (Head, _) = asked(&question).map_err(|problem| match problem.code.as_str() {
        "TIMEOUT" => words::timed_out(request.timeout_ms),
        code => {
            CODES.iter().find(|(known, _)| *known == code).map_or(problem.message, |(_, words)| (*words).to_owned())
        }
    })?;
    Ok(Response { status: head.status, etag: head.etag, cache_control: head.cache_control, body })
}

#[derive(Deserialize)]
struct End {
    is_success: bool,
    status: String,
}

pub(super) fn run(program: &Program<'_>) -> Result<Ended, String> {
    let Program { name, args, folder, without, input } = program;
    let folder = if *folder == Path::new("") { Path::new(".") } else { folder };
    let question = json!({"run": name, "args": args, "folder": folder, "without": without, "input": input});
    let (End { is_success, status }, out) = asked(&question).map_err(|problem| problem.message)?;
    Ok(Ended { is_success, status, out })
}

/// Node serves once the tool has ended.
pub(super) fn serve(plan: &Value) -> Result<(), String> {
    asked::<()>(&json!({"serve": plan})).map(drop).map_err(|problem| problem.message)
}

pub(super) fn columns() -> Option<usize> {
    asked(&json!({"columns": null})).map_or(None, |(columns, _)| columns)
}

#[cfg(feature = "workbench")]
pub(super) fn question() -> Option<String> {
    let (_, bytes) = asked::<Value>(&json!({"question": null})).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(feature = "workbench")]
pub(super) fn answer(answer: &Value) {
    // A page that does not take it has gone.
    let _ = asked::<Value>(&json!({"answer": answer}));
}

/// The line of an answer, and its bytes.
pub(crate) fn asked<T: for<'a> Deserialize<'a>>(question: &Value) -> Result<(T, Vec<u8>), Problem> {
    let question = question.to_string();
    // SAFETY: `ask` reads `question.len()` bytes, and `take` writes as many as `ask` said, to a buffer of that length.
    let answer = unsafe {
        let mut answer = vec![0; ask(question.as_ptr(), question.len())];
        take(answer.as_mut_ptr());
        answer
    };
    let unreadable = || Problem { code: String::new(), message: "Node gave no answer".to_owned() };
    let end = answer.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
    let (line, bytes) = answer.split_at_checked(end).ok_or_else(unreadable)?;
    let found: Result<T, Problem> = match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(mut members)) => match members.remove("problem") {
            Some(problem) => Err(serde_json::from_value(problem).unwrap_or_else(|_| unreadable())),
            None => members.remove("is").and_then(|is| serde_json::from_value(is).ok()).ok_or_else(unreadable),
        },
        _ => Err(unreadable()),
    };
    found.map(|found| (found, bytes.iter().skip(1).copied().collect()))
}
