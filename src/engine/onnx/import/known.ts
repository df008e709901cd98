/** @file Numbers that are known before anything runs: whatever depends on constants alone, computed when somebody asks. */
import { Fault, type FaultDetails } from "../../fault.ts";
import type { Node } from "../../graph.ts";
import { opOf } from "../../ops/index.ts";
import type { ReferenceArray } from "../../ops/op.ts";
import { constantArray } from "../../ops/values.ts";
import { compute } from "../../passes/fold.ts";
import { upstream } from "../../passes/rewrite.ts";
import { sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";

/** By node, since shapes are asked for again and again; null: it depends on an input or on a weight. */
const numbers = new WeakMap<Node, ReferenceArray | null>();

const DECIDED_BY_DATA = "decidedByData";

/** The fault of a shape or a branch that no constant decides. @param more what `Fault` takes */
export function decidedByData(message: string, { violations, hint }: FaultDetails): Fault {
  const context = { [DECIDED_BY_DATA]: true };
  return new Fault("ONNX_OPERATOR_UNSUPPORTED", message, {
    ...(violations && { violations }),
    ...(hint && { hint }),
    context,
  });
}

/** Whether known values for the inputs may mend it. */
export const isDecidedByData = (error: unknown): error is Fault =>
  error instanceof Fault && error.context?.[DECIDED_BY_DATA] === true;

/** What decides shapes is small; larger values are not computed ahead. */
const LARGEST = 1_000_000;

/** More numbers than this no table has that a file asks for by a size. */
const LARGEST_TABLE = 2 ** 25;

/** Before a table is made, whose size a file says. @throws Fault LIMIT_EXCEEDED */
export function expectTable(size: number): void {
  if (size >= 0 && size <= LARGEST_TABLE) return;
  throw new Fault("LIMIT_EXCEEDED", `it asks for a table of ${size} numbers`, {
    violations: [{ path: "size", message: "too large", expected: `at most ${LARGEST_TABLE}`, got: String(size) }],
    hint: 'run the model with `executor: "onnxruntime"`, if the size is meant',
  });
}

/** The tensor's value if constants alone decide it, otherwise null. Large weights cost nothing unless they are asked for. */
export function known({ node }: Tensor): ReferenceArray | null {
  if (!numbers.has(node))
    for (const each of upstream([node])) if (!numbers.has(each)) numbers.set(each, evaluate(each));
  return numbers.get(node)!;
}

function evaluate(node: Node): ReferenceArray | null {
  if (node.op === "constant" && sizeOf(node.shape) <= LARGEST)
    return constantArray(node, node.attributes.value as number | Float64Array);
  if (sizeOf(node.shape) > LARGEST || opOf(node) === undefined || node.parts !== undefined || node.op === "part")
    return null;
  const inputs = node.inputs.map((input) => numbers.get(input)!);
  return inputs.includes(null as never) ? null : compute(node, inputs);
}
