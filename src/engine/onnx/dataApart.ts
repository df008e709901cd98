/**
 * @file A model whose large tensors stand in a file beside it, for protobuf ends at 2 GiB: what the model then says, and
 * what the other file holds, where. The way back is `import/external.ts`.
 */
import type { ModelProto, TensorProto } from "./schema.ts";

/** Where a system's pages begin, so that runtimes can map tensors instead of reading them. */
const PAGE = 4096;
/** Smaller tensors stay in the model: shapes, scalars, biases. */
const SMALLEST = 1024;
const EXTERNAL = 1;

export interface ModelApart {
  readonly model: ModelProto;
  /** By offset, in bytes from the start of the other file; between them lie zeros. */
  readonly parts: readonly { readonly offset: number; readonly data: Uint8Array }[];
  /** Of the other file. */
  readonly bytes: number;
}

/** Bytes of all tensors: a little less than the file that holds them. */
export function tensorBytes({ graph }: ModelProto): number {
  return (graph?.initializer ?? []).reduce((sum, { rawData }) => sum + (rawData?.byteLength ?? 0), 0);
}

/** @param location the other file's name, relative to the model's */
export function withDataApart(model: ModelProto, location: string): ModelApart {
  const parts: { offset: number; data: Uint8Array }[] = [];
  let bytes = 0;
  const initializer = (model.graph?.initializer ?? []).map((tensor): TensorProto => {
    const { rawData, ...rest } = tensor;
    if (rawData === undefined || rawData.byteLength < SMALLEST) return tensor;
    const offset = Math.ceil(bytes / PAGE) * PAGE;
    parts.push({ offset, data: rawData });
    bytes = offset + rawData.byteLength;
    const said = { location, offset, length: rawData.byteLength };
    const externalData = Object.entries(said).map(([key, value]) => ({ key, value: String(value) }));
    return { ...rest, externalData, dataLocation: EXTERNAL };
  });
  return { model: { ...model, graph: { ...model.graph, initializer } }, parts, bytes };
}
