/**
 * @file Many games of four in a row as a learner's environments. In some it plays both sides, in others against a guest. Seats come
 * in two groups that move in turn: of a game with itself each group has one seat, so that every move is learned from, and what one
 * seat wins the other loses; a guest's answer is part of what a move leads to.
 */
import type { Dice } from "./dice.ts";
import { allowed, type Board, COLUMNS, look, move, PLACES } from "./fourInARow.ts";

export interface SeatsOptions {
  /** Games of the learner with itself. */
  readonly own: number;
  /** Games with a guest, in each group. */
  readonly guests: number;
  /** Games begin with up to so many stones at random. */
  readonly opening: number;
  /** How often a guest moves at random. */
  readonly whim: number;
}

/** What so many players see. */
export interface View {
  /** [players, 2, ROWS, COLUMNS] */
  readonly planes: Float32Array;
  /** [players, COLUMNS] */
  readonly mask: Uint8Array;
}

/** What the group's last moves led to, [seats] each. */
export interface Outcomes {
  readonly rewards: Float32Array;
  readonly terminated: Uint8Array;
}

export interface Seats {
  /** Of a group: first those of games with itself. */
  readonly count: number;
  see(group: number): View;
  /** Handed out once: what comes next begins from nothing. */
  outcomes(group: number): Outcomes;
  /** The learner's moves on all seats of the group. */
  play(group: number, columns: ArrayLike<number | bigint>): void;
  seeAsGuests(group: number): View;
  /** The guests' moves, where it is their turn; null: at random. */
  answer(group: number, columns: ArrayLike<number | bigint> | null): void;
}

interface Game {
  readonly board: Board;
  /** Whose move comes next: 0 the first group's seat, or the learner's; 1 the second one's, or the guest's. */
  next: 0 | 1;
  /** Stones of the two, 1 or 2. */
  stones: [number, number];
}

/** @param ended hears of each game with a guest: 1, 0 or −1 for the learner */
export function takeSeats(
  { own, guests, opening, whim }: SeatsOptions,
  dice: Dice,
  ended: (group: number, result: number) => void,
): Seats {
  const count = own + guests;
  const newGame = (): Game => begin({ board: new Uint8Array(PLACES), next: 0, stones: [1, 2] });
  const shared = Array.from({ length: own }, newGame);
  const hosted = [0, 1].map(() => Array.from({ length: guests }, newGame));
  const results = [0, 1].map(() => ({ rewards: new Float32Array(count), terminated: new Uint8Array(count) }));

  /** Stones at random that end no game; whose move it is stays. */
  function begin(game: Game): Game {
    const stones = dice.below(opening + 1);
    let [isOver, player] = [true, 1];
    while (isOver) {
      game.board.fill(0);
      [isOver, player] = [false, 1];
      for (let placed = 0; placed < stones && !isOver; placed++, player = 3 - player) {
        isOver = move(game.board, dice.anyOf(allowed(game.board)), player) !== null;
      }
    }
    game.stones = game.next === 0 ? [player, 3 - player] : [3 - player, player];
    return game;
  }

  /** One move of whoever is next. @returns its result for them; null where the game goes on */
  function step(game: Game, column: number): number | null {
    const result = move(game.board, column, game.stones[game.next]);
    game.next = game.next === 0 ? 1 : 0;
    if (result !== null) begin(game);
    return result;
  }

  /** A game that an opening let the other side win at once was over before the seat had a move: it keeps what it got before. */
  function tell(group: number, seat: number, result: number): void {
    const { rewards, terminated } = results[group]!;
    if (terminated[seat] === 1) return;
    rewards[seat] = result;
    terminated[seat] = 1;
  }

  function viewOf(games: readonly Game[], player: (game: Game, at: number) => number): View {
    const view = { planes: new Float32Array(games.length * 2 * PLACES), mask: new Uint8Array(games.length * COLUMNS) };
    games.forEach((game, at) => {
      const planes = view.planes.subarray(at * 2 * PLACES, (at + 1) * 2 * PLACES);
      look(game.board, player(game, at), planes, view.mask.subarray(at * COLUMNS, (at + 1) * COLUMNS));
    });
    return view;
  }

  return {
    count,
    see: (group) => viewOf([...shared, ...hosted[group]!], ({ stones }, at) => (at < own ? stones[group]! : stones[0])),
    outcomes(group) {
      const { rewards, terminated } = results[group]!;
      results[group] = { rewards: new Float32Array(count), terminated: new Uint8Array(count) };
      return { rewards, terminated };
    },
    play(group, columns) {
      shared.forEach((game, seat) => {
        const result = step(game, Number(columns[seat]));
        if (result === null) return;
        tell(group, seat, result);
        tell(1 - group, seat, -result);
      });
      hosted[group]!.forEach((game, at) => {
        const result = step(game, Number(columns[own + at]));
        if (result === null) return;
        tell(group, own + at, result);
        ended(group, result);
      });
    },
    seeAsGuests: (group) => viewOf(hosted[group]!, ({ stones }) => stones[1]),
    answer(group, columns) {
      hosted[group]!.forEach((game, at) => {
        const isAtRandom = columns === null || dice.chance(whim);
        const result = step(game, isAtRandom ? dice.anyOf(allowed(game.board)) : Number(columns[at]));
        if (result === null) return;
        tell(group, own + at, -result);
        ended(group, -result);
      });
    },
  };
}
