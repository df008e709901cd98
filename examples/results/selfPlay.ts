/**
 * @file Self-play on Connect4 over the wire: the host keeps the boards, a policy learns by `rl.step` against a pool of its own
 * past selves (`policy.act`), all of them rated by Elo; in the end it meets players that it has never seen.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeTensor, encodeTensor, type Sidecar } from "../../clients/typescript/index.ts";
import { allowed, type Board, COLUMNS, look, move, PLACES, ROWS } from "./fourInARow.ts";

const GAMES = 128;
/** Games against one past self, in a row of the batch. */
const BLOCK = 64;
const POOL = 8;
const UPDATES_BETWEEN_SELVES = 15;
/** How often a past self moves at random, so that games differ. */
const WHIM = 0.3;
const ELO_STEP = 4;
const JUDGED_GAMES = 200;
const WANTED = { random: 0.95, lookAhead: 0.6 } as const;

const ALGORITHM = {
  type: "ppo",
  numSteps: 32,
  minibatchSize: 1024,
  updateEpochs: 4,
  learningRate: 1e-3,
  annealLearningRate: false,
  entCoef: 0.01,
  clipVloss: false,
} as const;

interface Self {
  readonly model: string;
  elo: number;
}

interface Game {
  readonly board: Board;
  /** The learner's stones, 1 or 2. */
  side: number;
}

const chance = (probability: number): boolean => Math.random() < probability;
const anyOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)]!;

/** An empty board; half of the games begin with a move of the other side, at random. */
function begin(game: Game): void {
  game.board.fill(0);
  game.side = chance(0.5) ? 1 : 2;
  if (game.side === 2) move(game.board, anyOf(allowed(game.board)), 1);
}

/** What so many players see, as tensors of the wire. */
function views(games: readonly Game[], sideOf: (game: Game) => number) {
  const planes = new Float32Array(games.length * 2 * PLACES);
  const mask = new Uint8Array(games.length * COLUMNS);
  games.forEach((game, at) => {
    const seen = planes.subarray(at * 2 * PLACES, (at + 1) * 2 * PLACES);
    look(game.board, sideOf(game), seen, mask.subarray(at * COLUMNS, (at + 1) * COLUMNS));
  });
  return {
    observations: encodeTensor({ dtype: "F32", shape: [games.length, 2, ROWS, COLUMNS], data: planes }),
    mask: encodeTensor({ dtype: "U8", shape: [games.length, COLUMNS], data: mask }),
  };
}

/** Moves both ratings by a game's result for the first: 1, 0 or −1 (Elo 1978). */
function rate(own: Self, other: Self, result: number): void {
  const expected = 1 / (1 + 10 ** ((other.elo - own.elo) / 400));
  const change = ELO_STEP * ((result + 1) / 2 - expected);
  own.elo += change;
  other.elo -= change;
}

export async function selfPlay(sidecar: Sidecar, totalSteps: number): Promise<boolean> {
  console.log(`selfplay: Connect4 against past selves, ${totalSteps.toLocaleString("en")} moves`);
  const environment = {
    type: "host",
    observation: { type: "box", shape: [2, ROWS, COLUMNS], low: 0, high: 1 },
    action: { type: "discrete", n: COLUMNS },
    count: GAMES,
    autoreset: "sameStep",
    mask: true,
  };
  const backbone = { type: "mlp", hidden: [128, 128], activation: "relu" };
  const { run, model } = await sidecar.rl.create({ environment, backbone, algorithm: ALGORITHM, seed: 1 } as never);
  const folder = mkdtempSync(join(tmpdir(), "selves-"));
  const own: Self = { model: model.id, elo: 0 };
  const pool: Self[] = [];
  const games = Array.from({ length: GAMES }, (): Game => ({ board: new Uint8Array(PLACES), side: 1 }));
  const isOver = new Uint8Array(GAMES);
  const rewards = new Float32Array(GAMES);
  let opponents: Self[] = [];
  let updates = 0;

  /** One more past self; when there are too many, an older one goes. */
  async function keep(): Promise<void> {
    const path = join(folder, `self-${updates}`);
    await sidecar.models.save({ model: model.id, path });
    const { model: copy } = await sidecar.models.load({ path });
    pool.push({ model: copy.id, elo: own.elo });
    if (pool.length > POOL) {
      const [gone] = pool.splice(Math.floor(Math.random() * (pool.length - 1)), 1);
      await sidecar.models.delete({ model: gone!.model });
    }
  }

  const meet = (): void => {
    opponents = Array.from({ length: GAMES / BLOCK }, (_, at) => (at === 0 ? pool.at(-1)! : anyOf(pool)));
  };

  function finish(at: number, result: number): void {
    isOver[at] = 1;
    rewards[at] = result;
    if (opponents.length > 0) rate(own, opponents[Math.floor(at / BLOCK)]!, result);
    begin(games[at]!);
  }

  /** The past selves' answers, in all games that go on; before there are any, moves at random. */
  async function answer(): Promise<void> {
    const replies = await Promise.all(
      opponents.map(async ({ model: other }, block) => {
        const seen = views(games.slice(block * BLOCK, (block + 1) * BLOCK), ({ side }) => 3 - side);
        const { actions } = await sidecar.policy.act({ model: other, ...seen } as never);
        return decodeTensor(actions).data;
      }),
    );
    games.forEach((game, at) => {
      if (isOver[at] === 1) return;
      const planned = Number(replies[Math.floor(at / BLOCK)]?.[at % BLOCK] ?? -1);
      const column = planned < 0 || chance(WHIM) ? anyOf(allowed(game.board)) : planned;
      const result = move(game.board, column, 3 - game.side);
      if (result !== null) finish(at, -result);
    });
  }

  games.forEach(begin);
  const flags = (data: Uint8Array) => encodeTensor({ dtype: "U8", shape: [GAMES], data });
  let told: object = {};
  for (let steps = 0; steps < totalSteps; steps += GAMES) {
    const { actions, update } = await sidecar.rl.step({
      run: run.id,
      ...views(games, ({ side }) => side),
      ...told,
    } as never);
    if (update !== undefined && ++updates % UPDATES_BETWEEN_SELVES === 0) {
      await keep();
      meet();
      process.stderr.write(`\r  ${steps} moves, Elo ${own.elo.toFixed(0)}   `);
    }
    isOver.fill(0);
    rewards.fill(0);
    const chosen = decodeTensor(actions).data;
    games.forEach((game, at) => {
      const result = move(game.board, Number(chosen[at]), game.side);
      if (result !== null) finish(at, result);
    });
    await answer();
    told = {
      rewards: encodeTensor({ dtype: "F32", shape: [GAMES], data: rewards }),
      terminated: flags(isOver),
      truncated: flags(new Uint8Array(GAMES)),
    };
  }
  await sidecar.rl.close({ run: run.id });
  rmSync(folder, { recursive: true, force: true });
  console.log(`\r  Elo of the pool, oldest first: ${[...pool, own].map(({ elo }) => elo.toFixed(0)).join(", ")}`);
  const reached = [];
  for (const opponent of ["random", "lookAhead"] as const) reached.push(await judge(sidecar, model.id, opponent));
  return reached.every(Boolean);
}

async function judge(sidecar: Sidecar, model: string, opponent: keyof typeof WANTED): Promise<boolean> {
  const { returns } = await sidecar.policy.evaluate({
    model,
    environment: { type: "Connect4", opponent },
    episodes: JUDGED_GAMES,
    seed: 1_000_000,
  } as never);
  const share = returns.filter((result) => Number(result) > 0).length / returns.length;
  const isReached = share >= WANTED[opponent];
  const wanted = `wanted ${100 * WANTED[opponent]} %`;
  console.log(`  ${isReached ? "✓" : "✗"} wins ${(100 * share).toFixed(1)} % against ${opponent}, ${wanted}`);
  return isReached;
}
