/** Self-play as `npm run results -- selfplay` does it: what each seat sees and gets, how ratings move, and that a little of it helps. */
import { describe, expect, it } from "vitest";
import { startSidecar } from "../../clients/typescript/index.ts";
import { createDice } from "../../examples/results/dice.ts";
import { PLACES } from "../../examples/results/fourInARow.ts";
import { type Player, rate } from "../../examples/results/pastSelves.ts";
import { takeSeats } from "../../examples/results/seats.ts";
import { playItself } from "../../examples/results/selfPlay.ts";

const dice = () => createDice(1);
const stones = (planes: Float32Array): number[] =>
  [0, 1].map((plane) => planes.slice(plane * PLACES, (plane + 1) * PLACES).reduce((sum, stone) => sum + stone, 0));

describe("two seats of one game", () => {
  const sit = () => takeSeats({ own: 1, guests: 0, opening: 0, whim: 0 }, dice(), () => {});

  it("see the same board, each its own stones first", () => {
    const seats = sit();
    seats.play(0, [3]);
    expect(stones(seats.see(0).planes)).toEqual([1, 0]);
    expect(stones(seats.see(1).planes)).toEqual([0, 1]);
  });

  it("are told nothing while the game goes on", () => {
    const seats = sit();
    seats.play(0, [3]);
    seats.play(1, [3]);
    expect([0, 1].map((group) => seats.outcomes(group).terminated[0])).toEqual([0, 0]);
  });

  it("get opposite rewards for their last moves when one wins, and begin anew", () => {
    const seats = sit();
    for (const _ of [1, 2, 3]) {
      seats.play(0, [0]);
      seats.play(1, [6]);
    }
    seats.play(0, [0]);
    const [winner, loser] = [seats.outcomes(0), seats.outcomes(1)];
    expect([winner.rewards[0], loser.rewards[0]]).toEqual([1, -1]);
    expect([winner.terminated[0], loser.terminated[0]]).toEqual([1, 1]);
    expect(stones(seats.see(1).planes)).toEqual([0, 0]);
  });

  it("are told of an end once", () => {
    const seats = sit();
    for (const column of [0, 6, 0, 6, 0, 6, 0]) seats.play(column === 0 ? 0 : 1, [column]);
    seats.outcomes(0);
    expect([...seats.outcomes(0).terminated]).toEqual([0]);
  });
});

describe("a seat against a guest", () => {
  it("loses what the guest wins, by the guest's answer to its move", () => {
    const results: number[] = [];
    const seats = takeSeats({ own: 0, guests: 1, opening: 0, whim: 0 }, dice(), (_, result) => results.push(result));
    for (const column of [0, 1, 0, 1]) {
      seats.play(0, [column]);
      seats.answer(0, [6]);
    }
    const { rewards, terminated } = seats.outcomes(0);
    expect([rewards[0], terminated[0], ...results]).toEqual([-1, 1, -1]);
  });
});

describe("openings at random", () => {
  it("differ, end no game, and leave both sides with as many stones, or one less", () => {
    const seats = takeSeats({ own: 50, guests: 0, opening: 6, whim: 0 }, dice(), () => {});
    const { planes } = seats.see(0);
    const counts = Array.from({ length: 50 }, (_, game) => stones(planes.slice(game * 2 * PLACES)));
    expect(new Set(counts.map(([own, other]) => own! + other!)).size).toBe(7);
    for (const [own, other] of counts) expect([0, 1]).toContain(other! - own!);
  });
});

describe("ratings", () => {
  const players = (elo: number): [Player, Player] => [
    { model: "m_1", elo },
    { model: "m_2", elo: 0 },
  ];

  it("stay where a draw was to be expected", () => {
    const [own, other] = players(0);
    rate(own, other, 0);
    expect([own.elo, other.elo]).toEqual([0, 0]);
  });

  it("move less by a win that was to be expected, and by as much for both", () => {
    const [better, other] = players(400);
    rate(better, other, 1);
    expect(better.elo - 400).toBeCloseTo(4 / 11, 6);
    expect(other.elo).toBeCloseTo(-4 / 11, 6);
  });

  it("are measured from one who moves at random, whose own stays 0", () => {
    const [own, atRandom]: Player[] = [
      { model: "m_1", elo: 0 },
      { model: null, elo: 0 },
    ];
    rate(own!, atRandom!, 1);
    expect([own!.elo, atRandom!.elo]).toEqual([2, 0]);
  });
});

it("some seconds of self-play make a player that wins most games against one who moves at random", async () => {
  const sidecar = await startSidecar();
  try {
    const { curve } = await playItself(sidecar, { moves: 12_288, points: 1 });
    expect(curve.at(-1)!.won.random).toBeGreaterThan(0.8);
  } finally {
    await sidecar.close();
  }
});
