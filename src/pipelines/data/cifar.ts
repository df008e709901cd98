/**
 * @file CIFAR-10 and CIFAR-100 in their binary form (www.cs.toronto.edu/~kriz/cifar.html): records of a label (CIFAR-100: two,
 * coarse and fine) and 3 × 32 × 32 bytes, channel by channel.
 */
import { basename } from "node:path";
import { Fault } from "../../engine/index.ts";
import { type Entry, listFolder } from "../files/folder.ts";
import { unpacked } from "../files/gzip.ts";
import { readRegularFile } from "../files/regular.ts";
import type { Column } from "./dataset.ts";
import { named } from "./idx.ts";
import type { FormOptions } from "./reference.ts";
import { columnsOfTensors } from "./tensors.ts";

type Options = FormOptions<"cifar">["cifar"];
type Roots = readonly string[] | undefined;

const IMAGE = [3, 32, 32];
const IMAGE_BYTES = 3 * 32 * 32;

interface Variant {
  readonly labels: readonly { readonly kind: "fine" | "coarse"; readonly classes: number; readonly names: string }[];
  readonly files: Readonly<Record<"train" | "test", RegExp>>;
}

/** The labels of a record in their order, where their names are found, and which files belong to which part. */
const VARIANTS: Readonly<Record<Options["variant"], Variant>> = {
  cifar10: {
    labels: [{ kind: "fine", classes: 10, names: "batches.meta.txt" }],
    files: { train: /^data_batch_\d+\.bin(\.gz)?$/, test: /^test_batch\.bin(\.gz)?$/ },
  },
  cifar100: {
    labels: [
      { kind: "coarse", classes: 20, names: "coarse_label_names.txt" },
      { kind: "fine", classes: 100, names: "fine_label_names.txt" },
    ],
    files: { train: /^train\.bin(\.gz)?$/, test: /^test\.bin(\.gz)?$/ },
  },
};

/**
 * Images as [3, 32, 32] bytes; labels by the names in the folder's own list where it has one.
 * Faults: those of `readRegularFile`, NOT_FOUND for a folder without such files, DATA_INVALID for a file that is no whole
 * number of records or holds a label that is none.
 */
export async function readCifar({ path, part, variant, labels }: Options, roots: Roots): Promise<Column[]> {
  const { labels: kinds, files: patterns } = VARIANTS[variant];
  const place = kinds.findIndex(({ kind }) => kind === labels);
  if (place < 0) throw noCoarse(variant);
  const { classes, names: list } = kinds[place]!;
  const entries = typeof path === "string" && !isFile(path) ? await listFolder(path, roots) : null;
  const wanted = part === "all" ? (["train", "test"] as const) : ([part] as const);
  const files =
    entries === null
      ? [path].flat()
      : wanted.flatMap((each) => entries.filter(({ name }) => patterns[each].test(name)).map((entry) => entry.path));
  if (files.length === 0) throw noFiles(String(path), variant, part);
  const batches: { source: string; bytes: Uint8Array }[] = [];
  for (const file of files)
    batches.push({ source: file, bytes: unpacked(await readRegularFile(file, { roots }), file) });

  const record = kinds.length + IMAGE_BYTES;
  for (const { source, bytes } of batches) refuseRagged(source, bytes.length, record, variant);
  const rows = batches.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const pixels = new Uint8Array(rows * IMAGE_BYTES);
  const codes = new Uint8Array(rows);
  let row = 0;
  for (const { source, bytes } of batches) {
    for (let start = 0; start < bytes.length; start += record, row++) {
      codes[row] = bytes[start + place]!;
      if (codes[row]! >= classes) throw strangeLabel(source, start / record, classes, codes[row]!);
      pixels.set(bytes.subarray(start + kinds.length, start + record), row * IMAGE_BYTES);
    }
  }
  const names = await readNames(entries, list, roots);
  const y = { dtype: "U8", shape: [rows], data: codes } as const;
  return columnsOfTensors(
    { dtype: "U8", shape: [rows, ...IMAGE], data: pixels },
    names === null ? y : named(y, names, list),
  );
}

function isFile(path: string): boolean {
  return /\.bin(\.gz)?$/.test(path);
}

async function readNames(entries: readonly Entry[] | null, list: string, roots: Roots): Promise<string[] | null> {
  const entry = entries?.find(({ name }) => name === list);
  if (entry === undefined) return null;
  const text = (await readRegularFile(entry.path, { roots })).toString("utf8");
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function refuseRagged(source: string, bytes: number, record: number, variant: string): void {
  if (bytes > 0 && bytes % record === 0) return;
  const expected = `a multiple of ${record} bytes`;
  throw new Fault(
    "DATA_INVALID",
    `\`${source}\`: no whole number of ${variant} records: expected ${expected}, got ${bytes}`,
    {
      violations: [{ path: source, message: "cut off, or of another variant", expected, got: `${bytes} bytes` }],
      hint: 'download it again, or say "variant": "cifar100"',
    },
  );
}

function strangeLabel(source: string, row: number, classes: number, label: number): Fault {
  const [expected, got] = [`0 to ${classes - 1}`, String(label)];
  return new Fault("DATA_INVALID", `\`${source}\`: record ${row + 1} has label ${got}: expected ${expected}`, {
    violations: [{ path: source, message: "a label that is none", expected, got }],
    hint: "check the file and the `variant`",
  });
}

function noCoarse(variant: string): Fault {
  return new Fault("INVALID_PARAMS", `${variant} has no coarse labels`, {
    violations: [{ path: "data.cifar.labels", message: "no such labels", expected: "fine", got: "coarse" }],
    hint: 'coarse labels come with "variant": "cifar100"',
  });
}

function noFiles(path: string, variant: string, part: string): Fault {
  const expected = variant === "cifar10" ? "data_batch_1.bin … or test_batch.bin" : "train.bin or test.bin";
  return new Fault("NOT_FOUND", `\`${basename(path)}\` holds no ${variant} files for part \`${part}\``, {
    violations: [{ path: "data.cifar.path", message: "no such files", expected, got: "none of them" }],
    hint: `give the folder with ${expected}, or the files themselves; the binary version, not the Python one`,
  });
}
