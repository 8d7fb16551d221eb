// What the tests of the workbench need: the built page, served as users have it, in a browser whose every request goes through
// a recording proxy.

import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startWorkbench } from '../../../npm/dev/workbench.mjs';
import { Workbench } from './page.mjs';
import { startProxy } from './proxy.mjs';

export const SITE = fileURLToPath(new URL('../../../build/site', import.meta.url));

/** What the built page shows at first. */
export function exampleFixture() {
  return JSON.parse(readFileSync(`${SITE}/workbench.json`, 'utf8'));
}

/** Starts it, and stops it after the file's tests. `show` sets what the page shows at first, `requested` gives what the browser has requested since. */
export async function startStage() {
  let shown = exampleFixture();
  const proxy = await startProxy();
  const server = await startWorkbench({ folder: SITE, host: '127.0.0.1', port: 0, fixture: () => shown });
  const workbench = await Workbench.start(server.url, { proxy: proxy.url });
  after(async () => {
    for (const part of [workbench, server, proxy]) await part.close();
  });
  return {
    url: server.url,
    workbench,
    show: (fixture) => (shown = fixture),
    requested: () => proxy.taken(),
    /** Requests that went elsewhere than to the workbench. */
    elsewhere: () => proxy.taken().filter((request) => !request.startsWith(`GET ${server.url}/`)),
  };
}
