import { describe, expect, it } from "vitest";
import { createRegistry } from "../../../src/pipelines/registry/registry.ts";
import type { VectorEnvironment } from "../../../src/pipelines/rl/environment.ts";

const { environments } = createRegistry();

function make(type: string, options: object = {}, count = 1): VectorEnvironment {
  const definition = environments.get(type)!;
  const environment = definition.make(definition.options.parse(options), { count, autoreset: "nextStep" });
  environment.reset(0);
  return environment;
}
const play = (game: VectorEnvironment, ...moves: number[]): void => {
  for (const move of moves) game.step(Int32Array.of(move));
};
const result = ({ rewards, terminated }: VectorEnvironment) => [rewards[0], terminated[0]];

describe("noughts and crosses", () => {
  it.each([
    ["a row", [0, 3, 1, 4, 2]],
    ["a column", [0, 1, 3, 2, 6]],
    ["a diagonal", [0, 1, 4, 2, 8]],
    ["the other diagonal", [2, 1, 4, 0, 6]],
  ])("is won by %s, by the one who moved", (_, moves) => {
    const game = make("TicTacToe");
    play(game, ...moves.slice(0, -1));
    expect(result(game)).toEqual([0, 0]);
    play(game, moves.at(-1)!);
    expect(result(game)).toEqual([1, 1]);
  });

  it("is drawn when the board is full", () => {
    const game = make("TicTacToe");
    play(game, 0, 1, 2, 4, 3, 5, 7, 6, 8);
    expect(result(game)).toEqual([0, 1]);
  });

  it("takes turns, and shows each player its own stones first", () => {
    const game = make("TicTacToe");
    play(game, 4);
    expect(game.turn![0]).toBe(1);
    expect([game.observations[4], game.observations[9 + 4]]).toEqual([0, 1]);
    play(game, 0);
    expect(game.turn![0]).toBe(0);
    expect([game.observations[4], game.observations[9 + 0]]).toEqual([1, 1]);
  });

  it("forbids places that are taken, and a player who takes one has lost", () => {
    const game = make("TicTacToe");
    play(game, 4);
    expect([...game.mask!]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
    play(game, 4);
    expect(result(game)).toEqual([-1, 1]);
  });
});

describe("four in a row", () => {
  it.each([
    ["a column", [0, 1, 0, 1, 0, 1, 0]],
    ["a row", [0, 0, 1, 1, 2, 2, 3]],
    ["a row filled from within", [0, 0, 3, 3, 1, 1, 2]],
    ["a diagonal", [0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3]],
    ["the other diagonal", [6, 5, 5, 4, 4, 3, 4, 3, 3, 0, 3]],
  ])("is won by %s", (_, moves) => {
    const game = make("Connect4");
    play(game, ...moves.slice(0, -1));
    expect(result(game)).toEqual([0, 0]);
    play(game, moves.at(-1)!);
    expect(result(game)).toEqual([1, 1]);
  });

  it("forbids a column that is full", () => {
    const game = make("Connect4");
    play(game, 2, 2, 2, 2, 2, 2);
    expect([...game.mask!]).toEqual([1, 1, 0, 1, 1, 1, 1]);
  });

  it("does not join lines around the edge", () => {
    const game = make("Connect4");
    play(game, 4, 0, 5, 1, 6, 2, 0);
    expect(result(game)).toEqual([0, 0]);
  });
});

describe("an opponent", () => {
  /** The first allowed column of a player that looks one move ahead loses to nobody who plays at random, almost. */
  function score(opponent: string, choose: (game: VectorEnvironment) => number, games: number): number {
    const game = make("Connect4", { opponent });
    let [sum, played] = [0, 0];
    while (played < games) {
      game.step(Int32Array.of(choose(game)));
      if (game.terminated[0] === 1) {
        sum += game.rewards[0]!;
        played++;
      }
    }
    return sum / games;
  }
  const anyColumn = () => {
    let drawn = 1;
    return ({ mask }: VectorEnvironment): number => {
      do drawn = (Math.imul(drawn, 1103515245) + 12345) >>> 0;
      while (mask![(drawn >>> 16) % 7] === 0);
      return (drawn >>> 16) % 7;
    };
  };

  it("makes a game for one: no turns, the answer within the step", () => {
    const game = make("TicTacToe", { opponent: "random", starts: "agent" });
    expect(game.turn).toBeUndefined();
    play(game, 4);
    expect(game.observations.reduce((sum, stone) => sum + stone, 0)).toBe(2);
  });

  it("begins when told", () => {
    const game = make("TicTacToe", { opponent: "random", starts: "opponent" });
    expect(game.observations.reduce((sum, stone) => sum + stone, 0)).toBe(1);
  });

  it("that looks ahead takes the win, and blocks the other's", () => {
    const game = make("TicTacToe", { opponent: "lookAhead", starts: "agent" });
    play(game, 0);
    const second = [1, 3, 4].find((place) => game.mask![place] === 1)!;
    play(game, second);
    const third = { 1: 2, 3: 6, 4: 8 }[second]!;
    expect(game.mask![third]).toBe(0);
  });

  it("that looks ahead beats one at random far oftener than another at random does", () => {
    expect(score("lookAhead", anyColumn(), 100)).toBeLessThan(-0.7);
    expect(Math.abs(score("random", anyColumn(), 100))).toBeLessThan(0.4);
  });
});
