/** @file The protocol's face: all that the sidecar, the clients and the generators use. */

export type { TensorData } from "./elements.ts";
export { type EncodeContext, encodeTensor, MAX_INLINE_BYTES, MAX_INLINE_VALUES } from "./encodeTensor.ts";
export {
  type Batch,
  type Id,
  type Invalid,
  MAX_BATCH,
  type Message,
  type Notification,
  type Params,
  parseMessage,
  type Request,
} from "./envelope.ts";
export {
  ERRORS,
  isReason,
  type Reason,
  Refusal,
  type RefusalDetails,
  toWireError,
  type Violation,
  type WireError,
} from "./errors.ts";
export { EVENTS, type Event, type EventData, type EventName, isLastEvent, LAST_EVENTS } from "./events.ts";
export {
  createLineReader,
  DEFAULT_MAX_INPUT_LINE_BYTES,
  DEFAULT_MAX_OUTPUT_LINE_BYTES,
  encodeMessage,
  type Line,
  type LineReader,
} from "./framing.ts";
export { MAX_DEPTH } from "./json.ts";
export { PROTOCOL_VERSION } from "./methods/runtime.ts";
export {
  findMethod,
  isMethod,
  METHODS,
  type MethodName,
  type ParamsOf,
  type ParsedParams,
  parseParams,
  type ResultOf,
} from "./methods.ts";
export { fromWireNumber, isDecimalInteger, isNonFiniteName, type NonFiniteName, type WireNumber } from "./numbers.ts";
export { createOpenRpcDocument, type OpenRpcDocument, type OpenRpcMethod } from "./openrpc.ts";
export { createSchemaCollection, type JsonSchema } from "./schema.ts";
export { DATA_FORMS, type DataReference } from "./schemas/data.ts";
export { JOB_STATES, type JobState } from "./schemas/job.ts";
export { type Meta, TENSOR_FORMS } from "./schemas/primitives.ts";
export type { FileRegion, WireDType, WireTensor, WireTensorObject } from "./schemas/tensor.ts";
export { nearest, suggestion } from "./suggest.ts";
export {
  type DecodeContext,
  decodeTensor,
  isTensorObject,
  MAX_TENSOR_BYTES,
  type Region,
  type TensorValue,
} from "./tensor.ts";
export { showPath, showValue, toViolations } from "./violations.ts";
