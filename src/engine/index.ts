/** @file The engine's face: everything that other rooms may import. */
export type { ComputeDType, DType, TypedArray } from "./dtype.ts";
export { DTYPES } from "./dtype.ts";
export type { Executor, Program, State } from "./executors/executor.ts";
export { createReference } from "./executors/reference/reference.ts";
export type { FaultDetails, Reason, Violation } from "./fault.ts";
export { Fault } from "./fault.ts";
export { gradients } from "./grad.ts";
export type { Attributes, AttributeValue, Graph, Node, Traced } from "./graph.ts";
export { fillUniform, philox } from "./philox.ts";
export type { NdArray, Shape, TensorType } from "./shape.ts";
export { broadcastShapes, normalizeAxes, sameShape, showShape, sizeOf, stridesOf } from "./shape.ts";
export type { Axes, Operand, ReduceOptions } from "./tensor.ts";
export { concat, random, stack, Tensor, where } from "./tensor.ts";
export type { Built, Tracer } from "./trace.ts";
export { trace } from "./trace.ts";
