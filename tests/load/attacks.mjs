// The attack tables of tests/edge/attacks, row by row, for ever. Their tokens live for ten minutes, so all of them are
// made anew before that; what is made is sent again meanwhile.

import { ACCEPTED } from '../edge/attacks/world.mjs';

const FAMILIES = ['algorithm', 'header', 'signature', 'encoding', 'claims', 'context', 'request'];
const LIFE = 4 * 60 * 1000;

/** What to do next, for each who asks. */
const attacks = endless();

export async function attack(actor) {
  const { row, request } = (await attacks.next()).value;
  for (const good of listOf(row.before ?? [])) await actor.accepted(asRequest(good, {}));
  try {
    await check(actor, request, row);
  } catch (error) {
    throw new Error(`${row.attack}: ${error.message}`, { cause: error });
  }
}

async function check(actor, request, { answer, scope, allow, realm, url = request.path, identity, received }) {
  if (answer === ACCEPTED) return actor.accepted(request, { url, identity, received });
  // workerd closes the connection without waiting for the rest of a request, and its answer may be lost with it.
  if (answer.workerd) return actor.orClosed(() => actor.barred(request, answer.workerd));
  return actor.refused(request, answer, { scope, allow, realm, secret: 'user-1' });
}

async function* endless() {
  for (let [generation, turn] = [0, 0]; ; generation += 1) {
    const rows = await load(generation);
    const end = Date.now() + LIFE;
    while (Date.now() < end) {
      const row = rows[turn % rows.length];
      row.requests ??= requestsOf(row);
      for (const request of row.requests) yield { row, request };
      turn += 1;
    }
  }
}

/** The rows, those of all families mixed. A module of another URL is another module: its tokens are new, its keys are the world's. */
async function load(generation) {
  const modules = await Promise.all(FAMILIES.map((family) => import(`../edge/attacks/${family}.mjs?${generation}`)));
  const placed = modules.flatMap(({ default: { rows } }) => rows.map((row, index) => ({ ...row, place: index / rows.length })));
  return placed.sort((one, two) => one.place - two.place);
}

// As attacks.test.mjs reads a row.

function requestsOf({ token: tokens, request: requests, ...row }) {
  return requests ? listOf(requests) : listOf(tokens).map((compact) => asRequest(compact, row));
}

function asRequest(compact, { path = '/a', headers = [] }) {
  return { path, headers: [...headers, ['Authorization', `Bearer ${compact}`]] };
}

function listOf(given) {
  return [typeof given === 'function' ? given() : given].flat();
}
