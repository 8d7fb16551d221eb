// Serves the workbench on loopback, with what it shows at first.

import { createServer } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

const PAGE = 'index.html';
const FRAME = 'keys.html';
/** What a Content-Security-Policy can say in a header only. */
const IN_HEADERS = { [PAGE]: "frame-ancestors 'self'", [FRAME]: "sandbox allow-scripts; frame-ancestors 'self'" };
const TYPES = {
  '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};
const FIXTURE = 'workbench.json';

/** Starts it. `folder` has the page; `fixture` gives what it shows at first, anew for each reader. */
export async function startWorkbench({ folder, host, port, fixture }) {
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  const policies = new Map([PAGE, FRAME].map((name) => [name, `${ownPolicy(files.get(name))}; ${IN_HEADERS[name]}`]));
  const server = createServer(async (request, response) => {
    // A page whose name leads here could read tokens otherwise (DNS rebinding).
    if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? '')) return response.writeHead(403).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') return response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const name = request.url.split('?')[0].slice(1) || PAGE;
    if (!files.has(name)) return response.writeHead(404).end();
    try {
      const body = name === FIXTURE ? JSON.stringify(await fixture()) : files.get(name);
      return response.writeHead(200, headers(name, policies.get(name) ?? policies.get(PAGE))).end(body);
    } catch (error) {
      return response.writeHead(502, { 'content-type': 'text/plain' }).end(`${error.message}\n`);
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://${host}:${server.address().port}`, close };
}

/** The Content-Security-Policy that a page has in itself. As a header it holds for the page's parts, too. */
function ownPolicy(page) {
  return /http-equiv="content-security-policy" content="([^"]+)"/.exec(page)[1];
}

function headers(name, policy) {
  return {
    'content-type': TYPES[extname(name)],
    'content-security-policy': policy,
    'cache-control': 'no-store',
    // No other page can have it, with its tokens. The frame that fetches keys has no origin, so it is another page.
    'cross-origin-resource-policy': name === 'keys.js' ? 'cross-origin' : 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}

/** A link to a request in the workbench: `as` names a token of the fixture, and the token is not in the link. */
export function linkTo(workbench, { method, url, headers = [], as }) {
  const parameters = new URLSearchParams({ explain: `${method} ${url}` });
  for (const header of headers) parameters.append('header', header);
  if (as !== undefined) parameters.set('as', as);
  return `${workbench}/#${parameters}`;
}
