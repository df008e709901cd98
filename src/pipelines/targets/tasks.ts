/** @file Several targets a row, each of a task of its own: side by side as numbers, class indices among them. */
import { sizeOf, type Tensor } from "../../engine/index.ts";
import { classes } from "./classes.ts";
import type { Codec } from "./codec.ts";
import type { PlainEncoding, TasksEncoding } from "./encoding.ts";
import { labels } from "./labels.ts";
import { values } from "./values.ts";

type Plain = Codec<PlainEncoding["kind"]>;
const PLAIN = { classes, labels, values } as const;
const codecOf = ({ kind }: PlainEncoding): Plain => PLAIN[kind] as Plain;
const widthOf = (encoding: PlainEncoding): number => sizeOf(codecOf(encoding).shape(encoding));

export const tasks: Codec<"tasks"> = {
  reads: true,
  dtype: "F32",
  shape: (encoding) => [totalOf(encoding)],
  names: ({ tasks: all }) =>
    Object.entries(all).flatMap(([task, encoding]) =>
      codecOf(encoding)
        .names(encoding)
        .map((name) => `${task}.${name}`),
    ),
  fit() {
    throw new Error("tasks are fitted one by one");
  },
  encode(columns, rows, encoding, dataset) {
    const total = totalOf(encoding);
    const encoded = new Float32Array(rows.length * total);
    let start = 0;
    for (const each of Object.values(encoding.tasks)) {
      const own = columns.filter(({ name }) => each.columns.includes(name));
      const width = widthOf(each);
      const numbers = codecOf(each).encode(own, rows, each as never, dataset);
      for (let row = 0; row < rows.length; row++) {
        for (let element = 0; element < width; element++)
          encoded[row * total + start + element] = numbers[row * width + element]!;
      }
      start += width;
    }
    return encoded;
  },
};

function totalOf({ tasks: all }: TasksEncoding): number {
  return Object.values(all).reduce((sum, encoding) => sum + widthOf(encoding), 0);
}

/** One task's part of a batch's targets, in the form that its losses take. @param packed F32 [batch, numbers of all] */
export function targetOfTask(packed: Tensor, encoding: TasksEncoding, task: string): Tensor {
  const names = Object.keys(encoding.tasks);
  const start = names.slice(0, names.indexOf(task)).reduce((sum, name) => sum + widthOf(encoding.tasks[name]!), 0);
  const own = encoding.tasks[task]!;
  const batch = packed.shape[0]!;
  const part = packed.slice([0, start], [batch, start + widthOf(own)]);
  return own.kind === "classes" ? part.reshape([batch]).cast("I32") : part;
}

/** The same of all rows, on the host. */
export function rowsOfTask(
  packed: ArrayLike<number>,
  rows: number,
  encoding: TasksEncoding,
  task: string,
): Float32Array {
  const names = Object.keys(encoding.tasks);
  const total = totalOf(encoding);
  const start = names.slice(0, names.indexOf(task)).reduce((sum, name) => sum + widthOf(encoding.tasks[name]!), 0);
  const width = widthOf(encoding.tasks[task]!);
  return Float32Array.from({ length: rows * width }, (_, index) => {
    return packed[Math.floor(index / width) * total + start + (index % width)]!;
  });
}
