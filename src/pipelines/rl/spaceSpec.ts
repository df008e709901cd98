/** @file A space as it is written, parsed: bounds may stand once for all, and what holds nothing or too much is refused. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { parseBy } from "../registry/parse.ts";
import { type Space, spaceSize } from "./spaces.ts";

const anyNumber = z.union([z.number(), z.enum(["Infinity", "-Infinity"]).transform(Number)]);
const bound = z.union([anyNumber, z.array(anyNumber)]);
const size = z.int().min(1).max(16_777_216);
const choicesCount = z.int().min(1).max(65_536);

const SpaceSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("box"),
    shape: z.array(size).max(8).describe("Sizes by axis"),
    low: bound.default(Number.NEGATIVE_INFINITY).describe("The least, for all numbers or for each"),
    high: bound.default(Number.POSITIVE_INFINITY).describe("The most, for all numbers or for each"),
    dtype: z.enum(["F32", "U8"]).default("F32").describe("U8 for pixels: 0 to 255"),
  }),
  z.strictObject({
    type: z.literal("discrete"),
    n: choicesCount.describe("How many choices"),
    start: z.int().optional().describe("The first of them; 0 when left out"),
  }),
  z.strictObject({
    type: z.literal("multiDiscrete"),
    nvec: z.array(choicesCount).min(1).max(1024).describe("How many choices each has"),
  }),
  z.strictObject({ type: z.literal("multiBinary"), n: choicesCount.describe("How many switches") }),
]);

/** A space as it is written: bounds may stand once for all. */
export function parseSpace(raw: unknown, path: string): Space {
  const space = parseBy(SpaceSchema, raw, path);
  if (space.type === "discrete") {
    const { start, ...plain } = space;
    return start === undefined ? plain : { ...plain, start };
  }
  if (space.type !== "box") return space;
  refuseWide(space.shape, path);
  const [low, high] = (["low", "high"] as const).map((name) => {
    const given = space[name];
    const wanted = spaceSize({ ...space, low: [], high: [] });
    const all = typeof given === "number" ? new Array<number>(wanted).fill(given) : given;
    if (all.length === wanted) return all;
    throw new Fault("INVALID_PARAMS", `\`${path}.${name}\` does not fit the shape`, {
      violations: [
        {
          path: `${path}.${name}`,
          message: "wrong length",
          expected: `1 or ${wanted} numbers`,
          got: String(all.length),
        },
      ],
      hint: "give one bound for all numbers, or one for each, in C order",
    });
  }) as [number[], number[]];
  refuseEmpty(low, high, path);
  return { ...space, low, high };
}

/** Bounds between which no number lies. */
function refuseEmpty(low: readonly number[], high: readonly number[], path: string): void {
  const at = low.findIndex((least, index) => least > high[index]!);
  if (at < 0) return;
  throw new Fault("INVALID_PARAMS", `\`${path}\` holds nothing: its \`low\` lies above its \`high\``, {
    violations: [
      {
        path: `${path}.low`,
        message: `above \`high\` at ${at}`,
        expected: `at most ${high[at]}`,
        got: String(low[at]),
      },
    ],
    hint: "are the two exchanged?",
  });
}

/** Of one observation or action: an image of 1024 × 1024 with four channels. */
const MOST_NUMBERS = 2 ** 22;

function refuseWide(shape: readonly number[], path: string): void {
  const numbers = shape.reduce((product, length) => product * length, 1);
  if (numbers <= MOST_NUMBERS) return;
  throw new Fault("LIMIT_EXCEEDED", `\`${path}.shape\` holds more numbers than a space may`, {
    violations: [
      {
        path: `${path}.shape`,
        message: "too large",
        expected: `at most ${MOST_NUMBERS} numbers`,
        got: String(numbers),
      },
    ],
    hint: "shrink pictures, or leave out what is not needed",
  });
}
