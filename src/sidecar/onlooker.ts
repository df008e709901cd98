/** @file Who looks on in the worker while a model writes: tells what it wrote, a few times a second, and heeds commands. */
import type { Onlooker } from "../pipelines/index.ts";
import { COMMAND, CONTROL } from "./calls.ts";
import type { Workshop } from "./workshop.ts";

/** Often enough to be read as it comes; a token each would be thousands of lines a second. */
const TELLING_MILLISECONDS = 50;

/** @returns who looks on, and what tells the rest when all is written: the pieces together are the text */
export function onlookerOf({ control, notify }: Pick<Workshop, "control" | "notify">) {
  const began = performance.now();
  let toldAt = began;
  let told = 0;
  const tell = (text: string, tokens: number): void => {
    const piece = text.slice(told);
    if (piece === "") return;
    told = text.length;
    toldAt = performance.now();
    const rate = Number(((tokens / (toldAt - began)) * 1000).toFixed(1));
    notify({ kind: "event", type: "generate.text", data: { text: piece, tokens, rate } });
  };
  const word = (): number => Atomics.load(control, CONTROL.command);
  const onlooker: Onlooker = {
    goesOn() {
      while (word() === COMMAND.pause) Atomics.wait(control, CONTROL.command, COMMAND.pause);
      return word() === COMMAND.run;
    },
    wrote(settled, tokens) {
      if (performance.now() - toldAt >= TELLING_MILLISECONDS) tell(settled(), tokens);
    },
  };
  return { onlooker, tellRest: tell };
}
