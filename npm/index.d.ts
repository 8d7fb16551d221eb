/** What an app gets of the invocation: `ExecutionContext` of @cloudflare/workers-types fits. */
export interface GateContext {
  waitUntil(promise: Promise<unknown>): void;
  passThroughOnException(): void;
}

/** A Worker, or anything else that answers requests, like an app of Hono. */
export interface GateApp<Env, Context extends GateContext = GateContext> {
  /** Answers a request that the gate allows. It has the headers that the policy's `identity` sets. */
  fetch(request: Request, env: Env, context: Context): Response | Promise<Response>;
  /** Runs after the gate has refreshed its keys. */
  scheduled?(event: any, env: Env, context: Context): void | Promise<void>;
}

/** The handlers of a Worker with the gate. */
export interface GateHandlers<Env, Context extends GateContext = GateContext> {
  fetch(request: Request, env: Env, context: Context): Response | Promise<Response>;
  /** Refreshes the keys of all issuers: trigger it more often than their `jwks_ttl`. */
  scheduled(event: unknown, env: Env, context: Context): Promise<void>;
}

/** What the gate itself reads of the Worker's environment. */
export interface GateEnv {
  /** The policy, if it is not in `POLICY_KV`. */
  POLICY?: unknown;
  /** The KV namespace of the issuers' key sets. */
  JWKS: unknown;
  /** The KV namespace of the policy. */
  POLICY_KV?: unknown;
}

/** Handlers that have nothing to do with requests from outside: the app's stay as they are. */
export type OtherHandler = 'queue' | 'email' | 'tail' | 'tailStream' | 'trace';

/**
 * The handlers of a Worker with the gate in front of `app`: what the policy allows goes to the app, whatever origin it names,
 * with the changes that an origin would see, and everything else is answered by the gate.
 *
 * The policy is the Worker's: it is read once per isolate, and all gates of a Worker have the same one. What the platform
 * answers before the Worker, such as static assets without `run_worker_first`, no gate sees.
 */
export function gate<Env extends GateEnv, App extends GateApp<Env, any>>(
  app: App,
): GateHandlers<Env> & Pick<App, Extract<keyof App, OtherHandler>>;

/**
 * The Durable Object with the list of revocations, for a policy with `revocation`. A Worker that embeds the gate exports it too:
 * `export { Revocations } from 'portcullis'`.
 */
export class Revocations {
  constructor(state: any, env?: unknown);
  fetch(request: Request): Promise<Response>;
}

/** The handlers of the gate in front of origins. */
declare const worker: GateHandlers<GateEnv, any>;
export default worker;
