/** @file What a plugin imports from `ml-sidecar/plugin`: all that our own backbones, heads, losses and datasets are made of. */
export { z } from "zod";
export type { NdArray, Shape, TensorType, Tracer } from "../engine/index.ts";
export { concat, Fault, random, stack, Tensor, where } from "../engine/index.ts";
export type { DataReference } from "./data/reference.ts";
export { ACTIVATION_NAMES, ACTIVATIONS, type Activation, type ActivationName, activate } from "./layers/activations.ts";
export { type AttentionOptions, attention } from "./layers/attention.ts";
export { type BatchNormOptions, batchNorm } from "./layers/batchNorm.ts";
export { CELL_NAMES, type CellName } from "./layers/cells.ts";
export { type ConvOptions, conv, convTranspose, PADDING_MODE_NAMES, type PaddingMode } from "./layers/conv.ts";
export { type ConvNormOptions, convNorm, IMAGE_NORM_NAMES, type ImageNorm } from "./layers/convNorm.ts";
export { type DenseOptions, dense } from "./layers/dense.ts";
export { dropout } from "./layers/dropout.ts";
export { type EmbeddingOptions, embedding } from "./layers/embedding.ts";
export {
  constant,
  INITIALISER_NAMES,
  INITIALISERS,
  type Initialiser,
  type InitialiserName,
  ones,
  zeros,
} from "./layers/initialisers.ts";
export { groupNorm, instanceNorm, layerNorm, type NormOptions, rmsNorm } from "./layers/norm.ts";
export {
  adaptivePool,
  averagePool,
  type Fold,
  globalPool,
  maxPool,
  type PoolingOptions,
} from "./layers/pooling.ts";
export { learnedPositions, sinusoidalPositions } from "./layers/positions.ts";
export { type Recurrence, type RecurrentOptions, recurrent } from "./layers/recurrent.ts";
export { asLayer, createScope, layer, type Scope } from "./layers/scope.ts";
export {
  type Sequence,
  type SequenceOptions,
  SUMMARIES,
  SUMMARY_NAMES,
  type Summary,
  sequenceOf,
} from "./layers/sequence.ts";
export { type TransformerOptions, transformerBlock } from "./layers/transformer.ts";
export { createRandom, permutation, type RandomStream } from "./random.ts";
export * from "./registry/define.ts";
export type { AutoresetMode, Environment, EnvironmentSetup, VectorEnvironment } from "./rl/environment.ts";
export type { Pcg64 } from "./rl/pcg64.ts";
export { bounded, box, type Space } from "./rl/spaces.ts";
export { type Rules, type Stage, vectorise, type World } from "./rl/vectorise.ts";
