// `npm run site:pictures`: the pictures of the workbench in docs/workbench, from the built page (npm run site) in a browser.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { startWorkbench } from '../npm/dev/workbench.mjs';
import { Workbench } from '../tests/browser/workbench/page.mjs';
import { exampleFixture } from '../tests/browser/workbench/stage.mjs';
import { findBrowser } from './chromium.mjs';
import { ROOT } from './toolchain.mjs';

const FOLDER = join(ROOT, 'docs/workbench');
/** Each with its name, the width of the window, the scheme, and how the page comes to it. */
const PICTURES = [
  ['allowed', 1280, 'light', () => {}],
  ['refused', 1280, 'light', (page) => page.choose('Global API resource: another scope')],
  ['refused-dark', 1280, 'dark', (page) => page.choose('API resource in an organization: another organization\'s token')],
  ['findings', 1280, 'light', (page) => page.replacePolicy((text) => text.replace('scopes = ["read:products"]', 'scope = ["read:products"]').replace('"public"', '"pubic"'))],
  ['token', 1280, 'light', async (page) => {
    await page.choose('Global API resource: an expired token');
    await page.tab('Token');
    await page.run(() => scrollTo(0, document.getElementById('decision').offsetTop));
  }],
  ['tests', 1280, 'light', (page) => page.tab('Tests')],
  ['narrow', 320, 'light', () => {}],
];

const browser = await findBrowser();
if (browser === null) throw new Error('there is no browser; name one with CHROME_PATH');
Object.assign(process.env, { CHROME_PATH: browser.path, CHROME_LIBRARIES: browser.libraries });
mkdirSync(FOLDER, { recursive: true });
const server = await startWorkbench({ folder: join(ROOT, 'build/site'), host: '127.0.0.1', port: 0, fixture: exampleFixture });
const workbench = await Workbench.start(server.url);
for (const [name, width, scheme, arrive] of PICTURES) {
  const page = await workbench.open({ width, height: 900, scheme });
  await arrive(page);
  await page.settled();
  writeFileSync(join(FOLDER, `${name}.png`), await page.picture());
  console.log(`docs/workbench/${name}.png`);
}
await workbench.close();
await server.close();
