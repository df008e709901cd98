/** @file Random numbers from a counter: Philox 4×32-10, so that any element of any draw can be had alone, in any order. */

/** Its constants; `weyl` is what the key grows by each round: the golden ratio and √3 − 1, as 32-bit fractions. */
export const PHILOX = {
  rounds: 10,
  multipliers: [0xd2511f53, 0xcd9e8d57],
  weyl: [0x9e3779b9, 0xbb67ae85],
} as const;

const { rounds: ROUNDS, multipliers: MULTIPLIERS, weyl: WEYL } = PHILOX;

function highHalf(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/**
 * Ten rounds of Philox 4×32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four counter words and
 * two key words to four random words, all unsigned.
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const low0 = Math.imul(MULTIPLIERS[0], c0) >>> 0;
    const low1 = Math.imul(MULTIPLIERS[1], c2) >>> 0;
    const high0 = highHalf(MULTIPLIERS[0], c0);
    const high1 = highHalf(MULTIPLIERS[1], c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL[0]) >>> 0;
    k1 = (k1 + WEYL[1]) >>> 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** A random word as a number in [0, 1): its upper 24 bits, which F32 holds exactly. */
function toUnit(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/**
 * Fills `target` with numbers in [0, 1). Element i is word i mod 4 of counter (step low, step high, stream, ⌊i/4⌋).
 * @param rng seed low, seed high, step low, step high
 */
export function fillUniform(target: Float64Array | Float32Array, rng: ArrayLike<number>, stream: number): void {
  for (let i = 0; i < target.length; i += 4) {
    const words = philox([rng[2]! >>> 0, rng[3]! >>> 0, stream >>> 0, i / 4], [rng[0]! >>> 0, rng[1]! >>> 0]);
    for (let lane = 0; lane < 4 && i + lane < target.length; lane++) target[i + lane] = toUnit(words[lane]!);
  }
}
