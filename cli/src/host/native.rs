//! The operating system.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, StatusCode, header};
use ureq::{Agent, Body, RequestBuilder};

use super::words;
use super::work::{Ended, Program, Request, Response};

pub(super) fn prepare() {}

pub(super) fn get(request: &Request<'_>) -> Result<Response, String> {
    let fault = |error| fault(&error, request.timeout_ms);
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(request.timeout_ms.into())))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = match request.body {
        None => with_headers(agent.get(request.url), request).call(),
        Some(body) => with_headers(agent.post(request.url), request).send(body),
    }
    .map_err(fault)?;
    let body = if request.reads_refusals || answer.status() == StatusCode::OK {
        read(answer.body_mut(), request.max_bytes).map_err(fault)?
    } else {
        Vec::new()
    };
    Ok(Response {
        status: answer.status().as_u16(),
        etag: text(answer.headers(), header::ETAG),
        cache_control: text(answer.headers(), header::CACHE_CONTROL),
        body,
    })
}

fn with_headers<B>(call: RequestBuilder<B>, request: &Request<'_>) -> RequestBuilder<B> {
    request.headers.iter().fold(call, |call, (name, value)| call.header(*name, *value))
}

fn read(body: &mut Body, max_bytes: usize) -> Result<Vec<u8>, ureq::Error> {
    let mut bytes = Vec::new();
    // One byte more tells a body that is over the limit.
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = io::Read::take(body.as_reader(), limit);
    io::Read::read_to_end(&mut reader, &mut bytes)?;
    Ok(bytes)
}

fn fault(error: &ureq::Error, timeout_ms: u32) -> String {
    match error {
        ureq::Error::Timeout(_) => words::timed_out(timeout_ms),
        ureq::Error::HostNotFound => words::NOT_FOUND.to_owned(),
        ureq::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => words::REFUSED.to_owned(),
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => words::CLOSED.to_owned(),
            _ => error.to_string(),
        },
        error => error.to_string(),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

pub(super) fn run(program: &Program<'_>) -> Result<Ended, String> {
    let mut command = Command::new(program.name);
    command.args(&program.args).env_remove(program.without);
    if program.folder != Path::new("") {
        command.current_dir(program.folder);
    }
    let ended = match program.input {
        Some(input) => feed(command, input),
        None => command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map(|o| ended(o.status, o.stdout)),
    };
    ended.map_err(|error| error.to_string())
}

/// Runs a command with something to read.
fn feed(mut command: Command, input: &str) -> io::Result<Ended> {
    let mut child = command.stdin(Stdio::piped()).stdout(io::stderr()).spawn()?;
    // If the program does not read its input, it has failed and has reported why.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    Ok(ended(child.wait()?, Vec::new()))
}

fn ended(status: ExitStatus, out: Vec<u8>) -> Ended {
    Ended { is_success: status.success(), status: status.to_string(), out }
}

pub(super) fn serve(_plan: &Value) -> Result<(), String> {
    Err("only the tool of the npm package runs a gate: npx portcullis dev".to_owned())
}

pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}
