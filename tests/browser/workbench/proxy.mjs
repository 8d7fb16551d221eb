// A proxy that records every request of a browser: what it has not seen has not left the browser. It forwards to loopback,
// and nowhere else.

import http from 'node:http';

/** Starts it: `url`, and `taken()` gives what was requested since, as `METHOD URL`. */
export async function startProxy() {
  let requests = [];
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { hostname } = new URL(request.url);
    if (hostname !== '127.0.0.1') return response.writeHead(502).end();
    const onward = http.request(request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    return request.pipe(onward);
  });
  // Another scheme, or a WebSocket.
  for (const event of ['connect', 'upgrade']) {
    server.on(event, (request, socket) => {
      requests.push(`${request.method} ${request.url}`);
      socket.destroy();
    });
  }
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const taken = () => {
    const before = requests;
    requests = [];
    return before;
  };
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, taken, close };
}
