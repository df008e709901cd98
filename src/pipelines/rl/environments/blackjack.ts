/** @file Blackjack against a dealer (Sutton and Barto, example 5.1), as Gymnasium's `Blackjack-v1`: draws with replacement. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import type { Pcg64 } from "../pcg64.ts";
import { type Rules, vectorise } from "../vectorise.ts";

/** 1 is the ace; jack, queen and king count 10. */
const DECK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10] as const;
const SUITS = 4;
const FACES = 3;
const [HIT, DEALER_STANDS, BEST] = [1, 17, 21];

const options = z.object({
  natural: z
    .boolean()
    .default(false)
    .describe("Whether winning with an ace and a ten at once pays 1.5; not with `sab`"),
  sab: z
    .boolean()
    .default(true)
    .describe("Sutton and Barto's rule: an ace and a ten at once win unless the dealer has them too"),
});

const draw = (random: Pcg64): number => DECK[random.integer(DECK.length)]!;
/** A hand as four numbers: the sum with every ace as 1, aces, cards, and the first card. */
const WIDTH = 4;

const blackjack = ({ natural, sab }: z.output<typeof options>): Rules => ({
  observationSpace: { type: "multiDiscrete", nvec: [32, 11, 2] },
  actionSpace: { type: "discrete", n: 2 },
  create({ count, random, observations, terminated }) {
    const player = new Int32Array(count * WIDTH);
    const dealer = new Int32Array(count * WIDTH);
    const deal = (hand: Int32Array, copy: number): void => {
      const [at, card] = [copy * WIDTH, draw(random[copy]!)];
      if (hand[at + 2] === 0) hand[at + 3] = card;
      hand[at]! += card;
      if (card === 1) hand[at + 1]!++;
      hand[at + 2]!++;
    };
    const hasUsableAce = (hand: Int32Array, copy: number): boolean =>
      hand[copy * WIDTH + 1]! > 0 && hand[copy * WIDTH]! + 10 <= BEST;
    const total = (hand: Int32Array, copy: number): number => hand[copy * WIDTH]! + (hasUsableAce(hand, copy) ? 10 : 0);
    const score = (hand: Int32Array, copy: number): number => {
      const points = total(hand, copy);
      return points > BEST ? 0 : points;
    };
    const isNatural = (hand: Int32Array, copy: number): boolean =>
      hand[copy * WIDTH + 2] === 2 && total(hand, copy) === BEST;
    const observe = (copy: number): void => {
      observations[copy * 3] = total(player, copy);
      observations[copy * 3 + 1] = dealer[copy * WIDTH + 3]!;
      observations[copy * 3 + 2] = hasUsableAce(player, copy) ? 1 : 0;
    };
    const settle = (copy: number): number => {
      while (total(dealer, copy) < DEALER_STANDS) deal(dealer, copy);
      const outcome = Math.sign(score(player, copy) - score(dealer, copy));
      if (sab) return isNatural(player, copy) && !isNatural(dealer, copy) ? 1 : outcome;
      return natural && isNatural(player, copy) && outcome === 1 ? 1.5 : outcome;
    };
    return {
      state: [player, dealer],
      begin(copy) {
        for (const hand of [dealer, player]) {
          hand.fill(0, copy * WIDTH, (copy + 1) * WIDTH);
          deal(hand, copy);
          deal(hand, copy);
        }
        // Gymnasium draws what the dealer's card looks like: its suit, and of a ten its face.
        random[copy]!.integer(SUITS);
        if (dealer[copy * WIDTH + 3] === 10) random[copy]!.integer(FACES);
        observe(copy);
      },
      move(copy, actions) {
        if (actions[copy] === HIT) {
          deal(player, copy);
          observe(copy);
          if (total(player, copy) <= BEST) return 0;
          terminated[copy] = 1;
          return -1;
        }
        terminated[copy] = 1;
        return settle(copy);
      },
    };
  },
});

const LIMITS = { maxEpisodeSteps: null } as const;

export const blackjackV1 = defineEnvironment({
  type: "Blackjack-v1",
  description: "Stick or hit to come closer to 21 than the dealer; 1 for a win, −1 for a loss",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(blackjack(chosen), { ...LIMITS, ...setup }),
});
