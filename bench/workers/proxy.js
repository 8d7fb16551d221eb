// The floor: a Worker that only proxies, in the cheapest way that preserves method, path, query, headers and body.
// Parsing the URL costs 4 % more, creating a Request before the fetch 8 %.

import { env } from 'cloudflare:workers';

export default {
  fetch(request) {
    const { url } = request;
    return fetch(env.ORIGIN + url.slice(url.indexOf('/', 8)), request);
  },
};
