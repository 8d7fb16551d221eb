// How Express 4 reads a request, with its routers and its query parser as they are by default.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , folder, host, port] = process.argv;
const express = createRequire(join(folder, 'package.json'))('express');

const PREFIXED = ['query', 'query-id', 'header', 'open', 'maybe', 'docs', 'admin'];
const app = express();
const view = (route) => (request, response) => {
  const { method, path, params, query, headers } = request;
  response.json({ method, path: decodeURIComponent(path), route, parameters: params, query, headers });
};
for (const name of PREFIXED) app.all([`/${name}`, `/${name}/*`], view(name));
app.all('/orgs/:org/items/:item', view('items'));
app.all('*', view('rest'));
app.listen(Number(port), host);
