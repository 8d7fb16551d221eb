//! The wire format of request heads and decisions between JavaScript and Rust: lines. No part of a request head can
//! contain a line break.
//!
//! - Head: method, URL, then the name of each header, followed by a colon and its value if the gate needs it.
//! - Allow: `allow`, URL, service binding or nothing, timeout in milliseconds or nothing, `cache` if Cloudflare's cache may
//!   respond or nothing, route, the grant or nothing (number of the caller, number of the grant, the origin with its
//!   base, the value of `x-forwarded-prefix`; separated by spaces), what is to be told of the decision once the origin has
//!   answered or nothing, how many lines of each of the following kinds there are except the last, separated by a
//!   space: names and values of the headers that say which pages of other origins may use the response; names of
//!   headers to remove; names and values of headers to set.
//! - Answer: `answer`, status, body, then name and value of each header.
//! - Wait: `wait`, the number of the task that decides.

use memchr::memchr;

use super::tasks::TaskId;
use crate::answer::{Answer, answer, done, preflight, serve};
use crate::cors::{AnswerKind, Sharing};
use crate::decision::{AnswerContext, Decision};
use crate::request::Request;
use crate::route::url::Url;
use crate::upstream::Forward;

/// Capacity in bytes that few decisions exceed.
const TYPICAL_ALLOW: usize = 1024;

/// Capacity that few requests exceed.
const TYPICAL_HEADERS: usize = 16;

/// Reads a request head.
#[must_use]
pub fn read(head: &str) -> Request<'_> {
    let mut lines = Lines(Some(head));
    let method = lines.next().unwrap_or_default();
    let url = Url::split(lines.next().unwrap_or_default());
    let mut headers = Vec::with_capacity(TYPICAL_HEADERS);
    headers.extend(lines.map(|line| line.split_once(':').unwrap_or((line, ""))));
    Request { method, url, headers }
}

/// The same as `split('\n')`, in a third of the time.
struct Lines<'t>(Option<&'t str>);

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.0?;
        let end = memchr(b'\n', text.as_bytes());
        self.0 = end.and_then(|end| text.get(end + 1..));
        text.get(..end.unwrap_or(text.len()))
    }
}

/// Writes a decision. `told` is what is told of one to forward the request, in JSON, once the origin has answered.
#[must_use]
pub fn write(decision: &Decision<'_>, context: &AnswerContext<'_>, told: Option<&str>) -> String {
    match decision {
        Decision::Allow(forward) => allow(forward, context.sharing, told.unwrap_or_default()),
        Decision::Deny(denial) => answered(&answer(denial, context)),
        Decision::Done(status) => answered(&done(*status)),
        Decision::Serve(document) => answered(&serve(document, context)),
        Decision::Preflight(granted) => answered(&preflight(granted, context)),
    }
}

/// Writes that a task will decide.
#[must_use]
pub fn wait(task: TaskId) -> String {
    format!("wait\n{task}")
}

fn allow(forward: &Forward<'_>, sharing: Option<Sharing<'_>>, told: &str) -> String {
    let Forward { url, service, timeout_ms, cache, route, grant, remove, set } = forward;
    let service = service.as_deref().unwrap_or_default();
    let timeout = timeout_ms.map(|timeout| timeout.to_string()).unwrap_or_default();
    let cache = if *cache { "cache" } else { "" };
    let grant = grant
        .as_ref()
        .map(|granted| format!("{} {} {} {}", granted.caller, granted.number, granted.base, granted.prefix));
    let shared = sharing.map(|sharing| sharing.fields(AnswerKind::Content)).unwrap_or_default();
    let counts = format!("{} {}", 2 * shared.len(), remove.len());
    // Line by line: `write!` costs as much as the lookup of the route.
    let mut text = String::with_capacity(TYPICAL_ALLOW);
    text.push_str("allow");
    for line in [url, service, &timeout, cache, route, &grant.unwrap_or_default(), told, &counts] {
        push_line(&mut text, line);
    }
    for (name, value) in &shared {
        push_line(&mut text, name);
        push_line(&mut text, value);
    }
    for name in remove {
        push_line(&mut text, name);
    }
    for (name, value) in set {
        push_line(&mut text, name);
        push_line(&mut text, value);
    }
    text
}

fn answered(Answer { status, headers, body }: &Answer) -> String {
    let mut text = format!("answer\n{status}\n{body}");
    for (name, value) in headers {
        push_line(&mut text, name);
        push_line(&mut text, value);
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::decision::Document;
    use crate::denial::Denial;
    use crate::upstream::Granted;

    #[test]
    fn a_head_has_names_and_the_values_that_are_asked_for() {
        let head = "POST\nhttps://h:1/a?b=c:d\nauthorization:Bearer a:b\nx-a\nconnection:\nset-cookie";
        let request = read(head);
        assert_eq!((request.method, request.url), ("POST", Url::split("https://h:1/a?b=c:d")));
        let headers = [("authorization", "Bearer a:b"), ("x-a", ""), ("connection", ""), ("set-cookie", "")];
        assert_eq!(request.headers, headers);
        assert_eq!(read("GET\nhttp://h/").headers, []);
        assert_eq!(read("").method, "");
    }

    #[test]
    fn decisions_are_lines() {
        let forward = Forward {
            url: "http://o/a".to_owned(),
            service: None,
            timeout_ms: NonZeroU32::new(30_000),
            cache: false,
            route: "/a".into(),
            grant: Some(Granted { caller: 3, number: 7, base: "http://o".to_owned(), prefix: "/p".to_owned() }),
            remove: vec!["te".into()],
            set: vec![("x-a".into(), "1 2".into()), ("x-b".into(), "".into())],
        };
        let allow = "allow\nhttp://o/a\n\n30000\n\n/a\n3 7 http://o /p\n{}\n0 1\nte\nx-a\n1 2\nx-b\n";
        assert_eq!(write(&Decision::Allow(forward.clone()), &AnswerContext::at("h"), Some("{}")), allow);
        let service = Forward {
            service: Some("S".into()),
            timeout_ms: None,
            cache: true,
            grant: None,
            remove: Vec::new(),
            set: Vec::new(),
            ..forward
        };
        assert_eq!(
            write(&Decision::Allow(service), &AnswerContext::at("h"), None),
            "allow\nhttp://o/a\nS\n\ncache\n/a\n\n\n0 0"
        );
        let deny = "answer\n401\n{\"error\":\"Authorization header is missing\",\"code\":\"auth.authorization_header_missing\"}\n\
            content-type\napplication/json\ncache-control\nno-store\nwww-authenticate\nBearer realm=\"h\"";
        assert_eq!(write(&Decision::Deny(Denial::MissingAuthorization), &AnswerContext::at("h"), None), deny);
        let document = Document { media_type: "application/json", body: "{}".into(), is_public: true };
        let served = "answer\n200\n{}\ncontent-type\napplication/json\ncache-control\npublic, max-age=300";
        assert_eq!(write(&Decision::Serve(document), &AnswerContext::at("h"), None), served);
        assert_eq!(wait(7), "wait\n7");
    }
}
