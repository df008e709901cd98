/** @file What a host may ask of preprocessing: steps for all columns or for one, columns to drop, how to treat the target. */
import { z } from "zod";

const finite = z.number();

const STEPS = {
  impute: z
    .strictObject({
      type: z.literal("impute"),
      strategy: z
        .enum(["mean", "median", "mode", "constant"])
        .default("mean")
        .describe("What stands in for a missing value, taken from the training rows; mean and median need numbers"),
      value: z
        .union([finite, z.string()])
        .optional()
        .describe("The value of strategy `constant`; a string for a category"),
    })
    .describe("Fill missing values"),
  clip: z
    .strictObject({
      type: z.literal("clip"),
      low: finite.optional().describe("Smaller values become this"),
      high: finite.optional().describe("Larger values become this"),
      quantiles: z
        .tuple([finite.min(0).max(1), finite.min(0).max(1)])
        .optional()
        .describe("Take low and high from these quantiles of the training rows, such as [0.01, 0.99]"),
    })
    .describe("Limit values to a range"),
  log: z
    .strictObject({ type: z.literal("log") })
    .describe("sign(x)·ln(1 + |x|): tames long tails, defined for every number"),
  standardise: z
    .strictObject({
      type: z.literal("standardise"),
      over: z
        .enum(["element", "tensor"])
        .optional()
        .describe(
          "For tensors: statistics of each element, or one pair for all; left out, one pair for images and for vectors whose elements share a scale as pixels do",
        ),
    })
    .describe("(x − mean) / standard deviation of the training rows; a constant becomes 0"),
  minMax: z
    .strictObject({
      type: z.literal("minMax"),
      low: finite.default(0).describe("Where the training rows' smallest value goes"),
      high: finite.default(1).describe("Where the training rows' largest value goes"),
      over: z
        .enum(["element", "tensor"])
        .optional()
        .describe("For tensors: by element, or one range for all; left out, as in `standardise`"),
    })
    .describe("Linear map of the training rows' range to [low, high]; a constant becomes low"),
  oneHot: z
    .strictObject({
      type: z.literal("oneHot"),
      maxCategories: z
        .int()
        .min(1)
        .optional()
        .describe("Keep the most frequent ones; the rest, and unknown ones, share `other`"),
    })
    .describe("One input for each category; for text, boolean and number columns too"),
  tokens: z
    .strictObject({
      type: z.literal("tokens"),
      unit: z
        .enum(["characters", "words"])
        .default("characters")
        .describe("What each number stands for; words stand between blanks, and the strings of a list are words"),
      length: z
        .int()
        .min(1)
        .max(65_536)
        .optional()
        .describe(
          "Characters or words of a row; left out, those of the longest training row. Longer texts are refused",
        ),
    })
    .describe("A text as numbers, one for each character or word, for backbones that read sequences"),
  none: z.strictObject({ type: z.literal("none") }).describe("Leave the column as it is (a category as its code)"),
} as const;

const stepNames = Object.keys(STEPS) as [keyof typeof STEPS, ...(keyof typeof STEPS)[]];

export const StepSpec = z.union([
  z.enum(stepNames).describe("A step with its default options"),
  z.discriminatedUnion("type", [
    STEPS.impute,
    STEPS.clip,
    STEPS.log,
    STEPS.standardise,
    STEPS.minMax,
    STEPS.oneHot,
    STEPS.tokens,
    STEPS.none,
  ]),
]);

const steps = z.union([StepSpec, z.array(StepSpec).min(1)]);

const PreprocessOptions = z.strictObject({
  default: steps
    .default("standardise")
    .describe("Steps for number, date and tensor columns that `columns` does not name; categories are one-hot encoded"),
  columns: z.record(z.string(), steps).default({}).describe("Steps by column name, in the order they are applied"),
  text: steps
    .optional()
    .describe("Steps for text columns that `columns` does not name, such as `tokens`; left out, they are dropped"),
  drop: z.array(z.string()).default([]).describe("Columns that the model must not see"),
  maxCategories: z
    .int()
    .min(1)
    .default(100)
    .describe("A category column with more keeps its most frequent ones and puts the rest in a bucket `other`"),
  target: z
    .enum(["standardise", "none"])
    .default("standardise")
    .describe("For regression: learn standardised targets inside the model (answers stay in the target's own units)"),
});

/** `preprocess` of a model spec: options, or one step's name for all number columns. */
export const PreprocessSpec = z
  .union([z.enum(stepNames).transform((name) => PreprocessOptions.parse({ default: name })), PreprocessOptions])
  .describe(
    "How raw columns become numbers that a network likes; fitted on the training rows, saved and exported with the model",
  );

export type PreprocessSpec = z.output<typeof PreprocessSpec>;

type StepOptions = { [K in keyof typeof STEPS]: z.output<(typeof STEPS)[K]> }[keyof typeof STEPS];
export type StepType = keyof typeof STEPS;
export type { StepOptions };

/** One step or several, names or objects, as a list of objects with their defaults filled in. */
export function listSteps(spec: z.output<typeof steps>): StepOptions[] {
  return (Array.isArray(spec) ? spec : [spec]).map((step) =>
    typeof step === "string" ? (STEPS[step].parse({ type: step }) as StepOptions) : step,
  );
}

export type OptionsOf<Type extends StepType> = Extract<StepOptions, { type: Type }>;
