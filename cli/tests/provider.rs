//! A provider on loopback that answers each request with the same text.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// It goes away with the process.
pub(crate) struct Provider {
    /// Its address, with no slash at its end.
    pub(crate) url: String,
    pub(crate) request_lines: Arc<Mutex<Vec<String>>>,
    /// What each request has in front of its body, in lower case.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// `answer` makes a whole HTTP answer of the provider's address; `None` is no answer at all.
    pub(crate) fn new<T: AsRef<[u8]>>(answer: impl Fn(&str) -> Option<T> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (base, request_lines, heads) = (url.clone(), Arc::default(), Arc::default());
        let noted: [Arc<Mutex<Vec<String>>>; 2] = [Arc::clone(&request_lines), Arc::clone(&heads)];
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let length = stream.read(&mut head).unwrap();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                noted[0].lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
                noted[1].lock().unwrap().push(head.to_lowercase());
                if let Some(answer) = answer(&base) {
                    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
                    let _ = stream.write_all(answer.as_ref());
                } else {
                    open.push(stream);
                }
            }
        });
        Self { url, request_lines, heads }
    }

    /// One that answers 200 with this body, in which `BASE` is its address.
    pub(crate) fn saying(body: &'static str) -> Self {
        Self::new(move |base| Some(ok(&body.replace("BASE", base))))
    }
}

/// A whole answer.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
