/** @file Acting, compiled for a number of copies: what is seen goes in, what is done, its likelihood, value and memory come out. */
import type { Executor, Program, State } from "../../engine/index.ts";
import { runWhole } from "../model/whole.ts";
import type { Registry } from "../registry/registry.ts";
import { memoryWidths, type PolicySpec } from "./policy.ts";
import { traceAct } from "./programs.ts";

export interface Acting {
  readonly count: number;
  /** Views into which whoever acts writes, for all copies. */
  readonly observations: Float32Array;
  /** 1 where a choice is allowed; null where nothing can be masked. */
  readonly mask: Int32Array | null;
  /** 1 where an episode begins; null without a memory. */
  readonly starts: Int32Array | null;
  readonly memory: readonly Float32Array[];
  /** Views that hold until the next program runs. */
  readonly raw: Int32Array | Float32Array;
  readonly applied: Int32Array | Float32Array;
  readonly logProb: Float32Array;
  readonly value: Float32Array;
  /** After the step. */
  readonly remembered: readonly Float32Array[];
  /** Where draws come from, from now on. */
  seed(seed: number): void;
  /** @param counter tells draws of one seed apart. */
  run(counter: number, group?: number): void;
  release(): void;
}

export function openActing(
  executor: Executor,
  registry: Registry,
  {
    spec,
    state,
    seed,
    count,
    isGreedy = false,
  }: {
    readonly spec: PolicySpec;
    readonly state: State;
    readonly seed: number;
    readonly count: number;
    readonly isGreedy?: boolean;
  },
): Acting {
  const program: Program = executor.compile(traceAct(registry, spec, count, isGreedy), state);
  const { inputs, outputs } = program;
  const memories = memoryWidths(spec).map((_, index) => `memory.${index}`);
  const random = inputs.random as Int32Array | undefined;
  const drawFrom = (from: number): void => random?.set([from | 0, Math.floor(from / 2 ** 32) | 0]);
  drawFrom(seed);
  return {
    count,
    observations: inputs.observations as Float32Array,
    mask: (inputs.mask as Int32Array | undefined) ?? null,
    starts: (inputs.starts as Int32Array | undefined) ?? null,
    memory: memories.map((name) => inputs[name] as Float32Array),
    raw: outputs.raw as Float32Array,
    applied: outputs.applied as Float32Array,
    logProb: outputs.logProb as Float32Array,
    value: outputs.value as Float32Array,
    remembered: memories.map((name) => outputs[name] as Float32Array),
    seed: drawFrom,
    run(counter, group = 0) {
      if (random !== undefined) {
        random[2] = counter | 0;
        random[3] = (Math.floor(counter / 2 ** 32) + group * 2 ** 20) | 0;
      }
      runWhole(program);
    },
    release: () => program.release(),
  };
}
