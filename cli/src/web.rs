//! Fetches documents over HTTP as the Worker does: with a timeout, without redirects, and with a size limit; the body
//! must be UTF-8.

use std::time::Duration;

use portcullis::platform::{Fault, Fetch, Fetched, Get};
use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::{Agent, Body};

/// The network, for code that asks its platform for documents. A fault names the URL, as on the edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Web;

impl Fetch for Web {
    async fn get(&self, request: Get<'_>) -> Result<Fetched, Fault> {
        get(request).map_err(|fault| Fault(format!("GET {}: {fault}", request.url)))
    }
}

/// Gets a document.
pub(crate) fn get(request: Get<'_>) -> Result<Fetched, Fault> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(request.timeout_ms.into())))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into();
    let call = request.headers().fold(agent.get(request.url), |call, (name, value)| call.header(name, value));
    let answer = call.call().map_err(|error| Fault(error.to_string()))?;
    read(answer, request.max_bytes)
}

fn read(mut answer: Response<Body>, max_bytes: usize) -> Result<Fetched, Fault> {
    let cache_control = text(answer.headers(), header::CACHE_CONTROL);
    match answer.status() {
        StatusCode::OK => {
            let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
            // The reader already refuses a body of exactly the limit.
            let body = answer.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
            let body = body.map_err(|error| match error {
                ureq::Error::BodyExceedsLimit(_) => Fault(format!("the body is over {max_bytes} bytes")),
                error => Fault(error.to_string()),
            })?;
            let body = String::from_utf8(body).map_err(|_| Fault("the body is not UTF-8".to_owned()))?;
            Ok(Fetched::Document { body, etag: text(answer.headers(), header::ETAG), cache_control })
        }
        StatusCode::NOT_MODIFIED => Ok(Fetched::NotModified { cache_control }),
        status => Err(Fault(format!("status {}", status.as_u16()))),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// The result for an answer, with a limit of 5 bytes and 300 ms.
    fn fetch(answer: &'static [u8], is_closed: bool) -> Result<Fetched, String> {
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
        let fetched = get(Get { url: &url, etag: Some("\"a\""), timeout_ms: 300, max_bytes: 5 });
        let request = server.join().unwrap();
        assert!(request.starts_with("get /keys http/1.1\r\n"), "{request}");
        let agent = concat!("user-agent: portcullis/", env!("CARGO_PKG_VERSION"));
        for header in ["if-none-match: \"a\"", "accept: application/json, application/jwk-set+json", agent] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{header} in {request}");
        }
        fetched.map_err(|fault| fault.to_string())
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
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12", false, "timeout: global"),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12", true, "io: Peer disconnected"),
        ];
        for (answer, is_closed, why) in cases {
            assert_eq!(fetch(answer, is_closed), Err(why.to_owned()), "{}", answer.escape_ascii());
        }
    }
}
