// A key server for failures that a real provider does not show: it publishes any bytes, slowly, wrongly or not at all. One
// server has many issuers, each under its own path.

import http from 'node:http';

export async function startKeyServer() {
  const issuers = new Map();
  const server = http.createServer((request, response) => {
    const [, name, ...rest] = request.url.split('?')[0].split('/');
    const issuer = issuers.get(name);
    const kind = { '.well-known/openid-configuration': 'discovery', jwks: 'jwks' }[rest.join('/')];
    if (!issuer || !kind) return void response.writeHead(404).end();
    issuer.counts[kind] += 1;
    issuer.requests.push({ kind, method: request.method, headers: request.headers, at: Date.now() });
    return void issuer[kind](request, response);
  });
  const listen = (port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  const { port } = server.address();
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    close,
    /** Accepts connections again after `close`. */
    reopen: () => listen(port),
    /** Adds an issuer that publishes `keys` (public JWKs). */
    issuer(name, keys = []) {
      const entry = new Issuer(`${url}/${name}`, keys);
      issuers.set(name, entry);
      return entry;
    },
  };
}

class Issuer {
  constructor(url, keys) {
    this.issuer = url;
    this.jwksUri = `${url}/jwks`;
    this.keys = keys;
    this.counts = { discovery: 0, jwks: 0 };
    this.requests = [];
    this.restore();
  }

  /** Responds as a working issuer does. */
  restore() {
    this.discovery = json(() => ({ issuer: this.issuer, jwks_uri: this.jwksUri }));
    this.jwks = json(() => ({ keys: this.keys }));
  }

  reset() {
    this.counts.discovery = 0;
    this.counts.jwks = 0;
    this.requests.length = 0;
  }
}

/** 200 with JSON; `headers` may add an ETag. */
export function json(value, headers = {}) {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(typeof value === 'function' ? value() : value));
  };
}

/** 200 with these bytes. */
export function bytes(body, type = 'application/json') {
  return (request, response) => response.writeHead(200, { 'content-type': type }).end(body);
}

/** A status without a body. */
export function status(code, headers = {}) {
  return (request, response) => response.writeHead(code, headers).end();
}

export function redirect(to, code = 302) {
  return status(code, { location: to });
}

/** Never responds; the connection stays open. */
export function silence() {
  return () => {};
}

/** Responds as `handler` does, once `release` is called. `asked` counts the requests. */
export function hold(handler) {
  const gate = Promise.withResolvers();
  const held = async (request, response) => {
    held.asked += 1;
    await gate.promise;
    handler(request, response);
  };
  return Object.assign(held, { asked: 0, release: gate.resolve });
}

/** Sends the body byte by byte, one per second. */
export function drip(text) {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    let sent = 0;
    const timer = setInterval(() => response.write(text.slice(sent, (sent += 1))), 1000);
    response.write(text.slice(sent, (sent += 1)));
    response.on('close', () => clearInterval(timer));
  };
}

/** Announces the whole body, sends half of it and closes the connection. */
export function truncate(text) {
  return (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.write(text.slice(0, text.length / 2), () => response.socket.destroy());
  };
}

/** Closes the connection. */
export function reset() {
  return (request) => request.socket.resetAndDestroy();
}
