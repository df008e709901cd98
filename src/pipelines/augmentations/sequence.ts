/** @file Changes to sequences [time, features], or [time] of one feature (Um et al. 2017; Le Guennec et al. 2016). */
import { z } from "zod";
import { defineAugmentation } from "../registry/define.ts";
import { between, probability } from "./parameters.ts";

export const sequenceCrop = defineAugmentation({
  type: "sequenceCrop",
  description:
    "Stretches a random window of the sequence to its whole length, by linear interpolation (window slicing)",
  rows: "sequence",
  options: z.object({
    scale: z
      .tuple([z.number().positive().max(1), z.number().positive().max(1)])
      .default([0.8, 1])
      .describe("Least and most of the window's length, as shares of the sequence's"),
  }),
  prepare({ shape }, { scale }) {
    const [time, features] = [shape[0]!, shape[1] ?? 1];
    const before = new Float32Array(time * features);
    return (sequence, random) => {
      const steps = (time - 1) * between(random, scale);
      const first = (time - 1 - steps) * random.uniform();
      before.set(sequence);
      for (let step = 0; step < time; step++) {
        const place = first + (time > 1 ? (steps * step) / (time - 1) : 0);
        const from = Math.floor(place);
        const to = Math.min(time - 1, from + 1);
        for (let feature = 0; feature < features; feature++) {
          const [earlier, later] = [before[from * features + feature]!, before[to * features + feature]!];
          sequence[step * features + feature] = earlier + (later - earlier) * (place - from);
        }
      }
    };
  },
});

export const sequenceScale = defineAugmentation({
  type: "sequenceScale",
  description: "Multiplies each feature by a factor of its own, the same at all times",
  rows: "sequence",
  options: z.object({
    sigma: z.number().min(0).default(0.1).describe("Standard deviation of the factors, whose mean is 1"),
  }),
  prepare({ shape }, { sigma }) {
    const features = shape[1] ?? 1;
    return (sequence, random) => {
      for (let feature = 0; feature < features; feature++) {
        const factor = 1 + sigma * random.normal();
        for (let index = feature; index < sequence.length; index += features) sequence[index]! *= factor;
      }
    };
  },
});

export const sequenceJitter = defineAugmentation({
  type: "sequenceJitter",
  description: "Adds normal noise to every value",
  rows: "sequence",
  options: z.object({
    sigma: z.number().min(0).default(0.03).describe("Of the noise, in standard deviations of the feature in the data"),
  }),
  prepare({ deviations }, { sigma }) {
    return (sequence, random) => {
      for (let index = 0; index < sequence.length; index++)
        sequence[index]! += sigma * deviations[index % deviations.length]! * random.normal();
    };
  },
});

export const sequenceMask = defineAugmentation({
  type: "sequenceMask",
  description:
    "Overwrites a random stretch of time, all features of it (time masking of SpecAugment, Park et al. 2019)",
  rows: "sequence",
  options: z.object({
    p: probability(1),
    most: z.number().positive().max(1).default(0.2).describe("The longest stretch, as a share of the sequence"),
    value: z.number().default(0).describe("What is written, a raw value"),
  }),
  prepare({ shape }, { p, most, value }) {
    const [time, features] = [shape[0]!, shape[1] ?? 1];
    const longest = Math.max(1, Math.round(time * most));
    return (sequence, random) => {
      if (random.uniform() >= p) return;
      const length = random.integer(longest + 1);
      const start = random.integer(time - length + 1);
      sequence.fill(value, start * features, (start + length) * features);
    };
  },
});
