/** @file The engine's face: everything that other rooms may import. */

export { checkpoint } from "./checkpoint.ts";
export type { ComputeDType, DType, TypedArray } from "./dtype.ts";
export { DTYPES } from "./dtype.ts";
export { einsum } from "./einsum.ts";
export { createExecutor, type ExecutorOptions } from "./executors/create.ts";
export type { Executor, Program, State } from "./executors/executor.ts";
export { createMachine, type MachineOptions } from "./executors/machine/index.ts";
export { relaxedSimdAvailable, simdAvailable, wideSimdAvailable } from "./executors/machine/module.ts";
export { runApart } from "./executors/onnxruntime/apart.ts";
export { findOnnxruntime, type OnnxruntimePresence } from "./executors/onnxruntime/find.ts";
export { closeKept, runKept } from "./executors/onnxruntime/pool.ts";
export { type OnnxSession, openOnnx, type StringArray } from "./executors/onnxruntime/session.ts";
export { createReference } from "./executors/reference/reference.ts";
export type { FaultDetails, Reason, Violation } from "./fault.ts";
export { Fault } from "./fault.ts";
export { gradients } from "./grad.ts";
export type { Attributes, AttributeValue, Graph, Node, Traced } from "./graph.ts";
export { toBF16, toF16 } from "./half.ts";
export type { Assembler } from "./onnx/assemble.ts";
export { decodeOnnx, encodeOnnx } from "./onnx/codec.ts";
export { tensorBytes, withDataApart } from "./onnx/dataApart.ts";
export { describeOnnx, type OnnxDescription, type OnnxValue } from "./onnx/describe.ts";
export { exportGraph, IR_VERSION, type OnnxExport, OPSETS, type OutputValue } from "./onnx/export.ts";
export { halved } from "./onnx/halve.ts";
export { type ReadPart, withData } from "./onnx/import/external.ts";
export { isImpossible } from "./onnx/import/impossible.ts";
export { isDecidedByData } from "./onnx/import/known.ts";
export { type OpenedOnnx, openModel } from "./onnx/import/open.ts";
export { pruned } from "./onnx/import/prune.ts";
export type { Role } from "./onnx/import/roles.ts";
export { ELEMENT_TYPES, factsOf, type Value } from "./onnx/import/value.ts";
export { exportLoop, exportProgram, nextOf, type ProgramExport } from "./onnx/program.ts";
export type { Range, Steps } from "./onnx/quantize/integers.ts";
export type { Layer, Mode as QuantizationMode } from "./onnx/quantize/layers.ts";
export { type Prepared, prepareQuantization, type Quantized, quantizeModel } from "./onnx/quantize/quantize.ts";
export {
  count as countInto,
  emptyHistogram,
  type Histogram,
  needsHistogram,
  type RangeOptions,
  rangeBy,
  widen,
} from "./onnx/quantize/ranges.ts";
export type { GraphProto, ModelProto, NodeProto, TensorProto } from "./onnx/schema.ts";
export { ndArrayOf, tensorProtoOf } from "./onnx/tensors.ts";
export { flopsOf } from "./ops/cost.ts";
export { type SlidingOptions, slidingOf } from "./ops/window.ts";
export { fillUniform, philox } from "./philox.ts";
export { copyInPieces, fillInPieces } from "./pieces.ts";
export { random } from "./random.ts";
export { areRowsIndependent } from "./rows.ts";
export type { ScanOptions, Step } from "./scan.ts";
export { scan } from "./scan.ts";
export type { NdArray, Shape, TensorType } from "./shape.ts";
export { broadcastShapes, normalizeAxes, sameShape, showShape, sizeOf, stridesOf } from "./shape.ts";
export type { Axes, Operand, ReduceOptions } from "./tensor.ts";
export { concat, stack, Tensor, where } from "./tensor.ts";
export type { Built, Tracer } from "./trace.ts";
export { trace } from "./trace.ts";
