/** @file Masks that leave nothing to choose. */

/**
 * How often nothing may be chosen.
 * @param mask [copies, sum of choices] @param choices how many each choice has
 * @param idle [copies], 1 where nothing is to be chosen: a game that is over allows no move
 */
export function blindChoices(mask: ArrayLike<number>, choices: readonly number[], idle: ArrayLike<number>): number {
  let [blind, at] = [0, 0];
  for (let copy = 0; copy < idle.length; copy++) {
    for (const count of choices) {
      let allowed = 0;
      for (const end = at + count; at < end; at++) allowed += mask[at]!;
      if (allowed === 0 && idle[copy] === 0) blind++;
    }
  }
  return blind;
}
