/** @file The taxi that fetches a passenger (Dietterich 2000), as Gymnasium's `Taxi-v4`, with its mask of actions that change anything. */
import { z } from "zod";
import { defineEnvironment } from "../../registry/define.ts";
import { vectorise } from "../vectorise.ts";
import { type Beside, type Outcome, type Transitions, transitionRules } from "./transitions.ts";

/** What stands between a cell and its neighbour on the right, row by row: `|` is a wall. */
const BETWEEN = [":|::", ":|::", "::::", "|:|:", "|:|:"] as const;
const SIZE = 5;
/** Where passengers wait and want to go: red, green, yellow, blue; as [row, column]. */
const PLACES = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
] as const;
const IN_TAXI = PLACES.length;
const STATES = SIZE * SIZE * (IN_TAXI + 1) * PLACES.length;
/** South, north, east, west, pick up, drop off. */
const ACTIONS = 6;
const MOVES = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const;
/** What lies to the left and to the right of each direction. */
const SIDES = [
  [2, 3],
  [3, 2],
  [1, 0],
  [0, 1],
] as const;

const options = z.object({
  isRainy: z.boolean().default(false).describe("Whether a move may go to the left or right of where it was meant to"),
  ficklePassenger: z
    .boolean()
    .default(false)
    .describe("Whether the passenger may want to go elsewhere, once on the way"),
  rainyProbability: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe("How likely a move in the rain goes where it was meant to"),
  fickleProbability: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe("How likely a fickle passenger changes its mind in an episode"),
});

interface Place {
  readonly row: number;
  readonly column: number;
}
interface Situation extends Place {
  readonly passenger: number;
  readonly destination: number;
}

const encode = ({ row, column, passenger, destination }: Situation): number =>
  ((row * SIZE + column) * (IN_TAXI + 1) + passenger) * PLACES.length + destination;

function decode(state: number): Situation {
  const [destination, rest] = [state % PLACES.length, Math.floor(state / PLACES.length)];
  const [passenger, cell] = [rest % (IN_TAXI + 1), Math.floor(rest / (IN_TAXI + 1))];
  return { row: Math.floor(cell / SIZE), column: cell % SIZE, passenger, destination };
}

/** Where a move leads: nowhere, at the edge or a wall. */
function driven({ row, column }: Place, direction: number): Place {
  const [down, right] = MOVES[direction]!;
  const to = { row: row + down, column: column + right };
  if (to.row < 0 || to.row >= SIZE || to.column < 0 || to.column >= SIZE) return { row, column };
  const isWalled = right !== 0 && BETWEEN[row]![Math.min(column, to.column)] === "|";
  return isWalled ? { row, column } : to;
}

const isSame = (one: Place, other: Place): boolean => one.row === other.row && one.column === other.column;
/** Which of the four places this is; −1 for none. */
const placeAt = ({ row, column }: Place): number => PLACES.findIndex(([r, c]) => r === row && c === column);

/** What picking up (4) and dropping off (5) do. */
function handle(at: Situation, action: number): Outcome {
  const here = placeAt(at);
  const [isWaiting, isIn] = [at.passenger < IN_TAXI && here === at.passenger, at.passenger === IN_TAXI];
  const passenger = action === 4 && isWaiting ? IN_TAXI : action === 5 && isIn && here >= 0 ? here : at.passenger;
  const isDelivered = action === 5 && isIn && here === at.destination;
  const reward = isDelivered ? 20 : passenger === at.passenger ? -10 : -1;
  return { probability: 1, next: encode({ ...at, passenger }), reward, terminated: isDelivered };
}

function outcomesOf(state: number, action: number, rain: number | null): Outcome[] {
  const at = decode(state);
  if (action >= MOVES.length) return [handle(at, action)];
  const to = (direction: number, probability: number): Outcome => {
    return { probability, next: encode({ ...at, ...driven(at, direction) }), reward: -1, terminated: false };
  };
  if (rain === null) return [to(action, 1)];
  // Where the way ahead is blocked, there is no drifting aside either.
  const isBlocked = isSame(driven(at, action), at);
  const [left, right] = isBlocked ? [action, action] : SIDES[action]!;
  return [to(action, rain), to(left, (1 - rain) / 2), to(right, (1 - rain) / 2)];
}

function isUseful(state: number, action: number): boolean {
  const at = decode(state);
  if (action < MOVES.length) return !isSame(driven(at, action), at);
  return action === 4 ? at.passenger === placeAt(at) : at.passenger === IN_TAXI && placeAt(at) >= 0;
}

function taxi({
  isRainy,
  ficklePassenger,
  rainyProbability,
  fickleProbability,
}: z.output<typeof options>): Transitions {
  const isFirst = Array.from({ length: STATES }, (_, state) => {
    const { passenger, destination } = decode(state);
    return passenger < IN_TAXI && passenger !== destination;
  });
  const firsts = isFirst.filter(Boolean).length;
  return {
    states: STATES,
    actions: ACTIONS,
    first: isFirst.map((may) => (may ? 1 / firsts : 0)),
    outcomes: (state, action) => outcomesOf(state, action, isRainy ? rainyProbability : null),
    allowed: isUseful,
    ...(ficklePassenger ? { beside: fickle(fickleProbability) } : {}),
  };
}

/** A passenger who on the first move after getting in may choose another destination. */
const fickle =
  (probability: number): NonNullable<Transitions["beside"]> =>
  ({ count, random }): Beside => {
    const undecided = new Uint8Array(count);
    return {
      state: [undecided],
      begin(copy) {
        undecided[copy] = random[copy]!.random() < probability ? 1 : 0;
      },
      change(copy, before, next) {
        const [was, is] = [decode(before), decode(next)];
        if (undecided[copy] === 0 || was.passenger !== IN_TAXI || isSame(was, is)) return next;
        undecided[copy] = 0;
        const others = [0, 1, 2, 3].filter((place) => place !== was.destination);
        return encode({ ...is, destination: others[random[copy]!.integer(others.length)]! });
      },
    };
  };

const LIMITS = { maxEpisodeSteps: 200, rewardThreshold: 8 } as const;

export const taxiV4 = defineEnvironment({
  type: "Taxi-v4",
  description: "Fetch a passenger and bring it where it wants to go; −1 a step, −10 for a wrong stop, 20 at the end",
  options,
  ...LIMITS,
  make: (chosen, setup) => vectorise(transitionRules(taxi(chosen)), { ...LIMITS, ...setup }),
});
