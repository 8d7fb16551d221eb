// Tells operators of decisions: lines on the console, data points, spans. Rust says what is told (src/log); what only the
// runtime knows of the request is added here. Nothing here can change an answer.

/** Tells of the decision on a request, once. */
export function tellDecision(exchange, told) {
  if (exchange.isTold) return;
  exchange.isTold = true;
  const parsed = JSON.parse(told);
  endSpan(exchange, parsed.span);
  write(exchange, parsed);
}

/** Tells what another policy would decide on a request. */
export function tellDifference(exchange, told) {
  write(exchange, JSON.parse(told));
}

function write({ request, env }, { line, suppressed = [], point }) {
  const { method, host, ray, trace } = about(request);
  if (line !== undefined) {
    const { event, route, ...rest } = line;
    console.log(JSON.stringify({ event, route, method, host, ...rest, ray, trace }));
  }
  for (const summary of suppressed) console.log(JSON.stringify(summary));
  if (point !== undefined) writePoint(env, point, method, host);
}

let isPointLost = false;

/** Writes a data point for Analytics Engine. */
function writePoint(env, { binding, index, blobs, kind, status }, method, host = '') {
  try {
    const written = env[binding].writeDataPoint({ indexes: [index], blobs: [method, ...blobs, host, kind], doubles: [status, 1] });
    written?.catch?.(() => {});
  } catch {
    if (!isPointLost) console.error(`log.analytics: ${binding} takes no data points`);
    isPointLost = true;
  }
}

const RAY = /^[0-9A-Za-z-]{1,64}$/;
// W3C Trace Context §3.2: version, trace id, parent id, flags; later versions may have more.
const TRACEPARENT = /^(?:00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)$/;
const MAX_HOST = 253;

/** What is told of a request besides its decision; undefined what is unknown. */
function about({ method, url, headers }) {
  const ray = headers.get('cf-ray') ?? '';
  const [, trace, later] = TRACEPARENT.exec(headers.get('traceparent') ?? '') ?? [];
  return { method, host: hostOf(url), ray: RAY.test(ray) ? ray : undefined, trace: trace ?? later };
}

/** The host without port and trailing dot. */
function hostOf(url) {
  try {
    const host = new URL(url).hostname.replace(/\.$/, '');
    return host.length <= MAX_HOST ? host : undefined;
  } catch {
    return undefined;
  }
}

/** Begins the span of a decision, where the runtime has spans. */
export function beginSpan(exchange) {
  try {
    exchange.span = exchange.context.tracing?.startSpan?.('decision');
  } catch {
    exchange.span = undefined;
  }
}

/** Ends it, with the name of the route. */
export function endSpan(exchange, { name, status, code, enforced } = {}) {
  const { span } = exchange;
  if (span === undefined) return;
  exchange.span = undefined;
  try {
    if (span.isTraced && name !== undefined) {
      span.updateName?.(name);
      for (const [key, value] of Object.entries({ status, code, enforced })) span.setAttribute(`portcullis.${key}`, value);
    }
    span.end();
  } catch {
    // Traces are for operators only.
  }
}
