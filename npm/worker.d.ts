export { Revocations, default } from './index.js';
