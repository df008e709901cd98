/** @file What policies have to reach in environments inside, and with which settings: mostly those of Stable-Baselines3's zoo. */

export interface Returns {
  readonly description: string;
  /** As `rl.create` takes it, without the seed. */
  readonly run: Readonly<Record<string, unknown>> & { readonly environment: { readonly type: string } };
  /** Environment steps of one training, over all copies. */
  readonly totalSteps: number;
  /** Mean return of episodes played greedily, mean of all seeds. */
  readonly atLeast: number;
}

/** Stable-Baselines3's defaults where ours are CleanRL's. */
const PLAIN = { type: "ppo", entCoef: 0, clipVloss: false, minibatchSize: 64 } as const;
const CONSTANT = { ...PLAIN, learningRate: 3e-4, annealLearningRate: false } as const;
const NORMALISED = { normaliseObservations: true, normaliseRewards: true } as const;

const CARTPOLE = {
  ...PLAIN,
  numEnvs: 8,
  numSteps: 32,
  minibatchSize: 256,
  updateEpochs: 20,
  gamma: 0.98,
  gaeLambda: 0.8,
  learningRate: 1e-3,
  annealClip: true,
} as const;

export const RETURNS: Readonly<Record<string, Returns>> = {
  "rl-cartpole": {
    description: "PPO on CartPole-v1",
    run: { environment: { type: "CartPole-v1" }, algorithm: CARTPOLE },
    totalSteps: 100_000,
    atLeast: 475,
  },
  "rl-acrobot": {
    description: "PPO on Acrobot-v1",
    run: {
      environment: { type: "Acrobot-v1" },
      algorithm: { ...CONSTANT, ...NORMALISED, numEnvs: 16, numSteps: 256, gaeLambda: 0.94, updateEpochs: 4 },
    },
    totalSteps: 300_000,
    atLeast: -90,
  },
  "rl-mountaincar": {
    description: "PPO on MountainCar-v0, observations normalised",
    run: {
      environment: { type: "MountainCar-v0" },
      algorithm: { ...CONSTANT, ...NORMALISED, numEnvs: 16, numSteps: 16, gaeLambda: 0.98, updateEpochs: 4 },
    },
    totalSteps: 1_000_000,
    atLeast: -120,
  },
  "rl-pendulum": {
    description: "PPO on Pendulum-v1",
    run: {
      environment: { type: "Pendulum-v1" },
      // The zoo explores by state-dependent noise; without it, a rate that falls and scaled rewards keep every seed on course.
      algorithm: {
        ...PLAIN,
        numEnvs: 4,
        numSteps: 1024,
        gamma: 0.9,
        updateEpochs: 10,
        learningRate: 1e-3,
        normaliseRewards: true,
      },
    },
    totalSteps: 200_000,
    atLeast: -200,
  },
  "rl-memory": {
    description: "PPO with an LSTM on CartPole-v1 without its velocities",
    run: {
      environment: { type: "CartPoleNoVel-v1" },
      // Longer stretches than the zoo's 32 steps, and a longer view: with its own, two of four seeds ended below 400.
      algorithm: {
        ...CARTPOLE,
        ...NORMALISED,
        numEnvs: 16,
        numSteps: 64,
        updateEpochs: 10,
        gamma: 0.99,
        gaeLambda: 0.95,
      },
      memory: { type: "lstm", hidden: 64 },
    },
    totalSteps: 300_000,
    atLeast: 450,
  },
  "rl-sac": {
    description: "SAC on Pendulum-v1",
    run: {
      environment: { type: "Pendulum-v1" },
      algorithm: {
        type: "sac",
        learningStarts: 100,
        policyLearningRate: 1e-3,
        qLearningRate: 1e-3,
        policyFrequency: 1,
      },
    },
    totalSteps: 20_000,
    atLeast: -170,
  },
};
