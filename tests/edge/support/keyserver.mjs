// A key server for what a real provider cannot be made to do: it publishes any bytes, slowly, wrongly or not at all.
// One server holds many issuers, each under a path of its own.

import http from 'node:http';

export async function startKeyServer() {
  const issuers = new Map();
  const server = http.createServer((request, response) => {
    const [, name, ...rest] = request.url.split('/');
    const issuer = issuers.get(name);
    const kind = { '.well-known/openid-configuration': 'discovery', jwks: 'jwks' }[rest.join('/')];
    if (!issuer || !kind) return void response.writeHead(404).end();
    issuer.counts[kind] += 1;
    issuer.requests.push({ kind, method: request.method, headers: request.headers, at: Date.now() });
    return void issuer[kind](request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;

  return {
    url,
    /** Adds an issuer that publishes `keys` (public JWKs). */
    issuer(name, keys = []) {
      const entry = new Issuer(`${url}/${name}`, keys);
      issuers.set(name, entry);
      return entry;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
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

  /** Answers as a sound issuer does. */
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

export function redirect(to) {
  return status(302, { location: to });
}

/** Never answers; the connection stays open. */
export function silence() {
  return () => {};
}

/** Cuts the connection. */
export function reset() {
  return (request) => request.socket.resetAndDestroy();
}
