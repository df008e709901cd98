/** @file The machine: an executor that compiles a program to instructions for a small virtual machine in WebAssembly. */
import { availableParallelism } from "node:os";
import { Fault } from "../../fault.ts";
import type { Buffer } from "../../plan/plan.ts";
import { sameShape, showShape, type TensorType } from "../../shape.ts";
import type { Executor, State } from "../executor.ts";
import { compile } from "./compile.ts";
import { CONTROL_SCRATCH, MOST_THREADS, NORMAL_TABLE, SCRATCH_BYTES } from "./kernels/layout.ts";
import { createMemory } from "./memory.ts";
import { chooseVectors, loadModule, type MachineExports } from "./module.ts";
import { type Placed, placeProgram } from "./program.ts";
import { placeState } from "./state.ts";
import { normalTable } from "./tables.ts";
import { startHelpers, stopHelpers } from "./threads.ts";

export interface MachineOptions {
  /**
   * The most threads that one program uses, this one included, of which no more are started than there are cores; 1 where
   * absent. Results don't depend on it, not by a bit.
   */
  readonly threads?: number;
  /** Start them all, though there are fewer cores: they take turns then, and nothing is gained. false where absent. */
  readonly oversubscribe?: boolean;
  /** Fused multiply-add where this Node offers it; true where absent. */
  readonly relaxedSimd?: boolean;
  /**
   * Kernels for vectors of 256 bits, which Node 24 makes of ours of 128 on x64 with AVX2: there where absent. true takes
   * them anywhere with relaxed SIMD, slower where nothing is paired. Results don't depend on it, not by a bit.
   */
  readonly wideSimd?: boolean;
  /** Refuse to use more than this; all that 32-bit addresses reach (4 GiB) where absent. */
  readonly memoryLimitBytes?: number;
  /** Over a SharedArrayBuffer: when its first word is not zero, a run stops before it changes any state. */
  readonly interrupt?: Int32Array;
}

export function createMachine(options: MachineOptions = {}): Executor {
  const { interrupt, oversubscribe = false } = options;
  const most = oversubscribe ? MOST_THREADS : Math.min(MOST_THREADS, availableParallelism());
  const threads = Math.max(1, Math.min(most, Math.floor(options.threads ?? 1)));
  const module = loadModule(chooseVectors(options.relaxedSimd ?? true, options.wideSimd));
  const memory = createMemory(options.memoryLimitBytes);
  const scratch = memory.allocate(threads * SCRATCH_BYTES, "the machine's scratch memory");
  memory.integers(CONTROL_SCRATCH, 1)[0] = scratch;
  const normal = normalTable();
  memory.floats(NORMAL_TABLE, normal.length).set(normal);
  const interrupted = interrupt === undefined ? () => 0 : () => Atomics.load(interrupt, 0);
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.shared, interrupted } });
  const { run, step } = instance.exports as unknown as MachineExports;
  if (threads > 1) startHelpers(module, memory, threads - 1);

  const placedStates = new WeakMap<State, ReadonlyMap<string, Buffer>>();
  const programs = new Set<Placed>();
  /** Why nothing runs any more. */
  let ended: Fault | undefined;
  let arena = 0;
  let arenaBytes = 0;

  /** One arena serves all programs, since only one runs at a time: it is as large as the largest needs. */
  function makeRoom(bytes: number): void {
    if (bytes <= arenaBytes) return;
    const before = arena;
    if (before !== 0) memory.free(before);
    try {
      arena = memory.allocate(bytes, "the program's working memory");
      arenaBytes = bytes;
    } catch (refusal) {
      if (before !== 0) arena = memory.allocate(arenaBytes, "the program's working memory");
      throw refusal;
    } finally {
      for (const placed of programs) placed.relocate(arena - before);
    }
  }

  function refuseIfEnded(): void {
    if (ended !== undefined) throw ended;
  }

  return {
    name: "machine",
    createState(types) {
      refuseIfEnded();
      const { state, buffers } = placeState(types, memory);
      placedStates.set(state, buffers);
      return state;
    },
    compile(traced, state) {
      refuseIfEnded();
      const buffers = placedStates.get(state);
      if (buffers === undefined) {
        throw new Fault("INVALID_STATE", "the state belongs to another executor", {
          hint: "create it with createState of the executor that compiles the program",
        });
      }
      for (const [path, node] of Object.entries(traced.states)) refuseOtherState(path, node, state.types[path]);
      const compiled = compile(traced, buffers);
      makeRoom(compiled.plan.arenaBytes);
      const placed = placeProgram(compiled, {
        memory,
        arena,
        threads,
        canInterrupt: interrupt !== undefined,
        run,
        step,
        refuseIfEnded,
        onCrash(cause) {
          ended ??= new Fault("ENGINE_CRASHED", "a thread of the engine died in the middle of a run", {
            hint: "what it computed is lost: start again from the last checkpoint, on a new executor",
            cause,
          });
          stopHelpers(memory);
        },
        onRelease: () => programs.delete(placed),
      });
      programs.add(placed);
      return placed.program;
    },
    close() {
      ended ??= new Fault("INVALID_STATE", "the executor was closed", { hint: "create another one" });
      stopHelpers(memory);
      programs.clear();
    },
  };
}

/** A program reads a state where its own shape says: one that is smaller would be read past its end. */
function refuseOtherState(path: string, wanted: TensorType, there: TensorType | undefined): void {
  if (there === undefined) {
    throw new Fault("NOT_FOUND", `there is no state \`${path}\``, { hint: "declare it in createState" });
  }
  if (wanted.dtype === there.dtype && sameShape(wanted.shape, there.shape)) return;
  const [expected, got] = [wanted, there].map(({ dtype, shape }) => `${dtype} ${showShape(shape)}`) as [string, string];
  throw new Fault("SHAPE_MISMATCH", `the program takes \`${path}\` as ${expected}, the state has ${got}`, {
    violations: [{ path, message: "another type", expected, got }],
    hint: "create the state with the types of the program's states",
  });
}
