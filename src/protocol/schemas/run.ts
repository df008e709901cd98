/** @file Runs as methods speak of them: what one is, its figures, and what goes wrong with learning. */
import { z } from "zod";
import { count, seed, wireNumber } from "./primitives.ts";

export const runId = z.string().min(1).describe("the run's id (`r_1`)");

export const runView = z
  .looseObject({
    id: z.string().describe("the id that other methods take"),
    model: z.string().describe("the model that it learns"),
    algorithm: z.looseObject({}).describe("how it learns, defaults filled in"),
    environment: z.looseObject({}).describe("where it acts"),
    observation: z.looseObject({}).describe("the space of what one environment shows"),
    action: z.looseObject({}).describe("the space of what is done in one environment"),
    count: count.describe("environments that are stepped together"),
    groups: count.describe("how many times that many, stepped in turn"),
    autoreset: z.string().describe("when an episode that has ended begins anew"),
    seed: seed.describe("where weights, actions and episodes come from"),
    createdAt: z.string().describe("when it was asked for, ISO 8601 in UTC"),
    job: z.string().nullable().describe("the job that trains it now"),
  })
  .meta({ id: "Run", description: "a policy in the making, and where it acts" });

export const metrics = z
  .record(z.string(), wireNumber)
  .describe("figures under CleanRL's names: `losses/approx_kl`, `charts/episodic_return`, `charts/SPS` …");

export const warnings = z
  .array(
    z.looseObject({
      code: z
        .string()
        .describe("`KL_TOO_HIGH`, `VALUES_EXPLAIN_NOTHING`, `ENTROPY_COLLAPSED`, `REWARD_SCALE`, `ALL_MASKED`"),
      message: z.string().describe("what is wrong"),
      hint: z.string().describe("what to do"),
    }),
  )
  .optional()
  .describe("what goes wrong with learning, each kind once");
