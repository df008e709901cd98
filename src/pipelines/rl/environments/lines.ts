/** @file Games of stones in a row for two players: the board, its lines, and the players that a learner can be set against. */
import { z } from "zod";
import type { Pcg64 } from "../pcg64.ts";
import { box } from "../spaces.ts";
import type { Rules, Stage, World } from "../vectorise.ts";

export interface LineGame {
  readonly rows: number;
  readonly columns: number;
  /** How many stones in a row win. */
  readonly wins: number;
  /** Stones fall to the lowest free place of a column, and an action names a column; else an action names a place. */
  readonly falls: boolean;
}

export const lineOptions = z.object({
  opponent: z
    .enum(["none", "random", "lookAhead"])
    .default("none")
    .describe(
      "Who answers each move: none, so that both players are asked in turn; one at random; or one that wins or blocks when a single move does it",
    ),
  starts: z.enum(["random", "agent", "opponent"]).default("random").describe("With an opponent: who moves first"),
});

type LineOptions = z.output<typeof lineOptions>;

/** Half of the directions a line may have, as [rows, columns]. */
const DIRECTIONS = [
  [0, 1],
  [1, 0],
  [1, 1],
  [1, -1],
] as const;

/** The board of every copy: 0 is free, 1 and 2 are the players' stones; top row first. */
function createBoards({ rows, columns, wins, falls }: LineGame, count: number) {
  const places = rows * columns;
  const cells = new Uint8Array(count * places);
  const stones = new Int32Array(count);

  /** Where a stone would come to lie; −1 where none can. */
  const landing = (copy: number, action: number): number => {
    if (!falls) return cells[copy * places + action] === 0 ? action : -1;
    for (let row = rows - 1; row >= 0; row--) {
      if (cells[copy * places + row * columns + action] === 0) return row * columns + action;
    }
    return -1;
  };
  const isInside = (row: number, column: number): boolean => row >= 0 && row < rows && column >= 0 && column < columns;
  /** How many of `player`'s stones lie side by side from, but without, `place`. */
  const along = (copy: number, place: number, player: number, down: number, right: number): number => {
    let run = 0;
    let [row, column] = [Math.floor(place / columns) + down, (place % columns) + right];
    while (isInside(row, column) && cells[copy * places + row * columns + column] === player) {
      run++;
      row += down;
      column += right;
    }
    return run;
  };
  /** Whether a stone of `player` on `place` completes a line. */
  const completes = (copy: number, place: number, player: number): boolean =>
    DIRECTIONS.some(
      ([down, right]) =>
        along(copy, place, player, down, right) + along(copy, place, player, -down, -right) + 1 >= wins,
    );
  return {
    cells,
    stones,
    places,
    actions: falls ? columns : places,
    landing,
    completes,
    clear(copy: number): void {
      cells.fill(0, copy * places, (copy + 1) * places);
      stones[copy] = 0;
    },
    put(copy: number, place: number, player: number): void {
      cells[copy * places + place] = player;
      stones[copy]!++;
    },
    isFull: (copy: number): boolean => stones[copy] === places,
  };
}

type Boards = ReturnType<typeof createBoards>;

/** A player's choice among the allowed actions. */
type Player = (boards: Boards, copy: number, player: number, random: Pcg64) => number;

const randomPlayer: Player = (boards, copy, _player, random) => {
  let free = 0;
  for (let action = 0; action < boards.actions; action++) if (boards.landing(copy, action) >= 0) free++;
  let chosen = random.integer(free);
  for (let action = 0; action < boards.actions; action++) {
    if (boards.landing(copy, action) >= 0 && chosen-- === 0) return action;
  }
  return 0;
};

const lookAheadPlayer: Player = (boards, copy, player, random) => {
  for (const whose of [player, 3 - player]) {
    for (let action = 0; action < boards.actions; action++) {
      const place = boards.landing(copy, action);
      if (place >= 0 && boards.completes(copy, place, whose)) return action;
    }
  }
  return randomPlayer(boards, copy, player, random);
};

const PLAYERS = { none: null, random: randomPlayer, lookAhead: lookAheadPlayer } as const;

/** A move's result for the one who made it: 1 won, −1 lost by a move that is not allowed, 0 drawn, null not over. */
function play(boards: Boards, copy: number, player: number, action: number): number | null {
  const place = boards.landing(copy, action);
  if (place < 0) return -1;
  const won = boards.completes(copy, place, player);
  boards.put(copy, place, player);
  return won ? 1 : boards.isFull(copy) ? 0 : null;
}

/** Writes the board as two planes, first the stones of the one who looks, and which moves are left. */
function show(boards: Boards, { observations, mask }: Stage, copy: number, player: number): void {
  const { cells, places, actions } = boards;
  for (let place = 0; place < places; place++) {
    const stone = cells[copy * places + place]!;
    observations[copy * 2 * places + place] = stone === player ? 1 : 0;
    observations[(copy * 2 + 1) * places + place] = stone === 3 - player ? 1 : 0;
  }
  for (let action = 0; action < actions; action++) {
    mask[copy * actions + action] = boards.landing(copy, action) >= 0 ? 1 : 0;
  }
}

/** Both players are asked in turn: `turn` says which, the observation is theirs, the reward the mover's. */
function forTwo(boards: Boards, stage: Stage): World {
  const { turn, terminated } = stage;
  return {
    state: [boards.cells, boards.stones],
    begin(copy) {
      boards.clear(copy);
      turn[copy] = 0;
      show(boards, stage, copy, 1);
    },
    move(copy, actions) {
      const player = turn[copy]! + 1;
      const result = play(boards, copy, player, actions[copy]!);
      if (result !== null) terminated[copy] = 1;
      turn[copy] = 2 - player;
      show(boards, stage, copy, 3 - player);
      return result ?? 0;
    },
  };
}

/** The agent's move and the opponent's answer are one step. */
function againstOne(boards: Boards, stage: Stage, opponent: Player, starts: LineOptions["starts"]): World {
  const { random, terminated, count } = stage;
  const agent = new Uint8Array(count);
  const answer = (copy: number): number | null => {
    const other = 3 - agent[copy]!;
    return play(boards, copy, other, opponent(boards, copy, other, random[copy]!));
  };
  return {
    state: [boards.cells, boards.stones, agent],
    begin(copy) {
      boards.clear(copy);
      const isFirst = starts === "random" ? random[copy]!.integer(2) === 0 : starts === "agent";
      agent[copy] = isFirst ? 1 : 2;
      if (!isFirst) answer(copy);
      show(boards, stage, copy, agent[copy]!);
    },
    move(copy, actions) {
      const own = play(boards, copy, agent[copy]!, actions[copy]!);
      const theirs = own === null ? answer(copy) : null;
      if (own !== null || theirs !== null) terminated[copy] = 1;
      show(boards, stage, copy, agent[copy]!);
      return own ?? (theirs === null || theirs === 0 ? 0 : -theirs);
    },
  };
}

export function lineGame(game: LineGame, { opponent, starts }: LineOptions): Rules {
  const player = PLAYERS[opponent];
  return {
    observationSpace: box([2, game.rows, game.columns], 0, 1),
    actionSpace: { type: "discrete", n: game.falls ? game.columns : game.rows * game.columns },
    masks: true,
    turns: player === null,
    create(stage) {
      const boards = createBoards(game, stage.count);
      return player === null ? forTwo(boards, stage) : againstOne(boards, stage, player, starts);
    },
  };
}
