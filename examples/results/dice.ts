/** @file Chance with a seed: the same one gives the same games. */

export interface Dice {
  chance(probability: number): boolean;
  /** A whole number from 0, below `most`. */
  below(most: number): number;
  anyOf<Item>(items: readonly Item[]): Item;
}

/** Multiplies and mixes a counter: the avalanche of "splitmix32" (Steele et al. 2014), good enough to play with. */
export function createDice(seed: number): Dice {
  let counter = seed >>> 0;
  const draw = (): number => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(draw() * most);
  return { below, chance: (probability) => draw() < probability, anyOf: (items) => items[below(items.length)]! };
}
