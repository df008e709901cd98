/** @file All learning-rate schedules, in the catalog's order. */
import type { Schedule } from "../registry/define.ts";
import { oneCycle } from "./oneCycle.ts";
import { plateau } from "./plateau.ts";
import { cosine, cosineRestarts, linear, polynomial } from "./smooth.ts";
import { constant, exponential, multiStep, step } from "./steps.ts";

export const SCHEDULES: readonly Schedule[] = [
  constant,
  step,
  multiStep,
  exponential,
  linear,
  polynomial,
  cosine,
  cosineRestarts,
  oneCycle,
  plateau,
];
