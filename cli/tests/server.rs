//! An issuer on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::Value;

/// Answers each request for a path with a document, or with 404, for as long as the tests run. Gives the port.
pub(crate) fn serve(document: impl Fn(&str, u16) -> Option<Value> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let answer = document(request.split(' ').nth(1).unwrap_or_default(), port);
            let status = if answer.is_some() { "200 OK" } else { "404 Not Found" };
            let body = answer.map(|body| body.to_string()).unwrap_or_default();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}
