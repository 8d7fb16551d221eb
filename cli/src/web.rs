//! Fetches documents over HTTP as the Worker does: with a timeout, without redirects, and with a size limit; the body
//! must be UTF-8.

use portcullis::platform::{Fault, Fetch, Fetched, Get};

use crate::host::{self, Request, Response};

/// The network, for code that asks its platform for documents. A fault names the URL, as on the edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Web;

impl Fetch for Web {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        get(request).map_err(|fault| Fault(format!("GET {}: {fault}", request.url)))
    }
}

/// A response with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What a server answers to the bearer of a token (RFC 6750 §2.1), whatever its status is: to GET, or to POST with a body in
/// JSON.
pub(crate) fn ask_as_bearer(token: &str, get: Get<'_>, body: Option<&str>) -> Result<Answer, Fault> {
    let authorization = format!("Bearer {token}");
    let mut request = request(&get);
    request.headers.push(("authorization", &authorization));
    if body.is_some() {
        request.headers.push(("content-type", "application/json"));
    }
    request.body = body;
    request.reads_refusals = true;
    let Response { status, body, .. } = host::get(&request).map_err(Fault)?;
    Ok(Answer { status, body: text(body, get.max_bytes)? })
}

/// Gets a document.
pub(crate) fn get(get: Get<'_>) -> Result<Fetched, Fault> {
    let Response { status, etag, cache_control, body } = host::get(&request(&get)).map_err(Fault)?;
    match status {
        200 => Ok(Fetched::Document { body: text(body, get.max_bytes)?, etag, cache_control }),
        304 => Ok(Fetched::NotModified { cache_control }),
        status => Err(Fault(format!("status {status}"))),
    }
}

fn request<'g>(get: &'g Get<'_>) -> Request<'g> {
    let Get { url, timeout_ms, max_bytes, .. } = *get;
    Request { url, headers: get.headers().collect(), timeout_ms, max_bytes, body: None, reads_refusals: false }
}

fn text(body: Vec<u8>, max_bytes: usize) -> Result<String, Fault> {
    if body.len() > max_bytes {
        return Err(Fault(format!("the body is over {max_bytes} bytes")));
    }
    String::from_utf8(body).map_err(|_| Fault("the body is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// The result for an answer, with a limit of 5 bytes and 300 ms.
    fn fetch(answer: &'static [u8], is_closed: bool) -> Result<Fetched, String> {
        let (fetched, request) = ask(answer, is_closed, |request| get(Get { etag: Some("\"a\""), ..request }));
        assert!(request.contains("\r\nif-none-match: \"a\"\r\n"), "{request}");
        assert!(!request.contains("authorization"), "{request}");
        fetched.map_err(|fault| fault.to_string())
    }

    /// What `get` makes of an answer, and the request in lower case.
    fn ask<T>(answer: &'static [u8], is_closed: bool, get: impl FnOnce(Get<'_>) -> T) -> (T, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            if !is_closed {
                // Until the client closes the connection.
                let _ = stream.read(&mut [0]);
            }
            String::from_utf8_lossy(&request[..length]).to_lowercase()
        });
        let fetched = get(Get { url: &url, etag: None, timeout_ms: 300, max_bytes: 5 });
        let request = server.join().unwrap();
        assert!(request.starts_with("get /keys http/1.1\r\n"), "{request}");
        let agent = concat!("user-agent: portcullis/", env!("CARGO_PKG_VERSION"));
        for header in ["accept: application/json, application/jwk-set+json", agent] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{header} in {request}");
        }
        (fetched, request)
    }

    #[test]
    fn the_bearer_of_a_token_reads_refusals_too() {
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"[..], Ok((200, "{}"))),
            (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", Ok((403, "no"))),
            // Not followed: the token is for one server.
            (b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", Ok((302, ""))),
            (b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 6\r\n\r\n123456", Err("the body is over 5 bytes")),
            (b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n\xff\xfe", Err("the body is not UTF-8")),
            (b"HTTP/1.1 401 ", Err("the connection was closed before the response was complete")),
        ] {
            let (answered, request) = ask(answer, true, |get| ask_as_bearer("a.b.c", get, None));
            let answered = answered.map(|answer| (answer.status, answer.body)).map_err(|fault| fault.to_string());
            let expected = expected.map(|(status, body)| (status, body.to_owned())).map_err(str::to_owned);
            assert_eq!(answered, expected, "{}", answer.escape_ascii());
            assert!(request.contains("\r\nauthorization: bearer a.b.c\r\n"), "{request}");
        }
    }

    #[test]
    fn takes_what_the_worker_takes() {
        let text = |text: &str| Some(text.to_owned());
        let five = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\netag: \"b\"\r\ncache-control: max-age=9\r\n\r\n12345";
        let document =
            Fetched::Document { body: "12345".to_owned(), etag: text("\"b\""), cache_control: text("max-age=9") };
        assert_eq!(fetch(five, true), Ok(document));
        let current = b"HTTP/1.1 304 Not Modified\r\ncache-control: no-cache\r\n\r\n";
        assert_eq!(fetch(current, true), Ok(Fetched::NotModified { cache_control: text("no-cache") }));
    }

    #[test]
    fn refuses_what_the_worker_refuses() {
        let cases: [(&[u8], bool, &str); 7] = [
            (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n123456", true, "the body is over 5 bytes"),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n0\r\n\r\n",
                true,
                "the body is over 5 bytes",
            ),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe", true, "the body is not UTF-8"),
            (b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", true, "status 302"),
            (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true, "status 404"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12", false, "no complete response within 300 ms"),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12",
                true,
                "the connection was closed before the response was complete",
            ),
        ];
        for (answer, is_closed, why) in cases {
            assert_eq!(fetch(answer, is_closed), Err(why.to_owned()), "{}", answer.escape_ascii());
        }
    }
}
