// The Worker's entry point.

import { gate } from './gate.js';

export { gate };
export { Revocations } from './revocations.js';
export default gate();
