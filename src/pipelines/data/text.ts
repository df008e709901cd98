/** @file A text as a dataset: one row, one column. What learns from it makes windows of it. */
import { Fault } from "../../engine/index.ts";
import { readRegularFile } from "../files/regular.ts";
import { type Column, sharedArray } from "./dataset.ts";
import type { FormOptions } from "./reference.ts";

export const TEXT = "text";

/** Faults: INVALID_PARAMS for neither or both of `path` and `value`; DATA_INVALID for bytes that are no UTF-8, or no text. */
export async function readText(
  { path, value, encoding }: FormOptions<"text">["text"],
  roots: readonly string[] | undefined,
): Promise<Column[]> {
  if ((path === undefined) === (value === undefined)) {
    throw new Fault("INVALID_PARAMS", "`data.text` is either a `path` or a `value`", {
      violations: [
        {
          path: "data.text",
          message: "one of two",
          expected: "path | value",
          got: path === undefined ? "neither" : "both",
        },
      ],
      hint: 'such as {"text": {"path": "book.txt"}}',
    });
  }
  const text = value ?? decode(await readRegularFile(path!, { roots }), encoding, path!);
  if (text === "") {
    throw new Fault("DATA_INVALID", "the text is empty", {
      violations: [{ path: "data.text", message: "empty", expected: "a text", got: "no characters" }],
      hint: "check the path",
    });
  }
  return [textColumn(TEXT, [text])];
}

function decode(bytes: Buffer, encoding: string, path: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Fault("DATA_INVALID", `\`${path}\` is not ${encoding}`, {
      violations: [
        { path: "data.text.encoding", message: "bytes that it cannot be", expected: encoding, got: "other bytes" },
      ],
      hint: 'say another `encoding`, such as "latin1"',
      cause,
    });
  }
}

/** Strings as a column, each row its own. */
export function textColumn(name: string, texts: readonly string[]): Column {
  const values = sharedArray("I32", texts.length);
  const codes = new Map<string, number>();
  for (const [row, text] of texts.entries()) {
    const code = codes.get(text) ?? codes.size;
    codes.set(text, code);
    values[row] = code;
  }
  return { name, kind: "text", shape: [], values, categories: [...codes.keys()], missing: 0 };
}
