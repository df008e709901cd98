/** @file What becomes of runs when threads die, or when there is nothing left to run on. */
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { encode } from "../../../src/engine/executors/machine/encode.ts";
import {
  CHUNK,
  CONTROL_PATIENCE,
  CONTROL_READY,
  CONTROL_SCRATCH,
  CONTROL_TICKET,
  MEMORY_BASE,
  SCRATCH_BYTES,
} from "../../../src/engine/executors/machine/kernels/layout.ts";
import { fillInstruction } from "../../../src/engine/executors/machine/lowering.ts";
import { createMemory } from "../../../src/engine/executors/machine/memory.ts";
import { loadModule, type MachineExports } from "../../../src/engine/executors/machine/module.ts";
import { createMachine, trace } from "../../../src/engine/index.ts";

/** A helper that takes one chunk of an instruction, and is gone. */
const THIEF = `
const { memory, ticket, ready } = require("node:worker_threads").workerData;
const tickets = new BigInt64Array(memory.buffer);
Atomics.add(new Int32Array(memory.buffer), ready / 4, 1);
const field = (word, at) => (word >> BigInt(at)) & 0xffffn;
const isLeft = (word) => field(word, 16) + field(word, 0) < field(word, 32);
while (!isLeft(Atomics.load(tickets, ticket / 8)) || !isLeft(Atomics.add(tickets, ticket / 8, 1n)));
`;

describe("the machine's threads", () => {
  test("are not waited for when one dies with a chunk in its hands", async () => {
    const memory = createMemory();
    const instance = new WebAssembly.Instance(loadModule("plain"), {
      env: { memory: memory.shared, interrupted: () => 0 },
    });
    const { run } = instance.exports as unknown as MachineExports;
    memory.integers(CONTROL_SCRATCH, 1)[0] = memory.allocate(2 * SCRATCH_BYTES, "scratch");
    memory.integers(CONTROL_PATIENCE, 1)[0] = 1;
    const elements = 20_000 * CHUNK;
    const address = memory.allocate(elements * 4, "what is filled");
    const { words } = encode(
      [fillInstruction({ bytes: elements * 4, address, home: "fixed" }, elements, 1, "fill")],
      false,
    );
    const program = memory.allocate(words.byteLength, "the program");
    memory.integers(program, words.length).set(words);

    const ready = memory.integers(CONTROL_READY, 1);
    const workerData = { memory: memory.shared, ticket: CONTROL_TICKET, ready: CONTROL_READY };
    const thief = new Worker(THIEF, { eval: true, workerData });
    const gone = new Promise((resolve) => thief.once("exit", resolve));
    while (Atomics.load(ready, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    let ending = 1;
    for (let attempt = 0; attempt < 1000 && ending === 1; attempt++) ending = run(program, 2);
    expect(ending).toBe(-1);
    await gone;
  });

  test("meet a trap in WebAssembly with a typed error, and their executor runs nothing more", () => {
    const { Memory } = WebAssembly;
    const memories: WebAssembly.Memory[] = [];
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: ConstructorParameters<typeof Memory>[0]) {
        super(descriptor);
        memories.push(this);
      }
    };
    const machine = createMachine();
    WebAssembly.Memory = Memory;
    const state = machine.createState({});
    const square = trace((t) => ({ outputs: { y: t.input("x", { dtype: "F32", shape: [4] }).square() } }));
    const program = machine.compile(square, state);
    expect(program.run()).toBe(true);
    // Where its instructions stand now stands one that there is none of.
    new Int32Array(memories[0]!.buffer, MEMORY_BASE + 65536 + SCRATCH_BYTES).fill(99);
    const crash = expect.objectContaining({
      reason: "ENGINE_CRASHED",
      cause: expect.objectContaining({ message: "unreachable" }),
    });
    for (const attempt of [() => program.run(), () => program.run(), () => machine.compile(square, state)]) {
      expect(attempt).toThrow(crash);
    }
  });

  test("have no work once the executor is closed or the program released", () => {
    const machine = createMachine();
    const state = machine.createState({});
    const square = trace((t) => ({ outputs: { y: t.input("x", { dtype: "F32", shape: [4] }).square() } }));
    const [released, other] = [machine.compile(square, state), machine.compile(square, state)];
    released.release();
    expect(() => released.run()).toThrow(
      expect.objectContaining({ reason: "INVALID_STATE", hint: "compile it again" }),
    );
    expect(other.run()).toBe(true);
    machine.close();
    for (const attempt of [() => other.run(), () => machine.compile(square, state), () => machine.createState({})]) {
      expect(attempt).toThrow(expect.objectContaining({ reason: "INVALID_STATE", hint: "create another one" }));
    }
  });
});
