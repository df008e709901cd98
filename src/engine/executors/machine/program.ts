/** @file A compiled program in memory: its instructions, its own buffers, and the one call that runs it. */
import { availableParallelism } from "node:os";
import type { TypedArray } from "../../dtype.ts";
import { Fault } from "../../fault.ts";
import type { Node } from "../../graph.ts";
import { aligned } from "../../plan/arena.ts";
import { showBytes } from "../../plan/forecast.ts";
import type { Buffer } from "../../plan/plan.ts";
import type { ProfiledInstruction, Program } from "../executor.ts";
import type { Compiled } from "./compile.ts";
import { encode } from "./encode.ts";
import { type Instruction, isLoop } from "./instruction.ts";
import type { Memory } from "./memory.ts";
import { createPace } from "./pace.ts";
import { viewOf } from "./storage.ts";

export interface Placed {
  readonly program: Program;
  /** The arena stands elsewhere now: all addresses into it move by this many bytes. */
  relocate(by: number): void;
}

export interface Setting {
  readonly memory: Memory;
  /** Where the arena starts; it has room for this program. */
  readonly arena: number;
  readonly threads: number;
  readonly canInterrupt: boolean;
  run(program: number, threads: number): number;
  /** Performs one instruction, and gives the next one's address. */
  step(instruction: number): number;
  /** Throws where the executor was closed or has crashed. */
  refuseIfEnded(): void;
  onCrash(cause?: unknown): void;
  /** Called once when the program is released. */
  onRelease(): void;
}

/** The bytes that a program needs for itself, its instructions left out. */
function ownBytes({ inputs, outputs, constants }: Compiled): number {
  const buffers = [...Object.values(inputs), ...Object.values(outputs), ...constants.map(({ buffer }) => buffer)];
  return buffers.reduce((sum, { bytes }) => sum + aligned(bytes), 0);
}

export function placeProgram(compiled: Compiled, setting: Setting): Placed {
  const { memory } = setting;
  const { instructions, inputs, outputs, constants, types, plan } = compiled;
  const own = ownBytes(compiled);
  const buffersAt = memory.allocate(own, "the program's inputs and outputs");
  let next = buffersAt;
  const place = (buffer: Buffer) => {
    buffer.address = next;
    next += aligned(buffer.bytes);
  };
  for (const buffer of [...Object.values(inputs), ...Object.values(outputs)]) place(buffer);
  for (const { buffer, type, value } of constants) {
    place(buffer);
    const view = viewOf(memory, type, buffer.address);
    if (typeof value === "number") view.fill(value);
    else view.set(value as Float32Array);
  }

  const { words, relocations, starts } = encode(instructions, setting.canInterrupt);
  const address = memory.allocate(words.byteLength, "the program's instructions");
  const encoded = memory.integers(address, words.length);
  encoded.set(words);
  const relocate = (by: number) => {
    for (const word of relocations) encoded[word]! += by;
  };
  relocate(setting.arena);

  const views = (
    nodes: Readonly<Record<string, Node>>,
    buffers: Readonly<Record<string, Buffer>>,
  ): Record<string, TypedArray> =>
    Object.fromEntries(
      Object.entries(nodes).map(([name, node]) => [name, viewOf(memory, node, buffers[name]!.address)]),
    );
  const inputViews = views(types.inputs, inputs);
  for (const view of Object.values(inputViews)) view.fill(0 as never);

  const nanoseconds = instructions.reduce((sum, instruction) => sum + instruction.nanoseconds, 0);
  const pace = createPace(nanoseconds, setting.threads, availableParallelism());
  const { run, step } = setting;
  let isReleased = false;
  function refuseUnlessRunnable(): void {
    setting.refuseIfEnded();
    if (isReleased) throw new Fault("INVALID_STATE", "the program was released", { hint: "compile it again" });
  }
  const program: Program = {
    inputs: inputViews,
    outputs: views(types.outputs, outputs),
    run() {
      refuseUnlessRunnable();
      let ending = -1;
      const started = pace.isTrial ? performance.now() : Number.NaN;
      try {
        ending = run(address, pace.threads);
      } catch (trap) {
        setting.onCrash(trap);
      }
      if (ending === 1) {
        if (Number.isNaN(started)) pace.passed();
        else pace.took(performance.now() - started);
        return true;
      }
      if (ending === -1) {
        setting.onCrash();
        setting.refuseIfEnded();
      }
      return false;
    },
    profile() {
      refuseUnlessRunnable();
      const performed: ProfiledInstruction[] = [];
      for (let at = address; at !== 0; ) {
        const instruction = starts.get((at - address) / 4);
        const started = performance.now();
        at = step(at);
        const milliseconds = performance.now() - started;
        if (instruction === undefined || isLoop(instruction)) continue;
        const { label, kind, flops } = instruction;
        performed.push({ label, kind, flops, milliseconds });
      }
      return performed;
    },
    flops: instructions.reduce((sum, { flops }) => sum + flops, 0),
    explain: () => explain(compiled, pace.threads, own + words.byteLength),
    bytes: own + words.byteLength + plan.arenaBytes,
    release() {
      if (isReleased) return;
      isReleased = true;
      memory.free(buffersAt);
      memory.free(address);
      setting.onRelease();
    },
  };
  return { program, relocate };
}

function explain({ instructions, plan }: Compiled, threads: number, ownBytes: number): string {
  const flops = instructions.reduce((sum, instruction) => sum + instruction.flops, 0);
  const microseconds = instructions.reduce((sum, { nanoseconds }) => sum + nanoseconds / 1000, 0);
  const line = ({ label, nanoseconds, commits }: Instruction, place: string) =>
    `${place.padStart(4)}  ${(nanoseconds / 1000).toFixed(1).padStart(9)} µs  ${label}${commits ? "  → state" : ""}`;
  const lines = instructions.flatMap((instruction, index) => [
    line(instruction, String(index)),
    ...(isLoop(instruction) ? instruction.body.map((each) => line(each, "·")) : []),
  ]);
  return [
    `${instructions.length} instructions, ${threads} thread${threads > 1 ? "s" : ""}`,
    `${(flops / 1e6).toFixed(2)} MFLOP, about ${microseconds.toFixed(0)} µs on one thread`,
    `${showBytes(plan.arenaBytes)} of working memory (at least ${showBytes(plan.lowerBound)} are alive at once), ${showBytes(ownBytes)} of its own`,
    ...lines,
  ].join("\n");
}
