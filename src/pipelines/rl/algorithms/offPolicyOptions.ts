/** @file The options that DQN, SAC and TD3 share, under CleanRL's names with the defaults that differ. */
import { z } from "zod";
import type { AlgorithmPlan } from "../algorithm.ts";
import { count, share } from "./optionTypes.ts";

export interface OffPolicyOptions {
  readonly numEnvs: number;
  readonly bufferSize: number;
  readonly learningStarts: number;
  readonly batchSize: number;
  readonly trainFrequency: number;
  readonly gradientSteps: number;
  readonly gamma: number;
  readonly nStep: number;
  readonly tau: number;
  readonly optimizer: string;
}

type Defaults = Pick<OffPolicyOptions, "bufferSize" | "learningStarts" | "batchSize" | "trainFrequency" | "tau">;

export const offPolicyOptions = (defaults: Defaults) => ({
  numEnvs: count(65_536)
    .default(1)
    .describe("Copies of an environment inside; a host's environment says how many it has"),
  bufferSize: count(100_000_000)
    .default(defaults.bufferSize)
    .describe("Transitions that are kept at most; the oldest go first"),
  learningStarts: z
    .int()
    .min(0)
    .default(defaults.learningStarts)
    .describe("Steps of actions at random before anything is learned"),
  batchSize: count(1_000_000).default(defaults.batchSize).describe("Transitions that an update learns from"),
  trainFrequency: count(1_000_000)
    .default(defaults.trainFrequency)
    .describe("Steps, over all copies, between two trainings"),
  gradientSteps: count(10_000).default(1).describe("Updates of each training"),
  gamma: share.default(0.99).describe("What a reward one step later is worth"),
  nStep: count(1000).default(1).describe("Steps whose rewards are summed up before a value is looked up"),
  tau: share
    .default(defaults.tau)
    .describe("How far target networks move toward the learned ones at once; 1 copies them"),
  optimizer: z
    .string()
    .default("adam")
    .describe("Any optimizer of the catalog, with its own defaults but the learning rate"),
});

/** What their policies have in common. */
export const offPolicyPlan = (
  own: Pick<AlgorithmPlan, "numEnvs" | "sharedBackbone" | "backbone" | "form">,
): AlgorithmPlan => ({
  orthogonalInit: false,
  logStdInit: 0,
  normaliser: null,
  squash: false,
  ...own,
});
