/** @file Random numbers on the host, by seed and name: initial weights, data order, splits. No hidden state, so all of it replays. */
import { createHash } from "node:crypto";
import { philox } from "../engine/index.ts";

/** A stream of numbers that depends on nothing but what it was made from. */
export interface RandomStream {
  /** A whole number in [0, 2³²). */
  bits(): number;
  /** In [0, 1), with 53 bits. */
  uniform(): number;
  /** A whole number in [0, below), for `below` up to 2³². */
  integer(below: number): number;
  /** Mean 0, standard deviation 1. */
  normal(): number;
}

/**
 * The stream of a seed and a name: `createRandom(7, "order", epoch)`. Streams of different names are unrelated.
 *
 * The generator is xoshiro128** (Blackman and Vigna 2018), its 128 bits of state the first of SHA-256(seed and name). The
 * engine's Philox is for numbers wanted in any order, on any thread; these come one after the other, at a tenth of its cost.
 */
export function createRandom(seed: number, ...name: readonly (string | number)[]): RandomStream {
  return createWatchedRandom(() => {}, seed, ...name);
}

/** The same stream. `look` is called every few milliseconds of drawing; by throwing it ends one that nobody waits for. */
export function createWatchedRandom(
  look: () => void,
  seed: number,
  ...name: readonly (string | number)[]
): RandomStream {
  const digest = createHash("sha256")
    .update(JSON.stringify([seed, ...name]))
    .digest();
  const [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number];
  return streamFrom(a, b, c, d, look);
}

/** Apart from what the engine draws with the same seed. */
const AUGMENTATION = 0x6175676d;

/**
 * The stream of one change to one sample of one epoch: it depends on nothing that came before, so that order, threads and
 * resumption don't matter. Cheap to make, unlike a named one: its state is one block of the engine's Philox.
 */
export function createSampleRandom(seed: number, epoch: number, sample: number, stage: number): RandomStream {
  const key = [seed >>> 0, (Math.floor(seed / 2 ** 32) ^ AUGMENTATION) >>> 0] as const;
  return streamFrom(...philox([epoch, sample, stage, 0], key));
}

/** Some milliseconds of drawing. */
const WORDS_BETWEEN_LOOKS = 2 ** 18;

/** @param d its last bit is set, since the state must not be all zero. */
function streamFrom(a: number, b: number, c: number, d: number, look: () => void = () => {}): RandomStream {
  d |= 1;
  let untilLook = WORDS_BETWEEN_LOOKS;
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const bits = (): number => {
    if (--untilLook === 0) {
      untilLook = WORDS_BETWEEN_LOOKS;
      look();
    }
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  const uniform = (): number => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) * 2 ** -53;
  return {
    bits,
    uniform,
    integer: (below) => Math.floor((bits() * below) / 2 ** 32),
    // Box and Muller (1958); 1 − u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** The numbers 0 to count − 1 in an order drawn from `random` (Fisher and Yates). */
export function permutation(count: number, random: RandomStream): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const chosen = random.integer(last + 1);
    const swapped = order[last]!;
    order[last] = order[chosen]!;
    order[chosen] = swapped;
  }
  return order;
}
