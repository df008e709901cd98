/** @file The only face of the pipelines that the sidecar imports: registry, models, data, training, prediction. */
export * from "./data/dataset.ts";
export { createModel, parseModelSpec } from "./model/create.ts";
export { type Evaluation, evaluate } from "./model/evaluate.ts";
export { infer } from "./model/network.ts";
export { type Outputs, predict } from "./model/predict.ts";
export type * from "./model/record.ts";
export type * from "./model/spec.ts";
export { packWeights, weightArrays } from "./model/weights.ts";
export { type Catalog, type CatalogEntry, catalog } from "./registry/catalog.ts";
export type { Plugin } from "./registry/define.ts";
export { loadPlugin } from "./registry/load.ts";
export { createRegistry, KINDS, type Kind, type Registry } from "./registry/registry.ts";
export { parseTrainOptions, type TrainOptions, trainOptionsSchema } from "./training/options.ts";
export { train } from "./training/train.ts";
export * from "./training/training.ts";
