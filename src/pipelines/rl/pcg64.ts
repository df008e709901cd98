/**
 * @file NumPy's default random generator, so that a seed gives the episodes that it gives in Gymnasium:
 * `Generator(PCG64(SeedSequence(seed)))`.
 */

/** How many 32-bit words the state of a generator takes: 4 of state, 4 of increment, whether half a draw is kept, and that half. */
export const PCG64_WORDS = 10;

/** A stream of numbers whose whole state lies in words that someone else owns, and may save and put back. */
export interface Pcg64 {
  /** Begins the stream of `numpy.random.default_rng(seed)`. @param seed a whole number in [0, 2⁵³) */
  seed(seed: number): void;
  /** In [0, 1), with 53 bits: `Generator.random()`. */
  random(): number;
  /** `Generator.uniform(low, high)`. */
  uniform(low: number, high: number): number;
  /** A whole number in [0, below), for `below` up to 2³²: `Generator.integers(below)`, by which `choice` chooses. */
  integer(below: number): number;
}

/** The upper half of the product of two 32-bit words. */
function highHalf(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65_536) + Math.floor(carry / 65_536)) >>> 0;
}

const lowHalf = (a: number, b: number): number => Math.imul(a, b) >>> 0;

const WORD = 2 ** 32;
/** The multiplier 2549297995355413924 · 2⁶⁴ + 4865540595714422341 (O'Neill 2014), least word first. */
const [M0, M1, M2, M3] = [0x9fccf645, 0x4385df64, 0x1fc65da4, 0x2360ed05] as const;

/** state ← state · multiplier + increment, modulo 2¹²⁸. */
function advance(words: Uint32Array): void {
  const [s0, s1, s2, s3] = [words[0]!, words[1]!, words[2]!, words[3]!];
  let sum = lowHalf(s0, M0) + words[4]!;
  words[0] = sum;
  sum = Math.floor(sum / WORD) + highHalf(s0, M0) + lowHalf(s0, M1) + lowHalf(s1, M0) + words[5]!;
  words[1] = sum;
  sum = Math.floor(sum / WORD) + highHalf(s0, M1) + highHalf(s1, M0) + words[6]!;
  sum += lowHalf(s0, M2) + lowHalf(s1, M1) + lowHalf(s2, M0);
  words[2] = sum;
  sum = Math.floor(sum / WORD) + highHalf(s0, M2) + highHalf(s1, M1) + highHalf(s2, M0) + words[7]!;
  words[3] = sum + lowHalf(s0, M3) + lowHalf(s1, M2) + lowHalf(s2, M1) + lowHalf(s3, M0);
}

/** @param words at least `PCG64_WORDS` of them, which are the generator's state from now on. */
export function createPcg64(words: Uint32Array): Pcg64 {
  let [high, low] = [0, 0];

  /** The next 64 bits, into `high` and `low`: the halves folded and rotated by the top six bits (XSL-RR). */
  const draw = (): void => {
    advance(words);
    const turn = words[3]! >>> 26;
    const [foldedHigh, foldedLow] = [words[3]! ^ words[1]!, words[2]! ^ words[0]!];
    const [upper, lower] = turn & 32 ? [foldedLow, foldedHigh] : [foldedHigh, foldedLow];
    const by = turn & 31;
    high = by === 0 ? upper >>> 0 : ((upper >>> by) | (lower << (32 - by))) >>> 0;
    low = by === 0 ? lower >>> 0 : ((lower >>> by) | (upper << (32 - by))) >>> 0;
  };

  /** The next 32 bits: a draw's lower half, then its upper one. */
  const draw32 = (): number => {
    if (words[8] === 1) {
      words[8] = 0;
      return words[9]!;
    }
    draw();
    words[8] = 1;
    words[9] = high;
    return low;
  };

  const random = (): number => {
    draw();
    return (high * 2 ** 21 + (low >>> 11)) * 2 ** -53;
  };

  return {
    seed(seed) {
      const entropy = seedWords(seed, 8);
      // The words of generate_state(4, uint64): state high, state low, sequence high, sequence low, each low word first.
      const [a1, a0, b1, b0] = [
        entropy.subarray(0, 2),
        entropy.subarray(2, 4),
        entropy.subarray(4, 6),
        entropy.subarray(6),
      ];
      const sequence = [b0[0]!, b0[1]!, b1[0]!, b1[1]!];
      for (let word = 0; word < 4; word++) {
        words[4 + word] = (sequence[word]! << 1) | (word === 0 ? 1 : sequence[word - 1]! >>> 31);
      }
      words.fill(0, 0, 4);
      advance(words);
      let carry = 0;
      for (const [word, value] of [a0[0]!, a0[1]!, a1[0]!, a1[1]!].entries()) {
        const sum = words[word]! + value + carry;
        words[word] = sum;
        carry = Math.floor(sum / WORD);
      }
      advance(words);
      words.fill(0, 8, PCG64_WORDS);
    },
    random,
    uniform: (from, to) => from + (to - from) * random(),
    // Lemire (2019): the upper half of a product, drawn again where its lower half shows a bias.
    integer(below) {
      if (below <= 1) return 0;
      let word = draw32();
      let rest = lowHalf(word, below);
      if (rest < below) {
        const threshold = (WORD - below) % below;
        while (rest < threshold) {
          word = draw32();
          rest = lowHalf(word, below);
        }
      }
      return highHalf(word, below);
    },
  };
}

const [INIT_A, MULTIPLY_A, INIT_B, MULTIPLY_B] = [0x43b0d7e5, 0x931e8875, 0x8b51f9dd, 0x58f38ded] as const;
const [MIX_LEFT, MIX_RIGHT] = [0xca01f9dd, 0x4973f715] as const;
const POOL = 4;

/** `SeedSequence(seed).generate_state(count)`: 32-bit words of a seed, hashed so that near seeds give unrelated ones (O'Neill 2015). */
export function seedWords(seed: number, count: number): Uint32Array {
  let factor: number = INIT_A;
  const hash = (value: number): number => {
    let mixed = value ^ factor;
    factor = Math.imul(factor, MULTIPLY_A) >>> 0;
    mixed = Math.imul(mixed, factor);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const mix = (one: number, other: number): number => {
    const mixed = Math.imul(MIX_LEFT, one) - Math.imul(MIX_RIGHT, other);
    return ((mixed | 0) ^ ((mixed | 0) >>> 16)) >>> 0;
  };
  const entropy = [seed >>> 0, Math.floor(seed / WORD)];
  const pool = Array.from({ length: POOL }, (_, index) => hash(entropy[index] ?? 0));
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
  }
  let other: number = INIT_B;
  return Uint32Array.from({ length: count }, (_, index) => {
    let value = pool[index % POOL]! ^ other;
    other = Math.imul(other, MULTIPLY_B) >>> 0;
    value = Math.imul(value, other);
    return (value ^ (value >>> 16)) >>> 0;
  });
}
