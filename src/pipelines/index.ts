/** @file The only face of the pipelines that the sidecar imports: registry, models, data, training, prediction. */
export * from "./data/dataset.ts";
export { type ColumnDescription, type Description, describe } from "./data/describe.ts";
export { type LoadContext, loadData } from "./data/load.ts";
export type { DataReference } from "./data/reference.ts";
export { splitRows } from "./data/split.ts";
export { readRegularFile } from "./files/regular.ts";
export { decodeSafetensors, encodeSafetensors } from "./files/safetensors.ts";
export { EXECUTORS, type ExecutorName, executeImported, forgetImported } from "./imported/execute.ts";
export { type ImportedFile, openFile } from "./imported/importedFile.ts";
export { type ImportedModel, importOnnx, isImported } from "./imported/importOnnx.ts";
export type { ImportReport } from "./imported/importReport.ts";
export { portOf } from "./imported/ports.ts";
export type { Feeds } from "./imported/predictImported.ts";
export { writeWhole, writeWithHead } from "./imported/writeBack.ts";
export { writeQuantized } from "./imported/writeQuantized.ts";
export { type ExplainOptions, type Explanation, explain } from "./inspect/explain.ts";
export { type Inspection, type InspectOptions, inspect } from "./inspect/inspect.ts";
export { type Summary, type SummaryOptions, summarise } from "./inspect/summary.ts";
export { showSummary } from "./inspect/table.ts";
export { loadAnyModel } from "./loadAny.ts";
export { createModel, parseModelSpec } from "./model/create.ts";
export type { DecodingOptions } from "./model/decode.ts";
export { createEnsemble } from "./model/ensemble.ts";
export { type Evaluation, evaluate } from "./model/evaluate.ts";
export { type ExportOptions, exportOnnx } from "./model/export.ts";
export { type Generated, type GenerateOptions, generate, type Onlooker } from "./model/generate.ts";
export { loadModel } from "./model/load.ts";
export { forgetLoaded } from "./model/loaded.ts";
export { type OutputPort, type Outputs, outputPorts } from "./model/naming.ts";
export { infer } from "./model/network.ts";
export type { ExportResult } from "./model/onnxFile.ts";
export { predict } from "./model/predict.ts";
export type * from "./model/record.ts";
export { saveModel } from "./model/save.ts";
export type { Scores } from "./model/score.ts";
export type * from "./model/spec.ts";
export { packWeights, weightArrays } from "./model/weights.ts";
export { type QuantizeRequest, quantizeChoice } from "./quantize/options.ts";
export { createQuantizer } from "./quantize/quantizer.ts";
export { type Catalog, type CatalogEntry, catalog } from "./registry/catalog.ts";
export type { Plugin } from "./registry/define.ts";
export { loadPlugin } from "./registry/load.ts";
export { createRegistry, KINDS, type Kind, type Registry } from "./registry/registry.ts";
export type { Learner, Metrics } from "./rl/algorithm.ts";
export { type CloningOptions, cloneBehaviour, parseCloning } from "./rl/algorithms/cloning.ts";
export { demonstrationsOf } from "./rl/algorithms/demonstrations.ts";
export { maskWidth } from "./rl/distributions.ts";
export type { VectorEnvironment } from "./rl/environment.ts";
export { createEpisodes, type Episodes } from "./rl/episodes.ts";
export { createFreeEpisodes, type FreeEpisodes } from "./rl/freeEpisodes.ts";
export { actionArray, createHosting, type Hosting } from "./rl/hosting.ts";
export { exportPolicy } from "./rl/onnxPolicy.ts";
export { openLearner } from "./rl/openRun.ts";
export { play } from "./rl/play.ts";
export { type PlayScores, playEpisodes } from "./rl/playEpisodes.ts";
export { memoryWidths } from "./rl/policy.ts";
export {
  createPolicyRecord,
  isPolicy,
  type PolicyModel,
  policyOf,
  policyPorts,
  snapshotPolicy,
} from "./rl/policyRecord.ts";
export { readFlags, readMemory, readObservations, undeclaredMask } from "./rl/received.ts";
export { puttingBack, type RunResult, type RunState, restoreRun, runInside, type TrainWishes } from "./rl/run.ts";
export { decodeRun, encodeRun } from "./rl/runFile.ts";
export { parseRun, type RunSpec } from "./rl/runSpec.ts";
export { spaceSize } from "./rl/spaces.ts";
export type { Warning } from "./rl/watch.ts";
export { isHosted, makeEnvironment } from "./rl/worldSpec.ts";
export { exportTraining, type OnnxTrainingOptions, type OnnxTrainingResult } from "./training/onnxTraining.ts";
export { parseTrainOptions, type TrainOptions, trainOptionsSchema } from "./training/options.ts";
export { train } from "./training/train.ts";
export * from "./training/training.ts";
