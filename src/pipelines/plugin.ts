/** @file What a plugin imports from `ml-sidecar/plugin`: all that our own backbones, heads, losses and datasets are made of. */
export { z } from "zod";
export type { NdArray, Shape, TensorType, Tracer } from "../engine/index.ts";
export { concat, Fault, random, stack, Tensor, where } from "../engine/index.ts";
export type { DataReference } from "./data/reference.ts";
export { ACTIVATION_NAMES, ACTIVATIONS, type Activation, type ActivationName } from "./layers/activations.ts";
export { type DenseOptions, dense } from "./layers/dense.ts";
export { dropout } from "./layers/dropout.ts";
export {
  constant,
  INITIALISER_NAMES,
  INITIALISERS,
  type Initialiser,
  type InitialiserName,
  ones,
  zeros,
} from "./layers/initialisers.ts";
export { type BatchNormOptions, batchNorm, layerNorm, type NormOptions } from "./layers/norm.ts";
export type { Scope } from "./layers/scope.ts";
export { createRandom, permutation, type RandomStream } from "./random.ts";
export * from "./registry/define.ts";
