/** @file Bytes from base64. Node's decoder takes anything and stops where it likes, so alphabet and length are checked first. */
import type { Refusal } from "./errors.ts";
import { refuse } from "./refuse.ts";
import { showValue } from "./violations.ts";

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const URL_ALPHABET = /^[A-Za-z0-9_-]*={0,2}$/;

/** How many bytes a text stands for. */
function measure(text: unknown, path: string): number {
  if (typeof text !== "string") throw refuse("INVALID_PARAMS", path, `must be a string, not ${showValue(text)}`);
  if (!BASE64.test(text)) throw notStandard(text, path);
  if (text.length % 4 !== 0) {
    throw refuse("INVALID_PARAMS", path, `has ${text.length} characters, and base64 comes in fours`, {
      hint: "pad it with `=`",
    });
  }
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

function notStandard(text: string, path: string): Refusal {
  return refuse("INVALID_PARAMS", path, "is not standard base64", {
    expected: "A-Z a-z 0-9 + / and = at the end, no spaces or line breaks",
    hint: URL_ALPHABET.test(text) ? "this is the URL alphabet: replace - by + and _ by /" : undefined,
  });
}

/**
 * The bytes, on memory of their own.
 * @param expect is told how many they are before there is room for them, and may refuse that
 * @throws Refusal INVALID_PARAMS for what is no standard base64 with padding
 */
export function decodeBase64(
  text: string,
  path: string,
  expect: (nbytes: number) => void = () => {},
): Uint8Array<ArrayBuffer> {
  const nbytes = measure(text, path);
  expect(nbytes);
  const bytes = new Uint8Array(nbytes);
  Buffer.from(bytes.buffer).write(text, "base64");
  return bytes;
}
