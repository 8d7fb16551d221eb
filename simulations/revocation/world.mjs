// What is simulated: locations with their latency and traffic, and the entries that are written. All times are in seconds.

import { exponential, permutation, stream } from './random.mjs';

/** The least round trips between a location and the object. */
export const [NEAREST, FARTHEST] = [0.005, 0.3];

/** Some isolates of each location get a small part of the others' requests. */
export const QUIET = { part: 0.1, traffic: 0.01 };

/** Streams of random numbers beside those of the locations, which have the numbers from 0. */
const STREAMS = { latency: 2 ** 31, entries: 2 ** 31 + 1 };

export const DEFAULTS = {
  seed: 1,
  locations: 300,
  isolates: 70, // in each location
  seconds: 100, // in which requests are counted
  entries: 50, // written in the first four fifths of that time
  poll: 5,
  maxAge: 60,
  cache: false, // one in each location, whose answers serve for half of `poll`
  mean: 1, // requests a second to an isolate
  equal: false, // the same traffic for all isolates
  share: 1, // of the requests: those that make an isolate look
  groups: 1, // of locations, of which
  group: 0, // takes part
  life: 3600, // of an isolate, on average
  list: 10_000, // entries
  tail: 0.02, // mean of what a round trip takes beyond its least
  slow: 0.001, // of the round trips: these take a second more on average
  failures: 0, // of the reads
};

/** The world of these settings: what they mean for each location, and all entries in the order of their writing. */
export function makeWorld(settings) {
  const world = { ...DEFAULTS, ...settings };
  world.ttl = world.poll / 2;
  world.order = permutation(stream(world.seed, STREAMS.latency), world.locations);
  world.unit = unit(world);
  world.written = written(world);
  return world;
}

/** The least round trip of a location: the locations are spread evenly between the nearest and the farthest. */
export function leastRoundTrip(world, location) {
  return NEAREST + (FARTHEST - NEAREST) * (world.order[location] + 0.5) / world.locations;
}

/** One round trip between a location and the object. */
export function roundTrip(world, location, random) {
  const slow = random() < world.slow ? exponential(random, 1) : 0;
  return leastRoundTrip(world, location) + exponential(random, world.tail) + slow;
}

/** Requests a second to an isolate that make it look: locations follow Zipf's law, and each has quiet isolates. */
export function rateOf(world, location, isolate) {
  return world.unit * weight(world, location, isolate) * world.share;
}

function weight({ equal, isolates }, location, isolate) {
  if (equal) return 1;
  return (isolate < Math.round(isolates * QUIET.part) ? QUIET.traffic : 1) / (location + 1);
}

/** What weights are multiplied by, so that the mean is as set. */
function unit(world) {
  let sum = 0;
  for (let location = 0; location < world.locations; location += 1) {
    for (let isolate = 0; isolate < world.isolates; isolate += 1) sum += weight(world, location, isolate);
  }
  return world.mean * world.locations * world.isolates / sum;
}

/**
 * Each entry is written in the object half a round trip before the isolate that took it responds 204. That isolate honours
 * it at once.
 */
function written(world) {
  const random = stream(world.seed, STREAMS.entries);
  const entries = Array.from({ length: world.entries }, (_, index) => {
    const location = Math.floor(random() * world.locations);
    const isolate = Math.floor(random() * world.isolates);
    const answered = 0.8 * world.seconds * (index + random()) / world.entries;
    return { location, isolate, answered, written: answered - roundTrip(world, location, random) / 2 };
  });
  return entries.sort((one, other) => one.written - other.written);
}
