// Fetches what the tool asks for, after the reader has asked for it.

import { WORDS } from './words.js';

const PATIENCE_MS = 15_000;

/** The document at an address: its body, or the problem. */
export function fetchDocument({ url, accept }) {
  return new Promise((resolve) => {
    const frame = document.createElement('iframe');
    // No origin of its own: what it loads cannot reach the page.
    frame.sandbox = 'allow-scripts';
    frame.hidden = true;
    frame.src = `keys.html#${encodeURIComponent(JSON.stringify({ url, accept }))}`;
    const settle = (answer) => {
      clearTimeout(timer);
      removeEventListener('message', hear);
      frame.remove();
      resolve(answer);
    };
    const hear = ({ source, data }) => {
      if (source === frame.contentWindow) settle(data);
    };
    const timer = setTimeout(() => settle({ problem: WORDS.noAnswer }), PATIENCE_MS);
    addEventListener('message', hear);
    document.body.append(frame);
  });
}
