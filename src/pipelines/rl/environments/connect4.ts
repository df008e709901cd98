/** @file Four in a row with stones that fall. */
import { defineEnvironment } from "../../registry/define.ts";
import { vectorise } from "../vectorise.ts";
import { lineGame, lineOptions } from "./lines.ts";

const GAME = { rows: 6, columns: 7, wins: 4, falls: true } as const;
const LIMITS = { maxEpisodeSteps: null } as const;

export const connect4 = defineEnvironment({
  type: "Connect4",
  description: "Four in a row, 7 columns that fill from below, for two players, with masks; 1 for a win, −1 for a loss",
  options: lineOptions,
  ...LIMITS,
  make: (chosen, setup) => vectorise(lineGame(GAME, chosen), { ...LIMITS, ...setup }),
});
