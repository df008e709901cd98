/** @file Reading a file that a host names: regular files only, inside the allowed folders, whole or a range. */
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { Fault } from "../../engine/index.ts";

export interface FileRange {
  /** In bytes from the start. Default 0. */
  readonly offset?: number;
  /** Default: to the end. */
  readonly bytes?: number;
  /** Folders that the file must be in, links resolved; left out, any file will do. */
  readonly roots?: readonly string[] | undefined;
}

/** Node reads no more than this at once. */
const LARGEST = 2 ** 31 - 1;

/**
 * The bytes of a regular file.
 * Faults: NOT_FOUND; PATH_DENIED for anything but a regular file inside `roots`; DATA_INVALID when the file is shorter than
 * the range or shrinks while it is read; LIMIT_EXCEEDED past 2 GiB.
 */
export async function readRegularFile(path: string, { offset = 0, bytes, roots }: FileRange = {}): Promise<Buffer> {
  const real = await allowedPath(path, roots);
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause) => {
    throw notReadable(path, cause);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw denied(path, "not a regular file", "a regular file", kindOf(stat));
    const length = bytes ?? Math.max(0, stat.size - offset);
    if (offset + length > stat.size) throw truncated(path, offset + length, stat.size);
    if (length > LARGEST) {
      throw new Fault(
        "LIMIT_EXCEEDED",
        `\`${path}\` has ${length} bytes, more than the ${LARGEST} that can be read at once`,
        {
          hint: "split it into several files",
        },
      );
    }
    return await readWhole(file, path, offset, length);
  } finally {
    await file.close();
  }
}

/** The path with links resolved, once it is known to lie inside one of `roots`. */
export async function allowedPath(path: string, roots: readonly string[] | undefined): Promise<string> {
  if (path.includes("\0")) throw denied(JSON.stringify(path), "a NUL byte in the path", "a path", "a NUL byte");
  const real = await realpath(path).catch((cause) => {
    throw notReadable(path, cause);
  });
  if (roots === undefined) return real;
  for (const root of roots) {
    const folder = await realpath(root).catch(() => resolve(root));
    const inside = relative(folder, real);
    if (inside === "" || !(inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside))) return real;
  }
  throw denied(path, "outside the allowed folders", `a file in ${roots.join(", ")}`, real);
}

async function readWhole(file: FileHandle, path: string, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw truncated(path, offset + length, offset + done);
    done += bytesRead;
  }
  return buffer;
}

function kindOf(stat: Awaited<ReturnType<FileHandle["stat"]>>): string {
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a pipe";
  if (stat.isSocket()) return "a socket";
  return "a device";
}

function denied(path: string, message: string, expected: string, got: string): Fault {
  return new Fault("PATH_DENIED", `\`${path}\`: ${message}`, {
    violations: [{ path: "path", message, expected, got }],
    hint: `give ${expected}`,
  });
}

function truncated(path: string, expected: number, got: number): Fault {
  return new Fault("DATA_INVALID", `\`${path}\` is truncated: expected at least ${expected} bytes, got ${got}`, {
    violations: [{ path: "path", message: "file too short", expected: `${expected} bytes`, got: `${got} bytes` }],
    hint: "write the file again, and hand it over only when it is complete",
  });
}

function notReadable(path: string, cause: NodeJS.ErrnoException): Fault {
  const missing = cause.code === "ENOENT" || cause.code === "ENOTDIR";
  return new Fault(
    missing ? "NOT_FOUND" : "PATH_DENIED",
    `\`${path}\` ${missing ? "does not exist" : `cannot be opened (${cause.code})`}`,
    {
      violations: [
        { path: "path", message: missing ? "no such file" : "not readable", expected: "a readable file", got: path },
      ],
      hint: missing ? `relative paths start at ${process.cwd()}` : "check the file's permissions",
      cause,
    },
  );
}
