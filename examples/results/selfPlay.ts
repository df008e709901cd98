/**
 * @file Self-play on Connect4 over the wire: the host keeps the boards, a policy learns by `rl.step` from both sides of games with
 * itself and from games with its past selves, all of them rated by Elo. It is judged by players that it never learned from.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeTensor, encodeTensor, type Sidecar } from "../../clients/typescript/index.ts";
import { createDice } from "./dice.ts";
import { drawSelfPlay } from "./drawSelfPlay.ts";
import { COLUMNS, ROWS } from "./fourInARow.ts";
import { createPastSelves, type PastSelves, type Player, rate, tensorsOf } from "./pastSelves.ts";
import { type Seats, takeSeats } from "./seats.ts";

const SEATS = { own: 64, guests: 32, opening: 6, whim: 0.1 } as const;
const POOL = 12;
const UPDATES_BETWEEN_SELVES = 8;
/** How often a past self to play against is the newest. */
const NEWEST = 0.3;
const SEED = 1;
/** The learning rate falls towards 0 over so many times the moves: learning ends while it still moves. */
const SLOW_DOWN = 1.5;
/** Points of the curve. */
const POINTS = 16;

/** Layers without a dense one after them: what is to be done in a column is read off what stands in it. */
const BACKBONE = {
  type: "cnn",
  blocks: [{ channels: 32 }, { channels: 32 }, { channels: 16 }],
  norm: "none",
  hidden: [],
} as const;

const ALGORITHM = {
  type: "ppo",
  numSteps: 16,
  minibatchSize: 256,
  updateEpochs: 4,
  learningRate: 2e-3,
  gamma: 1,
  gaeLambda: 0.7,
  vfCoef: 1,
  entCoef: 0.03,
  clipVloss: false,
} as const;

/** Players inside that judge, and how many of its games it has to win. */
export const JUDGES = { random: 0.95, lookAhead: 0.6 } as const;
export type Judge = keyof typeof JUDGES;
/** From each side. */
const JUDGED_GAMES = 250;
const CURVE_GAMES = 50;
const JUDGING_SEED = 1_000_000;

/** How a learner stood after so many moves. */
export interface Standing {
  readonly moves: number;
  readonly elo: number;
  /** Share of games won. */
  readonly won: Readonly<Record<Judge, number>>;
}

export interface Played {
  readonly model: string;
  readonly curve: readonly Standing[];
  readonly pool: readonly Player[];
}

interface Table {
  readonly sidecar: Sidecar;
  readonly run: string;
  readonly own: Player;
  readonly pool: PastSelves;
  readonly seats: Seats;
  /** Who sits as guest in each group. */
  readonly guests: Player[];
}

/** One move on every seat of a group, and its guests' answers. @returns whether the learner has learned meanwhile */
async function turn({ sidecar, run, seats, pool, guests }: Table, group: number, isFirst: boolean): Promise<boolean> {
  const { rewards, terminated } = seats.outcomes(group);
  const flags = (data: Uint8Array) => encodeTensor({ dtype: "U8", shape: [seats.count], data });
  const told = {
    rewards: encodeTensor({ dtype: "F32", shape: [seats.count], data: rewards }),
    terminated: flags(terminated),
    truncated: flags(new Uint8Array(seats.count)),
  };
  const request = { run, group, ...tensorsOf(seats.see(group)), ...(isFirst ? {} : told) };
  const { actions, update } = await sidecar.rl.step(request as never);
  seats.play(group, decodeTensor(actions).data);
  seats.answer(group, await pool.ask(guests[group]!, seats.seeAsGuests(group)));
  return update !== undefined;
}

/** Learns from so many moves. @param onStanding hears how it stands, now and then */
export async function playItself(
  sidecar: Sidecar,
  { moves, points = POINTS }: { readonly moves: number; readonly points?: number },
  onStanding: (standing: Standing) => void = () => {},
): Promise<Played> {
  const dice = createDice(SEED);
  const environment = {
    type: "host",
    observation: { type: "box", shape: [2, ROWS, COLUMNS], low: 0, high: 1 },
    action: { type: "discrete", n: COLUMNS },
    count: SEATS.own + SEATS.guests,
    groups: 2,
    autoreset: "sameStep",
    mask: true,
  };
  const spec = {
    environment,
    backbone: BACKBONE,
    algorithm: ALGORITHM,
    totalSteps: Math.round(SLOW_DOWN * moves),
    seed: SEED,
  };
  const { run, model } = await sidecar.rl.create(spec as never);
  const own: Player = { model: model.id, elo: 0 };
  const pool = createPastSelves(sidecar, dice, POOL);
  const guests = [pool.draw(NEWEST), pool.draw(NEWEST)];
  const seats = takeSeats(SEATS, dice, (group, result) => rate(own, guests[group]!, result));
  const table = { sidecar, run: run.id, own, pool, seats, guests };
  const curve: Standing[] = [];
  let updates = 0;

  const stand = async (done: number): Promise<void> => {
    curve.push({ moves: done, elo: own.elo, won: await meetAll(sidecar, model.id, CURVE_GAMES) });
    onStanding(curve.at(-1)!);
  };

  for (let done = 0; done < moves; ) {
    for (const group of [0, 1]) {
      const hasLearned = await turn(table, group, done < 2 * seats.count);
      done += seats.count;
      if (!hasLearned) continue;
      if (++updates % UPDATES_BETWEEN_SELVES === 0) await pool.keep(own);
      guests.forEach((_, seat) => {
        guests[seat] = pool.draw(NEWEST);
      });
      if (done >= moves || done < ((curve.length + 1) * moves) / points) continue;
      await stand(done);
    }
  }
  await sidecar.rl.close({ run: run.id });
  await stand(moves);
  pool.forget();
  return { model: model.id, curve, pool: [...pool.players, own] };
}

/** How many of so many games a policy wins against a player inside, moving first and moving second. */
async function meet(sidecar: Sidecar, model: string, opponent: Judge, games: number): Promise<[number, number]> {
  const shares = ["agent", "opponent"].map(async (starts) => {
    const environment = { type: "Connect4", opponent, starts };
    const request = { model, environment, episodes: games, seed: JUDGING_SEED };
    const { returns } = await sidecar.policy.evaluate(request as never);
    return returns.filter((result) => Number(result) > 0).length / games;
  });
  return (await Promise.all(shares)) as [number, number];
}

async function meetAll(sidecar: Sidecar, model: string, games: number): Promise<Standing["won"]> {
  const [random, lookAhead] = [
    await meet(sidecar, model, "random", games),
    await meet(sidecar, model, "lookAhead", games),
  ].map(([first, second]) => (first + second) / 2) as [number, number];
  return { random, lookAhead };
}

/** Plays, judges, draws. @returns whether both judges were beaten as often as they have to be */
export async function selfPlay(sidecar: Sidecar, moves: number, folder: string): Promise<boolean> {
  console.log(`selfplay: Connect4 against itself and past selves, ${moves.toLocaleString("en")} moves`);
  const started = performance.now();
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const { model, curve, pool } = await playItself(sidecar, { moves }, ({ moves: done, elo, won }) => {
    const standing = `Elo ${elo.toFixed(0)}, random ${percent(won.random)}, lookAhead ${percent(won.lookAhead)}`;
    process.stderr.write(`  ${done} moves: ${standing}, ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  });
  const seconds = (performance.now() - started) / 1000;
  let isReached = true;
  for (const [opponent, wanted] of Object.entries(JUDGES) as [Judge, number][]) {
    const [first, second] = await meet(sidecar, model, opponent, JUDGED_GAMES);
    const share = (first + second) / 2;
    isReached &&= share >= wanted;
    const sides = `${percent(first)} moving first, ${percent(second)} second, ${JUDGED_GAMES} games each`;
    const mark = share >= wanted ? "✓" : "✗";
    console.log(`  ${mark} wins ${percent(share)} against ${opponent}, wanted ${percent(wanted)} (${sides})`);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "selfplay.svg"), drawSelfPlay(curve, moves, JUDGES));
  console.log(`  Elo of the pool, oldest first, itself last: ${pool.map(({ elo }) => elo.toFixed(0)).join(", ")}`);
  console.log(`  ${seconds.toFixed(0)} s of playing and learning; ${join(folder, "selfplay.svg")}`);
  return isReached;
}
