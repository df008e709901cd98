/** @file What the system says when a path that the host chose cannot be written, in words. */
import { Fault } from "../../engine/index.ts";

const OUT_OF_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Runs what writes to a path that the host chose. Where the system refuses, the host hears so in words.
 * @throws PATH_DENIED when the path cannot be written, LIMIT_EXCEEDED when the disk is full; other errors as they are.
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof Fault || code === undefined || syscall === undefined) throw cause;
    const full = OUT_OF_SPACE.has(code);
    throw new Fault(
      full ? "LIMIT_EXCEEDED" : "PATH_DENIED",
      full ? `there is no space left to write \`${path}\`` : `\`${path}\` cannot be written (${code})`,
      {
        violations: [{ path: "path", message: "not writable", expected: "a path that may be written", got: message }],
        hint: full ? "free some space, or choose another disk" : "choose another path, or check its permissions",
        retryable: full,
        cause,
      },
    );
  }
}
