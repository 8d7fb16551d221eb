//! What a machine is asked for, and what it gives.

use std::path::Path;

/// A request over HTTP.
pub(crate) struct Request<'r> {
    /// An absolute `http` or `https` URL.
    pub(crate) url: &'r str,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(&'r str, &'r str)>,
    /// Timeout in milliseconds until the last byte of the body.
    pub(crate) timeout_ms: u32,
    /// Maximum size of the body in bytes.
    pub(crate) max_bytes: usize,
    /// What is sent, by POST; without it, the request is a GET.
    pub(crate) body: Option<&'r str>,
    /// Whether the body counts whatever the status is; otherwise only that of a 200 is read.
    pub(crate) reads_refusals: bool,
}

/// A response over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) cache_control: Option<String>,
    /// Empty if it does not count; of a body over the limit, at least one byte more than the limit.
    pub(crate) body: Vec<u8>,
}

/// Another program to run to its end.
#[derive(Clone, Debug)]
pub(crate) struct Program<'p> {
    pub(crate) name: &'p str,
    pub(crate) args: Vec<String>,
    /// Its current folder; empty for the tool's own.
    pub(crate) folder: &'p Path,
    /// A variable of the environment that it does not get.
    pub(crate) without: &'p str,
    /// Its standard input. With it, what the program prints goes to standard error; without, it is returned.
    pub(crate) input: Option<&'p str>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    /// In words, like `exit status: 1`.
    pub(crate) status: String,
    pub(crate) out: Vec<u8>,
}
