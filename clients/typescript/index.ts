/** @file The TypeScript client: `import { startSidecar } from "ml-sidecar/client"`. */
export {
  decodeTensor,
  type Event,
  type EventName,
  encodeTensor,
  isTensorObject,
  type MethodName,
  type ParamsOf,
  type Reason,
  type ResultOf,
  type TensorValue,
  type Violation,
  type WireTensor,
} from "../../src/protocol/index.ts";
export type { CallOptions } from "./connection.ts";
export { SidecarError, SidecarGoneError } from "./errors.ts";
export { type Command, findSidecar } from "./find.ts";
export type { Job, JobView, TrainingResult } from "./job.ts";
export { type Sidecar, type StartOptions, startSidecar } from "./sidecar.ts";
export * as svg from "./svg.ts";
