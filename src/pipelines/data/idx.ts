/** @file MNIST, Fashion-MNIST and their kin: IDX files of images and of labels. */
import { basename } from "node:path";
import { Fault, type NdArray, showShape, sizeOf } from "../../engine/index.ts";
import { decodeIdx } from "../files/idx.ts";
import type { StringArray } from "../files/npy.ts";
import { readRegularFile } from "../files/regular.ts";
import type { Column } from "./dataset.ts";
import type { FormOptions } from "./reference.ts";
import { columnsOfTensors } from "./tensors.ts";

type Options = FormOptions<"idx">["idx"];

/**
 * Images [rows, height, width] as one grey channel [1, height, width] a row; anything else as it is.
 * Faults: those of `readRegularFile` and `decodeIdx`, SHAPE_MISMATCH when files do not fit each other, DATA_INVALID for a
 * label that `classes` does not name.
 */
export async function readIdx(
  { images, labels, classes, shape }: Options,
  roots: readonly string[] | undefined,
): Promise<Column[]> {
  const read = async (paths: string | readonly string[]) =>
    joined(
      await Promise.all(
        [paths].flat().map(async (path) => ({ path, array: decodeIdx(await readRegularFile(path, { roots }), path) })),
      ),
    );
  const x = await read(images);
  const [rows = 0, ...row] = x.shape;
  const rowShape = shape === "flat" ? [sizeOf(row)] : row.length === 2 ? [1, ...row] : row;
  const y = labels === undefined ? undefined : await read(labels);
  return columnsOfTensors(
    { ...x, shape: [rows, ...rowShape] },
    y === undefined || classes === undefined ? y : named(y, classes, basename([labels!].flat()[0]!)),
  );
}

/** Arrays of one dtype and row shape, one after the other. */
function joined(parts: readonly { readonly path: string; readonly array: NdArray }[]): NdArray {
  const { path: first, array } = parts[0]!;
  if (parts.length === 1) return array;
  const [, ...row] = array.shape;
  const other = parts.find(
    ({ array: { dtype, shape } }) => dtype !== array.dtype || String(shape.slice(1)) !== String(row),
  );
  if (other !== undefined) {
    const expected = `${array.dtype} [rows, ${row.join(", ")}], as \`${first}\` has`;
    const got = `${other.array.dtype} ${showShape(other.array.shape)}`;
    throw new Fault("SHAPE_MISMATCH", `\`${other.path}\`: expected ${expected}, got ${got}`, {
      violations: [{ path: other.path, message: "does not fit the other files", expected, got }],
      hint: "files that are read together hold rows of one kind",
    });
  }
  const rows = parts.reduce((sum, part) => sum + part.array.shape[0]!, 0);
  const { length } = parts.reduce((sum, part) => ({ length: sum.length + part.array.data.length }), { length: 0 });
  const data = new (array.data.constructor as new (length: number) => Uint8Array)(length);
  let place = 0;
  for (const part of parts) {
    data.set(part.array.data as Uint8Array, place);
    place += part.array.data.length;
  }
  return { dtype: array.dtype, shape: [rows, ...row], data };
}

/** Label numbers as the names of their classes. */
export function named({ shape, data }: NdArray, classes: readonly string[], source: string): StringArray {
  const strings = new Array<string>(data.length);
  for (let row = 0; row < data.length; row++) {
    const name = classes[Number(data[row])];
    if (name === undefined) {
      const [expected, got] = [`0 to ${classes.length - 1}`, String(data[row])];
      throw new Fault(
        "DATA_INVALID",
        `\`${source}\`: label ${got} in row ${row + 1} has no name: expected ${expected}`,
        {
          violations: [{ path: source, message: "a label without a name", expected, got }],
          hint: "name as many classes as there are labels",
        },
      );
    }
    strings[row] = name;
  }
  return { dtype: "STRING", shape, data: strings };
}
