// An origin that answers with what it received, so that one sees what the gate forwards.

import { createServer } from 'node:http';

const JWT = /^(bearer )?([\w-]+\.[\w-]+)\.[\w-]+$/i;

/** Starts it; gives its URL. `secret` is the name of the header whose value is nobody's business on a screen. */
export async function startOrigin(host, port, secret) {
  const server = createServer((request, response) => {
    answer(request, response, secret).catch(() => response.destroy()); // the caller has gone
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return `http://localhost:${port}`;
}

async function answer(request, response, secret) {
  let bytes = 0;
  for await (const chunk of request) bytes += chunk.length;
  const { method, url, headers } = request;
  // Without its signature, nobody can use a token.
  const shown = Object.entries(headers).map(([name, value]) => [name, name === secret ? '…' : String(value).replace(JWT, '$1$2.…')]);
  const received = { method, url, headers: Object.fromEntries(shown), body: `${bytes} bytes` };
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify({ received }, null, 2)}\n`);
}
