// What the Worker exports. The gate's own function is none of it: see index.js.

export { Revocations, default } from './index.js';
