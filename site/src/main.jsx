// Starts the page.

import { render } from 'preact';

import { App } from './app.jsx';
import { initialState, loadFixture } from './state.js';
import { WORDS } from './words.js';

const fixture = await loadFixture();
let note;
const initial = await initialState(fixture, location.hash).catch(async ({ message }) => {
  note = WORDS.unreadableLink(message);
  return initialState(fixture, '');
});
render(<App initial={initial} fixture={fixture} note={note} />, document.getElementById('workbench'));
