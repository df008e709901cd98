/** @file Gzip taken off where there is some: told by its first two bytes, not by the file's name. */
import { gunzipSync } from "node:zlib";
import { Fault } from "../../engine/index.ts";

/** What a file may hold once it is unpacked: a small one can claim to hold very much. */
const LARGEST = 2 ** 31 - 1;

/**
 * The bytes as they are, or unpacked.
 * Faults: DATA_INVALID for a broken archive, LIMIT_EXCEEDED when it holds more than 2 GiB.
 * @param source what to call the file in a fault.
 */
export function unpacked(bytes: Uint8Array, source: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw new Fault("LIMIT_EXCEEDED", `\`${source}\` unpacks to more than ${LARGEST} bytes`, {
        hint: "split it into several files",
        cause,
      });
    }
    throw new Fault("DATA_INVALID", `\`${source}\` is a broken gzip file: ${message}`, {
      violations: [{ path: source, message: "broken gzip file", expected: "a whole archive", got: message }],
      hint: "download it again",
      cause,
    });
  }
}
