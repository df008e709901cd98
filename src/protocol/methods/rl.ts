/** @file Methods that learn by acting: runs with environments inside or the host's own, and policies at work. */
import { z } from "zod";
import { dataReference } from "../schemas/data.ts";
import { jobView } from "../schemas/job.ts";
import { modelView } from "../schemas/model.ts";
import { choiceOrName, count, modelId, name, seed, wireNumber } from "../schemas/primitives.ts";
import { tensorObject, wireTensor } from "../schemas/tensor.ts";
import { type Method, params } from "./define.ts";

const runId = z.string().min(1).describe("the run's id (`r_1`)");

const episode = z.string().min(1).max(200).describe("the episode's name, as `policy.act` was given it");

const runView = z
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

const metrics = z
  .record(z.string(), wireNumber)
  .describe("figures under CleanRL's names: `losses/approx_kl`, `charts/episodic_return`, `charts/SPS` …");

const scores = z.looseObject({
  episodes: count.describe("episodes that were played"),
  meanReturn: wireNumber.describe("the mean of their returns"),
  standardDeviation: wireNumber.describe("of the returns"),
  minReturn: wireNumber.describe("the worst"),
  maxReturn: wireNumber.describe("the best"),
  meanLength: wireNumber.describe("the mean of their lengths, in steps"),
  returns: z.array(wireNumber).describe("each episode's return"),
});

const flags = wireTensor.optional();

const warnings = z
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

  "policy.act": {
    summary:
      "What a policy does for some observations: without learning, or in episodes that the host begins and ends.",
    description:
      "With `model`, nothing is learned and nothing kept: a policy with a memory answers `state`, which goes into the next call. Of a policy in training the weights published last answer. With `run` (of a host's environment) and `episodes`, each row belongs to the episode of that name, which begins with its first row; actions are drawn; what they bring is told by `policy.reward` and `policy.end`, whenever it is known, and learned from in the background as soon as a rollout's worth of steps is whole. An episode longer than two rollouts of a copy is learned from in pieces, oldest steps first.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH", "NON_FINITE", "DTYPE_UNSUPPORTED", "PATH_DENIED"],
    params: params({
      model: modelId.optional(),
      run: runId.optional(),
      episodes: z
        .array(z.string().min(1).max(200))
        .min(1)
        .max(65_536)
        .optional()
        .describe("with `run`: the name of each row's episode; a new name begins one"),
      observations: wireTensor.describe("[rows, ...shape of the observation space]"),
      mask: wireTensor.optional().describe("[rows, choices], 1 where a choice is allowed"),
      state: z.array(wireTensor).optional().describe("what is remembered, from the last answer; left out, nothing"),
      deterministic: z.boolean().optional().describe("the most likely action (default), or one drawn as in training"),
      seed: seed.optional().describe("of the draw; the same seed gives the same actions"),
    }),
    result: z.looseObject({
      actions: tensorObject.describe("one for each row, as the action space says"),
      values: tensorObject.describe("[rows], the discounted return that is expected"),
      logProbs: tensorObject.describe("[rows], the logarithm of each action's likelihood"),
      state: z
        .array(tensorObject)
        .optional()
        .describe("with `model`: what is remembered now, of a policy with a memory"),
      steps: z.array(count).optional().describe("with `run`: which step of its episode each action is, from 0"),
      update: metrics.optional().describe("with `run`: of an update made since the last answer"),
      warnings,
    }),
    example: {
      params: { model: "m_1", observations: [[0.02, 0.19, 0.03, -0.27]] },
      result: {
        actions: { dtype: "I32", shape: [1], values: [0] },
        values: { dtype: "F32", shape: [1], values: [41.2] },
        logProbs: { dtype: "F32", shape: [1], values: [-0.11] },
      },
    },
  },

  "policy.reward": {
    summary: "What an action of an episode brought, as soon as that is known; several rewards of a step add up.",
    errors: ["NOT_FOUND", "INVALID_STATE", "NON_FINITE"],
    params: params({
      run: runId,
      episode: episode,
      reward: wireNumber.describe("what to add"),
      step: count
        .optional()
        .describe("to the reward of which step, as `policy.act` answered it; the last when left out"),
    }),
    result: z.looseObject({
      step: count.describe("the step that it was added to"),
      update: metrics.optional().describe("of an update made since the last answer"),
      warnings,
    }),
  },

  "policy.end": {
    summary: "An episode is over: what is still missing of it is learned from.",
    errors: ["NOT_FOUND", "INVALID_STATE", "NON_FINITE", "SHAPE_MISMATCH"],
    params: params({
      run: runId,
      episode: episode,
      reward: wireNumber.optional().describe("what its last action brought, in addition to what was told"),
      truncated: z
        .boolean()
        .optional()
        .describe("whether it was only cut short, so that more would have come (default: nothing would)"),
      observations: wireTensor.optional().describe("[1, ...]: what was seen last, needed where it was cut short"),
    }),
    result: z.looseObject({
      steps: count.describe("its steps"),
      return: wireNumber.describe("the sum of its rewards"),
      update: metrics.optional().describe("of an update made since the last answer"),
      warnings,
    }),
  },

  "policy.evaluate": {
    summary: "How well a policy plays whole episodes in an environment inside.",
    errors: ["NOT_FOUND", "INVALID_STATE", "SHAPE_MISMATCH"],
    params: params({
      model: modelId,
      environment: choiceOrName.optional().describe("where to play; where it learned when left out"),
      episodes: z.int().positive().max(100_000).optional().describe("how many (default 100)"),
      deterministic: z.boolean().optional().describe("the most likely actions (default), or drawn ones"),
      seed: seed.optional().describe("where episodes come from (default 0)"),
    }),
    result: scores,
    example: {
      params: { model: "m_1", episodes: 100 },
      result: {
        episodes: 100,
        meanReturn: 500,
        standardDeviation: 0,
        minReturn: 500,
        maxReturn: 500,
        meanLength: 500,
        returns: [500, 500],
      },
    },
  },
} as const satisfies Record<string, Method>;
