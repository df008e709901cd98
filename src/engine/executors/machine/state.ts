/** @file States on the machine: each tensor has a place of its own for as long as the state lives. */
import { DTYPES, type DType, type TypedArray } from "../../dtype.ts";
import { Fault } from "../../fault.ts";
import { copyInPieces, fillInPieces } from "../../pieces.ts";
import { aligned } from "../../plan/arena.ts";
import type { Buffer } from "../../plan/plan.ts";
import { type NdArray, sameShape, showShape, type TensorType } from "../../shape.ts";
import type { State } from "../executor.ts";
import type { Memory } from "./memory.ts";
import { bytesOf, type View, viewOf } from "./storage.ts";

export interface PlacedState {
  readonly state: State;
  readonly buffers: ReadonlyMap<string, Buffer>;
}

const KNOWN: readonly DType[] = ["F32", "I32", "BOOL", "F64", "F16", "BF16"];

/** Zeros of the given types. */
export function placeState(types: Readonly<Record<string, TensorType>>, memory: Memory): PlacedState {
  for (const [path, { dtype }] of Object.entries(types)) {
    if (KNOWN.includes(dtype)) continue;
    throw new Fault("DTYPE_UNSUPPORTED", `state \`${path}\` is ${dtype}; states are ${KNOWN.join(", ")}`, {
      hint: "convert it where it enters",
    });
  }
  const bytes = Object.values(types).reduce((sum, type) => sum + aligned(bytesOf(type)), 0);
  const start = memory.allocate(bytes, "the model's state");
  fillInPieces(memory.integers(start, aligned(bytes) / 4), 0);
  const buffers = new Map<string, Buffer>();
  let address = start;
  for (const [path, type] of Object.entries(types)) {
    const size = bytesOf(type);
    buffers.set(path, { bytes: size, address, home: "fixed" });
    address += aligned(size);
  }
  let isReleased = false;

  function view(path: string) {
    const [type, buffer] = [types[path], buffers.get(path)];
    if (type === undefined || buffer === undefined || isReleased) {
      throw new Fault("NOT_FOUND", isReleased ? "the state was released" : `there is no state \`${path}\``, {
        hint: isReleased ? "create a new one" : "declare it in createState",
      });
    }
    return { type, data: viewOf(memory, type, buffer.address) };
  }

  const state: State = {
    types,
    read(path): NdArray {
      const { type, data } = view(path);
      return { ...type, data: copyOf(data, type) };
    },
    write(path, value) {
      const { type, data } = view(path);
      if (!sameShape(type.shape, value.shape)) {
        throw new Fault(
          "SHAPE_MISMATCH",
          `state \`${path}\` has shape ${showShape(type.shape)}, got ${showShape(value.shape)}`,
          {
            violations: [
              { path, message: "shape differs", expected: showShape(type.shape), got: showShape(value.shape) },
            ],
            hint: "give the tensor the state's shape",
          },
        );
      }
      copyInPieces(data, value.data);
    },
    release() {
      if (!isReleased) memory.free(start);
      isReleased = true;
    },
  };
  return { state, buffers };
}

function copyOf(data: View, { dtype }: TensorType): TypedArray {
  const copy = new DTYPES[dtype].array(data.length) as TypedArray;
  copyInPieces(copy, data);
  return copy;
}
