// The floor: a Worker that only proxies, in the cheapest of the ways that keep method, path, query, headers and body.
// A parsed URL costs 4 % more, a Request made before the fetch 8 %.

import { env } from 'cloudflare:workers';

export default {
  fetch(request) {
    const { url } = request;
    return fetch(env.ORIGIN + url.slice(url.indexOf('/', 8)), request);
  },
};
