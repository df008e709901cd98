/** @file Reading the part of a file that a wire tensor points at: a regular file, inside the allowed roots, long enough. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { Refusal } from "../protocol/errors.ts";
import type { DecodeContext } from "../protocol/tensor.ts";
import { isBelow, realLocation } from "./paths.ts";

/** In bytes, from the start of the file. */
type Region = Parameters<NonNullable<DecodeContext["readRegion"]>>[0];

/** A reader of exactly `nbytes` bytes. @param roots undefined allows every file. */
export function regionReader(roots: readonly string[] | undefined): (region: Region) => Uint8Array {
  return ({ path, offset = 0, nbytes = 0 }) => {
    const real = realPath(path);
    if (roots !== undefined && !roots.some((root) => isBelow(realLocation(resolve(root)), real))) {
      throw refused("PATH_DENIED", path, "lies outside the allowed roots", `a file below ${roots.join(" or ")}`, real);
    }
    // A pipe that nobody writes to must not keep the worker waiting.
    const file = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file);
      if (!stat.isFile())
        throw refused("PATH_DENIED", path, "is not a regular file", "a regular file", "something else");
      if (offset + nbytes > stat.size) {
        throw refused(
          "SHAPE_MISMATCH",
          path,
          "is too short",
          `at least ${offset + nbytes} bytes`,
          `${stat.size} bytes`,
        );
      }
      const bytes = new Uint8Array(nbytes);
      for (let done = 0; done < nbytes; ) {
        const read = readSync(file, bytes, done, nbytes - done, offset + done);
        if (read === 0)
          throw refused("SHAPE_MISMATCH", path, "shrank while it was read", `${nbytes} bytes`, `${done} bytes`);
        done += read;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw refused("NOT_FOUND", path, "does not exist or may not be read", "a readable file", String(cause));
  }
}

function refused(
  reason: "NOT_FOUND" | "PATH_DENIED" | "SHAPE_MISMATCH",
  path: string,
  message: string,
  expected: string,
  got: string,
): Refusal {
  return new Refusal(reason, `the file ${JSON.stringify(path)} ${message}`, {
    violations: [{ path: "file.path", message, expected, got }],
    hint: `give ${expected}`,
  });
}
