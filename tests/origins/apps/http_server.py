"""How the standard library reads a request: http.server, urllib.parse and email.message."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = urlsplit(self.path)
        query = parse_qs(target.query, keep_blank_values=True)
        view = {
            "method": self.command,
            "path": unquote(target.path),
            "query": {name: one_or_all(values) for name, values in query.items()},
            "headers": {name.lower(): one_or_all(self.headers.get_all(name)) for name in self.headers},
        }
        body = json.dumps(view).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str):
        """Any method has the same answer."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *args: object) -> None:
        pass


def one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
