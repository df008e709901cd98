/** @file Noughts and crosses. */
import { defineEnvironment } from "../../registry/define.ts";
import { vectorise } from "../vectorise.ts";
import { lineGame, lineOptions } from "./lines.ts";

const GAME = { rows: 3, columns: 3, wins: 3, falls: false } as const;
const LIMITS = { maxEpisodeSteps: null } as const;

export const ticTacToe = defineEnvironment({
  type: "TicTacToe",
  description: "Three in a row on 3 × 3 for two players, with masks; 1 for a win, −1 for a loss or a move not allowed",
  options: lineOptions,
  ...LIMITS,
  make: (chosen, setup) => vectorise(lineGame(GAME, chosen), { ...LIMITS, ...setup }),
});
