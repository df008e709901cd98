/** @file The model card on disk: what an earlier export left there, and the new one as text. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Fault } from "../../engine/index.ts";
import { plain } from "./card.ts";

/** What earlier exports have left that this one replaces. */
export interface Replaced {
  /** The file beside the model that held its tensors, if there was one. */
  readonly data: DataSaid | undefined;
}

interface DataSaid {
  readonly name: string;
  readonly bytes: number;
}

/** What is read of a card. */
interface WrittenCard {
  readonly format: CardFormat;
  readonly file?: { readonly data?: DataSaid };
}

/**
 * Only what an earlier export wrote is replaced: `model.onnx` in a saved model's folder would put its card over `model.json`.
 * @returns what of the earlier export is to go
 * @param format what a card must say that it is, for files beside it to be an export's own
 */
export async function refuseOthers(cardPath: string, format: CardFormat, beside: readonly string[]): Promise<Replaced> {
  const text = await readFile(cardPath, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
  const found = text === null ? null : cardIn(text);
  const strange = text !== null && found === null ? [cardPath] : [];
  const others = found?.format === format ? strange : [...strange, ...beside.filter((path) => existsSync(path))];
  if (others.length === 0) return { data: found?.file?.data };
  const [got] = others as [string];
  throw new Fault("ALREADY_EXISTS", `\`${got}\`, which would be written beside the file, is something else`, {
    violations: [{ path: "path", message: "would replace another file", expected: "no such file", got }],
    hint: "choose another name for the ONNX file",
  });
}

/** Null for what is no card. */
function cardIn(text: string): WrittenCard | null {
  try {
    const card = JSON.parse(text) as WrittenCard;
    return CARD_FORMATS.includes(card.format) ? card : null;
  } catch {
    return null;
  }
}

const CARD_FORMATS = ["ml-sidecar model card 1", "ml-sidecar training step 1"] as const;
export type CardFormat = (typeof CARD_FORMATS)[number];

export const showCard = (card: object): string => `${JSON.stringify(card, (_key, value) => plain(value), 2)}\n`;
