/** @file Tensors whose data stand in files beside the model: put into it, so that one file is all there is. */
import { Fault } from "../../fault.ts";
import type { GraphProto, ModelProto, TensorProto } from "../schema.ts";

/** `length` bytes of the file at `location`, from `offset`; all of the rest where no length is given. */
export type ReadPart = (location: string, offset: number, length: number | undefined) => Uint8Array;

const EXTERNAL = 1;

export const isExternal = ({ dataLocation }: TensorProto): boolean => dataLocation === EXTERNAL;

/**
 * The model with all its data inside.
 * @throws Fault PATH_DENIED for a location that leaves the model's folder, DATA_INVALID for one that is not said, and what
 *   `read` throws
 */
export function withData(model: ModelProto, read: ReadPart): ModelProto {
  return model.graph === undefined ? model : { ...model, graph: graphWithData(model.graph, read) };
}

function graphWithData(graph: GraphProto, read: ReadPart): GraphProto {
  if (!(graph.initializer ?? []).some(isExternal)) return graph;
  const initializer = graph.initializer!.map((tensor, index) =>
    isExternal(tensor) ? tensorWithData(tensor, `graph.initializer[${index}]`, read) : tensor,
  );
  return { ...graph, initializer };
}

function tensorWithData(tensor: TensorProto, path: string, read: ReadPart): TensorProto {
  const { externalData = [], dataLocation: _, ...rest } = tensor;
  const said = new Map(externalData.map(({ key = "", value = "" }) => [key, value]));
  const location = said.get("location");
  if (location === undefined || location === "") throw refusal(path, "says no location", "a file's name", "nothing");
  refuseOutside(location, path);
  const number = (key: string): number | undefined => {
    const text = said.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw refusal(`${path}.externalData.${key}`, "is no size", "a number of bytes", text);
  };
  return { ...rest, rawData: read(location, number("offset") ?? 0, number("length")) };
}

/** A model may read beside itself and below, nowhere else. */
function refuseOutside(location: string, path: string): void {
  const parts = location.split(/[\\/]/);
  const isInside = !location.startsWith("/") && !/^[a-zA-Z]:/.test(location) && !parts.includes("..");
  if (isInside && !location.includes("\0")) return;
  throw new Fault("PATH_DENIED", `\`${path}\` wants data from outside the model's folder`, {
    violations: [
      {
        path: `${path}.externalData.location`,
        message: "outside",
        expected: "a file in the model's folder",
        got: location,
      },
    ],
    hint: "put the data beside the model, or save the model as one file",
  });
}

function refusal(path: string, message: string, expected: string, got: string): Fault {
  return new Fault("DATA_INVALID", `\`${path}\`: its external data ${message}`, {
    violations: [{ path, message, expected, got }],
    hint: "save the model with its weights inside the file",
  });
}
