/** @file A learner's rating by Elo and its wins against its judges, over the moves that it learned from, as a picture. */
import { axes, colourOf, line, page } from "../lessons/draw/index.ts";
import type { Judge, Standing } from "./selfPlay.ts";

const NAMES: Readonly<Record<Judge, string>> = {
  random: "one who moves at random",
  lookAhead: "one who looks a move ahead",
};

/** @param wanted shares of games to win, drawn as dashed lines */
export function drawSelfPlay(
  curve: readonly Standing[],
  moves: number,
  wanted: Readonly<Record<Judge, number>>,
): string {
  const x = { label: "moves learned from", domain: [0, moves] as const };
  const last = curve.at(-1)!;
  const wins = (Object.keys(NAMES) as Judge[]).flatMap((judge, index) => [
    line({
      name: NAMES[judge],
      colour: colourOf(index + 1),
      points: curve.map(({ moves: at, won }) => [at, 100 * won[judge]]),
    }),
    line({
      name: `wanted: ${100 * wanted[judge]} %`,
      colour: colourOf(index + 1),
      dashed: true,
      points: [
        [0, 100 * wanted[judge]],
        [moves, 100 * wanted[judge]],
      ],
    }),
  ]);
  const ratings = line({
    colour: colourOf(0),
    points: [[0, 0], ...curve.map(({ moves: at, elo }) => [at, elo] as const)],
  });
  return page({
    title: `Connect4 learned by self-play: Elo ${last.elo.toFixed(0)} above random moves`,
    subtitle: `rated in games with past selves, of which each takes over the rating that it had; judged by players that it never learned from`,
    lines: [
      {
        height: 340,
        panels: [
          axes({ title: "rating", x, y: { label: "Elo, random moves are 0" }, marks: [ratings] }),
          axes({ title: "games won against", x, y: { label: "% of games", domain: [0, 100] }, marks: wins }),
        ],
      },
    ],
  });
}
