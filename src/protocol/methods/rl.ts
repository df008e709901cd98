/** @file Methods of runs, which learn by acting: with environments inside or the host's own, or from what others did. */
import { z } from "zod";
import { dataReference } from "../schemas/data.ts";
import { jobView } from "../schemas/job.ts";
import { modelView } from "../schemas/model.ts";
import { choiceOrName, count, name, seed } from "../schemas/primitives.ts";
import { metrics, runId, runView, warnings } from "../schemas/run.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const flags = wireTensor.optional();

export const rlMethods = {
  "rl.create": {
    summary: "Begin a run: a policy that learns in an environment inside, or in the host's own, which it steps.",
    description:
      'Spaces are written as `{"type":"box","shape":[4],"low":-1,"high":1}` (bounds for all numbers or a list; left out, infinite; `"dtype":"U8"` for pixels), `{"type":"discrete","n":2}`, `{"type":"multiDiscrete","nvec":[3,2]}`, `{"type":"multiBinary","n":4}`.',
    errors: ["ALREADY_EXISTS", "LIMIT_EXCEEDED", "OUT_OF_MEMORY"],
    params: params({
      name: name.optional().describe("a name for the model; may stand wherever its id does"),
      algorithm: choiceOrName
        .optional()
        .describe('how to learn: {"type":"ppo","learningRate":0.001}; ppo when left out'),
      environment: z
        .looseObject({
          type: z.string().min(1).describe("an environment of the catalog, or `host` for one that the host steps"),
        })
        .describe(
          'inside: {"type":"CartPole-v1"}, with its options, `autoreset` and `maxEpisodeSteps`; of the host: {"type":"host","observation":…,"action":…,"count":8,"groups":1,"autoreset":"nextStep","mask":false}',
        ),
      backbone: choiceOrName
        .optional()
        .describe(
          "from what is seen to features: two layers of 64 with tanh, or a small `cnn` for images, when left out",
        ),
      memory: z
        .union([z.boolean(), z.string(), z.looseObject({})])
        .optional()
        .describe(
          'what is remembered from step to step: {"type":"lstm","hidden":64}; `gru` too; nothing when left out',
        ),
      totalSteps: z
        .int()
        .positive()
        .optional()
        .describe(
          "of a host's environment: the steps over which rates fall to zero; they stay as they are when left out",
        ),
      checkpoint: z
        .union([
          z.boolean(),
          z.strictObject({
            everyUpdates: z.int().positive().optional().describe("updates between two"),
            everySeconds: z.number().positive().optional().describe("seconds between two (10 where neither is given)"),
          }),
        ])
        .optional()
        .describe("of a host's environment: how often to save what is needed to go on; needs --data-dir"),
      background: z
        .boolean()
        .optional()
        .describe(
          "of episodes that the host begins and ends one by one: whether they are learned between calls, so that none waits for more than a piece of an update (the default); or, where false, before the next call, so that the seed decides everything",
        ),
      seed: seed.optional().describe("where weights, actions and episodes come from (default 0)"),
    }),
    result: z.looseObject({ run: runView, model: modelView }),
    example: {
      params: { environment: { type: "CartPole-v1" }, algorithm: { type: "ppo" }, seed: 1 },
      result: {
        run: {
          id: "r_1",
          model: "m_1",
          algorithm: { type: "ppo", numEnvs: 4, numSteps: 128 },
          environment: { type: "CartPole-v1" },
          observation: { type: "box", shape: [4] },
          action: { type: "discrete", n: 2 },
          count: 4,
          groups: 1,
          autoreset: "sameStep",
          seed: 1,
          createdAt: "2026-11-21T10:00:00.000Z",
          job: null,
        },
        model: { id: "m_1", name: null, pipeline: "policy", state: "new", parameters: 9155 },
      },
    },
  },

  "rl.train": {
    summary: "Let a run learn in its environment inside. Answers at once with a job; `rl.update` events follow.",
    description:
      "A run goes on where it stood: learning twice N steps is learning 2 N, apart from rates that fall over `totalSteps`.",
    errors: ["NOT_FOUND", "INVALID_STATE", "OUT_OF_MEMORY"],
    params: params({
      run: runId,
      totalSteps: z.int().positive().describe("environment steps to make, over all copies"),
      stopReturn: z
        .number()
        .optional()
        .describe("end as completed when the mean return of the last 100 episodes has reached this"),
      budget: z
        .strictObject({ seconds: z.number().positive().optional().describe("end after this much time") })
        .optional()
        .describe("limits that end the job early, as completed"),
      checkpoint: z
        .union([
          z.boolean(),
          z.strictObject({
            everySteps: z.int().positive().optional().describe("environment steps between two"),
            everySeconds: z.number().positive().optional().describe("seconds between two (10 where neither is given)"),
          }),
        ])
        .optional()
        .describe("how often to save what is needed to resume; needs --data-dir"),
    }),
    result: z.looseObject({ job: jobView }),
    example: {
      params: { run: "r_1", totalSteps: 100000, stopReturn: 475 },
      result: { job: { id: "j_1", state: "running", model: "m_1" } },
    },
  },

  "rl.imitate": {
    summary: "Let a run's policy learn to do what was done in recorded episodes, before or between its own steps.",
    description:
      "Behaviour cloning, by maximum likelihood: the data's inputs are observations, its target is what was done in each. Answers with a job as soon as the data are read; `rl.update` events follow, one an epoch, with `bc/loss`, `bc/neglogp`, `bc/entropy` and `bc/prob_true_act`. What values are expected is not learned. An observation normaliser takes the data's statistics. Policies with a memory cannot be cloned.",
    errors: ["NOT_FOUND", "INVALID_STATE", "DATA_INVALID", "SHAPE_MISMATCH", "DIVERGED", "OUT_OF_MEMORY"],
    params: params({
      run: runId,
      data: dataReference.describe(
        'recorded steps: {"x": observations, "y": actions}, or columns with the actions as `target`',
      ),
      epochs: z.int().min(1).max(100_000).optional().describe("how often all of them are learned (default 10)"),
      batchSize: z.int().min(1).max(1_000_000).optional().describe("steps that an update learns from (default 64)"),
      learningRate: z.number().positive().max(1).optional().describe("length of the optimizer's steps (default 0.001)"),
      entCoef: z.number().min(0).max(10).optional().describe("what entropy counts in the loss (default 0.001)"),
      maxGradNorm: z
        .number()
        .positive()
        .nullable()
        .optional()
        .describe("gradients longer than this are shortened; none when left out"),
      optimizer: z
        .string()
        .optional()
        .describe("any optimizer of the catalog, with its own defaults but the learning rate (default `adam`)"),
    }),
    result: z.looseObject({ job: jobView }),
    example: {
      params: { run: "r_1", data: { x: [[0.01, 0, 0.02, 0]], y: [1] }, epochs: 20 },
      result: { job: { id: "j_1", state: "running", model: "m_1" } },
    },
  },

  "rl.step": {
    summary: "One step of the host's environments: what came of the last actions goes in, the next actions come out.",
    description:
      "One call for all environments of a group. The first call of a group sends `observations` alone, as does one with `reset`; every other also sends `rewards`, `terminated` and `truncated` of the actions that were answered last. With `autoreset` `nextStep` (Gymnasium's own default) the step after an episode's end is known to be no transition. With `sameStep` and `disabled`, `observations` are the new episode's first, and `finalObservations` the old one's last, needed where `truncated`. When a rollout is full, learning happens in the call, and its figures are in `update`. Nothing of a refused call is taken.",
    errors: [
      "NOT_FOUND",
      "INVALID_STATE",
      "SHAPE_MISMATCH",
      "NON_FINITE",
      "DTYPE_UNSUPPORTED",
      "DIVERGED",
      "PATH_DENIED",
    ],
    params: params({
      run: runId,
      group: count.optional().describe("which group of environments (default 0)"),
      observations: wireTensor.describe("what is seen now, [count, ...shape of the observation space]"),
      rewards: wireTensor.optional().describe("what the last actions brought, [count]"),
      terminated: flags.describe("[count], 1 or true where the environment itself ended its episode"),
      truncated: flags.describe("[count], 1 or true where a limit cut the episode short"),
      finalObservations: wireTensor
        .optional()
        .describe(
          "[count, ...]: the last observations of episodes that have ended; other rows may hold anything finite",
        ),
      mask: flags.describe("[count, choices], 1 where a choice is allowed now; of several choices, side by side"),
      reset: z.boolean().optional().describe("whether all episodes of the group begin anew with these observations"),
    }),
    result: z.looseObject({
      actions: tensorObject.describe("[count], [count, parts] or [count, ...shape], as the action space says"),
      update: metrics.optional().describe("of the update that this call led to"),
      warnings,
    }),
    example: {
      params: {
        run: "r_1",
        observations: [
          [0.02, 0.19, 0.03, -0.27],
          [0.01, -0.2, 0.02, 0.31],
        ],
        rewards: [1, 1],
        terminated: [false, false],
        truncated: [false, false],
      },
      result: { actions: { dtype: "I32", shape: [2], values: [1, 0] } },
    },
  },

  "rl.save": {
    summary: "Keep all that a run goes on from as it is now, whatever becomes of the process.",
    description:
      "Needs --data-dir. A host's run is saved without being asked, too: at the end of an update when the last time is long enough ago (see `checkpoint` of `rl.create`), and when the process ends. After a restart, its groups begin anew with their first observations; at most what was learned since is lost. A run that a job trains is saved by its job.",
    errors: ["NOT_FOUND", "INVALID_STATE"],
    params: params({ run: runId }),
    result: z.looseObject({
      run: z.string().describe("the run that was saved"),
      steps: count.describe("environment steps so far"),
      updates: count.describe("updates so far"),
    }),
    example: { params: { run: "r_1" }, result: { run: "r_1", steps: 4096, updates: 8 } },
  },

  "rl.get": {
    summary: "A run as it is now.",
    immediate: true,
    errors: ["NOT_FOUND"],
    params: params({ run: runId }),
    result: z.looseObject({ run: runView, model: modelView }),
  },

  "rl.list": {
    summary: "All runs, the oldest first.",
    immediate: true,
    params: params({}),
    result: z.looseObject({ runs: z.array(runView).describe("as they are now") }),
  },

  "rl.close": {
    summary: "End a run. Its model stays, with what it has learned.",
    errors: ["NOT_FOUND", "INVALID_STATE"],
    params: params({ run: runId }),
    result: z.looseObject({ closed: z.string().describe("the run that was"), model: modelView }),
  },
} as const satisfies Record<string, Method>;
