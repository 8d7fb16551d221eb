//! The form in which heads and decisions cross the border: lines. No part of an HTTP head can hold a line break.
//!
//! Head: method, URL, then name and value of each header.
//! Allow: `allow`, URL, service binding or nothing, timeout in milliseconds, route, how many headers to remove, their names,
//! then name and value of each header to set.
//! Deny: `deny`, status, body, then name and value of each header.

use crate::answer::answer;
use crate::decision::{Decision, Denial};
use crate::request::{Request, Url};
use crate::upstream::Forward;

pub(super) fn read(head: &str) -> Request<'_> {
    let mut lines = head.split('\n');
    let method = lines.next().unwrap_or_default();
    let url = Url::split(lines.next().unwrap_or_default());
    let mut headers = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        headers.push((name, value));
    }
    Request { method, url, headers }
}

pub(super) fn write(decision: &Decision, host: &str) -> String {
    match decision {
        Decision::Allow(forward) => allow(forward),
        Decision::Deny(denial) => deny(denial, host),
    }
}

fn allow(forward: &Forward) -> String {
    let Forward { url, service, timeout_ms, route, remove, set } = forward;
    let service = service.as_deref().unwrap_or_default();
    let mut text = format!("allow\n{url}\n{service}\n{timeout_ms}\n{route}\n{}", remove.len());
    for name in remove {
        push_line(&mut text, name);
    }
    for (name, value) in set {
        push_line(&mut text, name);
        push_line(&mut text, value);
    }
    text
}

fn deny(denial: &Denial, host: &str) -> String {
    let answer = answer(denial, host);
    let mut text = format!("deny\n{}\n{}", answer.status, answer.body);
    for (name, value) in answer.headers {
        push_line(&mut text, name);
        push_line(&mut text, &value);
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
}
