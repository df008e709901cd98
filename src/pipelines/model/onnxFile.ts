/**
 * @file A finished ONNX model to disk: written under a name of its own, run there and compared, then put in place with its
 * card, so that whoever looks sees the old files or the new ones. Data past protobuf's limit stand in a file beside it.
 */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, statfsSync, statSync, writeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import {
  encodeOnnx,
  Fault,
  findOnnxruntime,
  halved,
  type ModelProto,
  type NdArray,
  runApart,
  type StringArray,
  tensorBytes,
  withDataApart,
} from "../../engine/index.ts";
import { renameSynced, replaceFile, writeSynced } from "../files/durable.ts";
import { makeFolder } from "../files/makeFolder.ts";
import { writing } from "../files/writing.ts";
import type { Quantizer } from "../quantize/quantizer.ts";
import type { QuantizationReport } from "../quantize/report.ts";
import { type Replaced, refuseOthers, showCard } from "./cardFile.ts";

export interface FileOptions {
  /** Run the file and compare; true when left out. */
  readonly verify?: boolean | undefined;
  /** How matrices and kernels are stored; F32 when left out. */
  readonly weights?: "F32" | "F16" | undefined;
  /** Whether large tensors stand in `<name>.onnx.data`; left out, where one file cannot hold them. */
  readonly externalData?: boolean | undefined;
  /** Integers in place of real numbers; left out, the file stays real. */
  readonly quantize?: Quantizer | undefined;
}

export interface ExportResult {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly opset: number;
  /** The file beside it that holds its tensors, if there is one. */
  readonly data?: DataFile;
  /** What quantising changed, where it was asked for. */
  readonly quantization?: QuantizationReport;
  /** The model card beside the file. */
  readonly card: string;
  /** Null where the file was not run; `note` says why, or that it differs by more than it should. */
  readonly verification: Verification | null;
  readonly note: string | null;
}

export interface DataFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface Verification {
  readonly samples: number;
  /** The largest difference of any number in any result, onnxruntime against our engine. */
  readonly maxAbsDiff: number;
  /** What it is expected to stay below. */
  readonly tolerance: number;
}

/** Of results around 1; larger ones may differ by as much more. Of integers, one that is rounded the other way goes on. */
const TOLERANCES = { F32: 1e-5, F16: 1e-2, int8: 5e-2 } as const;

/** How far a file's numbers are from ours. */
export interface Difference {
  readonly samples: number;
  readonly maxAbsDiff: number;
  /** The largest of our numbers. */
  readonly largest: number;
}

/** The difference of two lists of numbers, on top of one that was found before. */
export function differenceOf(theirs: ArrayLike<unknown>, ours: ArrayLike<unknown>, before: Difference): Difference {
  let { maxAbsDiff, largest } = before;
  for (let index = 0; index < ours.length; index++) {
    const value = Number(ours[index]);
    const difference = Math.abs(Number(theirs[index]) - value);
    if (!(difference <= maxAbsDiff)) maxAbsDiff = difference; // a NaN on one side counts, too
    if (Math.abs(value) > largest) largest = Math.abs(value);
  }
  return { ...before, maxAbsDiff, largest };
}

type Arrays = Readonly<Record<string, NdArray | StringArray>>;

/** What is written, and how it is checked. */
export interface OnnxDraft {
  readonly model: ModelProto;
  readonly opset: number;
  readonly card: object;
  /** Feeds that were made up. */
  readonly feeds: Arrays;
  /** Compares what the file answered to them with our own answers. */
  compare(answers: Arrays): Difference;
}

/** One file holds 2 GiB − 1 at most; what is not tensors takes some of it. */
const LARGEST_INSIDE = 2 ** 31 - 2 ** 26;

/**
 * Writes `path`, where asked or needed `<path>.data`, and the card as `<name>.json`. What an earlier export at `path` kept in
 * `<path>.data`, as its card says, goes with it.
 * @throws ALREADY_EXISTS where the card would replace something else, LIMIT_EXCEEDED where the disk has no room,
 *   ONNX_OPERATOR_UNSUPPORTED where onnxruntime refuses the file, and what `writing` throws
 */
export async function writeOnnx(path: string, draft: OnnxDraft, options: FileOptions = {}): Promise<ExportResult> {
  const { verify = true, weights: asked = "F32", externalData, quantize } = options;
  const quantized = quantize?.(draft);
  const weights = quantized === undefined ? asked : "int8";
  const model = quantized?.model ?? (weights === "F16" ? halved(draft.model) : draft.model);
  const compare = quantized?.compare ?? draft.compare;
  const quantization = quantized && { quantization: quantized.report };
  const card = quantized === undefined ? draft.card : { ...draft.card, sample: undefined }; // it would answer a little else
  const isApart = externalData ?? tensorBytes(model) > LARGEST_INSIDE;
  const cardPath = `${extname(path) === ".onnx" ? path.slice(0, -".onnx".length) : path}.json`;
  return writing(path, async () => {
    makeFolder(dirname(path));
    const replaced = await refuseOthers(cardPath, "ml-sidecar model card 1", isApart ? [`${path}.data`] : []);
    refuseWithoutRoom(path, tensorBytes(model));
    const pending = join(dirname(path), `.${basename(path)}.${randomUUID()}.pending`);
    await mkdir(pending);
    try {
      const written = writeInto(pending, basename(path), model, isApart);
      const { verification, note } = await verified(
        join(pending, basename(path)),
        { ...draft, compare },
        verify,
        weights,
      );
      const file = { name: basename(path), ...written.file, opset: draft.opset, weights };
      const { data } = written;
      if (data !== undefined) renameSynced(join(pending, data.name), join(dirname(path), data.name));
      renameSynced(join(pending, basename(path)), path);
      replaceFile(
        cardPath,
        showCard({ ...card, file: { ...file, ...(data && { data }) }, ...quantization, verification }),
      );
      if (data === undefined) await removeData(`${path}.data`, replaced);
      const { opset } = draft;
      const beside = data && { data: { path: `${path}.data`, sha256: data.sha256, bytes: data.bytes } };
      return { path, ...written.file, opset, ...beside, ...quantization, card: cardPath, verification, note };
    } finally {
      await rm(pending, { recursive: true, force: true });
    }
  });
}

/** What another put in its place since is not an export's. */
async function removeData(path: string, { data }: Replaced): Promise<void> {
  if (data?.name !== basename(path)) return;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() && found.size === data.bytes) await rm(path);
}

interface Facts {
  readonly sha256: string;
  readonly bytes: number;
}

function writeInto(
  folder: string,
  name: string,
  model: ModelProto,
  isApart: boolean,
): { file: Facts; data?: Facts & { name: string } } {
  const beside = `${name}.data`;
  const apart = isApart ? withDataApart(model, beside) : { model, parts: [], bytes: 0 };
  const bytes = encodeOnnx(apart.model);
  writeSynced(join(folder, name), bytes);
  const file = { sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.byteLength };
  if (apart.parts.length === 0) return { file };
  return { file, data: { name: beside, ...writeParts(join(folder, beside), apart.parts), bytes: apart.bytes } };
}

/** Written and hashed at once: neither takes 2 GiB. */
const PIECE = 2 ** 26;

/** One after the other, from where they are: nothing is held twice. */
function writeParts(path: string, parts: ReturnType<typeof withDataApart>["parts"]): { sha256: string } {
  const hash = createHash("sha256");
  const file = openSync(path, "w");
  const put = (bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.byteLength; ) {
      const piece = bytes.subarray(done, done + PIECE);
      const written = writeSync(file, piece);
      hash.update(piece.subarray(0, written));
      done += written;
    }
  };
  try {
    let end = 0;
    for (const { offset, data } of parts) {
      put(new Uint8Array(offset - end));
      put(data);
      end = offset + data.byteLength;
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { sha256: hash.digest("hex") };
}

async function verified(
  path: string,
  { feeds, compare }: OnnxDraft,
  isAsked: boolean,
  weights: keyof typeof TOLERANCES,
): Promise<Pick<ExportResult, "verification" | "note">> {
  if (!isAsked) return { verification: null, note: "not asked for" };
  const presence = findOnnxruntime();
  if ("missing" in presence) return { verification: null, note: `${presence.missing}, so the file was not run` };
  const { samples, maxAbsDiff, largest } = compare(await runApart(path, feeds));
  const tolerance = TOLERANCES[weights] * Math.max(1, largest);
  const note =
    maxAbsDiff <= tolerance ? null : `the file's answers differ by ${maxAbsDiff}, more than the expected ${tolerance}`;
  return { verification: { samples, maxAbsDiff, tolerance }, note };
}

/** Said before anything is written. */
function refuseWithoutRoom(path: string, needed: number): void {
  const { bavail, bsize } = statfsSync(dirname(path));
  const free = bavail * bsize;
  if (needed <= free) return;
  const [expected, got] = [`${needed} bytes`, `${free} bytes`];
  throw new Fault("LIMIT_EXCEEDED", `\`${path}\` would take ${expected}, and its disk has ${got} left`, {
    violations: [{ path: "path", message: "no room", expected, got }],
    hint: 'free some space, choose another disk, or ask for `weights: "F16"`',
    retryable: true,
  });
}
