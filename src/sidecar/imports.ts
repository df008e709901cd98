/** @file ONNX files on their way in and out of a worker: bytes from a path or the request, data beside a file, results back to a file. */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { replaceFile } from "../pipelines/files/durable.ts";
import { writing } from "../pipelines/files/writing.ts";
import {
  type ExecutorName,
  type ExportOptions,
  type Feeds,
  type ImportedModel,
  importOnnx,
  openFile,
  readRegularFile,
  writeQuantized,
  writeWhole,
} from "../pipelines/index.ts";
import { decodeBase64 } from "../protocol/base64.ts";
import { Refusal } from "../protocol/errors.ts";
import { decodeTensor, isTensorObject } from "../protocol/tensor.ts";
import type { Calls } from "./calls.ts";
import { regionReader } from "./regions.ts";
import type { Workshop } from "./workshop.ts";

/** Of one read: Node takes no more than 2 GiB at once. */
const LARGEST_READ = 2 ** 30;

type ImportCall = Calls["importModel"];

export async function readImport(
  { path, b64 }: ImportCall["request"],
  { roots }: Workshop,
): Promise<ImportCall["reply"]> {
  const bytes = path === null ? decodeBase64(b64!, "b64") : await readRegularFile(path, { roots });
  return importOnnx(bytes, readBeside(path));
}

/** A part of a file in the model's folder. */
function readBeside(model: string | null) {
  return (location: string, offset: number, length: number | undefined): Uint8Array => {
    if (model === null) {
      throw new Refusal("DATA_INVALID", `the file keeps data in \`${location}\`, and came without a folder`, {
        violations: [{ path: "b64", message: "its data are elsewhere", expected: "one file", got: location }],
        hint: "give the file's `path`, or save it as one file",
      });
    }
    const path = resolve(dirname(model), location);
    let file: number;
    try {
      refuseLinkOut(dirname(model), path, location);
      // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
      file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      if (cause instanceof Refusal) throw cause;
      throw new Refusal("NOT_FOUND", `\`${path}\`, where the file keeps data, cannot be read`, {
        violations: [
          {
            path: "path",
            message: "data are missing",
            expected: location,
            got: String((cause as NodeJS.ErrnoException).code),
          },
        ],
        hint: "put the data beside the file",
      });
    }
    try {
      return partOf(file, path, offset, length);
    } finally {
      closeSync(file);
    }
  };
}

/** A link may lead out of the folder where the name does not. */
function refuseLinkOut(folder: string, path: string, location: string): void {
  const way = relative(realpathSync(folder), realpathSync(path));
  if (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return;
  throw new Refusal("PATH_DENIED", `\`${location}\`, where the file keeps data, is a link out of its folder`, {
    violations: [{ path: "path", message: "a link out", expected: "a file in the model's folder", got: location }],
    hint: "put the data themselves beside the file",
  });
}

function partOf(file: number, path: string, offset: number, length: number | undefined): Uint8Array {
  const facts = fstatSync(file);
  const count = length ?? facts.size - offset;
  if (!facts.isFile() || count < 0 || offset + count > facts.size) {
    throw new Refusal("DATA_INVALID", `\`${path}\` is shorter than the file says`, {
      violations: [
        { path: "path", message: "too short", expected: `${offset + count} bytes`, got: `${facts.size} bytes` },
      ],
      hint: "the data were cut off; copy them again",
    });
  }
  const part = new Uint8Array(count);
  for (let done = 0; done < count; ) {
    const read = readSync(file, part, done, Math.min(count - done, LARGEST_READ), offset + done);
    if (read === 0) break; // it shrinks while it is read: the rest stays zeros, as in any file that changes meanwhile
    done += read;
  }
  return part;
}

/** A tensor for the only input, or an object with one for each. */
export function decodeFeeds(inputs: unknown, { roots }: Workshop): Feeds {
  const decode = (wire: unknown, path: string) =>
    decodeTensor(wire, { path, readRegion: regionReader(roots) }) as Feeds;
  if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || isTensorObject(inputs)) {
    return decode(inputs, "inputs");
  }
  const named = Object.entries(inputs).map(([name, wire]) => [name, decode(wire, `inputs.${name}`)]);
  return Object.fromEntries(named) as Feeds;
}

/** The engine, unless it lacks what the file asks for. */
export const usualExecutor = ({ imported }: ImportedModel): ExecutorName =>
  imported.needsOnnxruntime === true ? "onnxruntime" : "engine";

/** The file that was imported, with its weights as they are now. */
export async function writeImported(record: ImportedModel, path: string, asked: ExportOptions): Promise<object> {
  const { about, quantize, verify = true, ...rest } = asked;
  const others = Object.entries({ ...rest, ...about }).filter(([, value]) => value !== undefined);
  if (others.length > 0) {
    throw new Refusal("INVALID_PARAMS", `an imported file is written as it came: \`${others[0]![0]}\` cannot be had`, {
      violations: others.map(([name]) => ({ path: name, message: "of no use here", expected: "left out" })),
      hint: "leave it out, or give the file a head of its own and export that",
    });
  }
  if (quantize !== undefined) return writeQuantized(record, path, { quantize, verify });
  const bytes = writeWhole(record);
  await writing(path, async () => replaceFile(path, bytes));
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  const { opened } = openFile(record.imported);
  return { path, sha256, bytes: bytes.byteLength, opset: opened.opset, verification: null, note: "as it was imported" };
}
