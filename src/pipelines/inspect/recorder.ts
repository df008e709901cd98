/** @file Looks on while a network is traced: every layer's call with its place, what it gave, and which nodes it made. */
import { type Node, Tensor } from "../../engine/index.ts";
import type { Place, Watch } from "../layers/scope.ts";

/** One call of a layer. */
export interface Call {
  /** That of its scope where no call before it has that one; otherwise with the kind behind it: `backbone.layers.0.relu`. */
  readonly path: string;
  readonly kind: string;
  /** How many calls it is inside of. */
  readonly depth: number;
  readonly input: Tensor;
  /** Its result; of several the first. */
  readonly output: Tensor;
  /** Ids of the nodes that were made meanwhile: from `from`, below `to`. */
  readonly from: number;
  readonly to: number;
}

export interface Recorder {
  readonly watch: Watch;
  /** In the order in which they began. A call that gave back its input and made nothing, such as dropout now, is left out. */
  calls(): Call[];
}

/** @param replace a tensor to go on with in place of a layer's result, or null. */
export function createRecorder(
  replace: (place: Place & { path: string }, output: Tensor) => Tensor | null = () => null,
) {
  const begun: (Call | null)[] = [];
  const taken = new Set<string>();
  let depth = 0;
  const watch: Watch = (place, build) => {
    const index = begun.push(null) - 1;
    const from = place.input.graph.nodes.length;
    const path = freePath(place, taken);
    taken.add(path);
    const result = within(build);
    const output = firstTensor(result);
    if (output === null) return result;
    const to = place.input.graph.nodes.length;
    if (to === from && output.node === place.input.node) {
      taken.delete(path);
      return result;
    }
    begun[index] = { path, kind: place.kind, depth, input: place.input, output, from, to };
    return (replace({ ...place, path }, output) ?? result) as typeof result;
  };
  const within = <Result>(build: () => Result): Result => {
    depth++;
    try {
      return build();
    } finally {
      depth--;
    }
  };
  return { watch, calls: () => begun.filter((call) => call !== null) } satisfies Recorder;
}

function freePath({ path, kind }: Place, taken: ReadonlySet<string>): string {
  if (!taken.has(path)) return path;
  let free = `${path}.${kind}`;
  for (let count = 2; taken.has(free); count++) free = `${path}.${kind}${count}`;
  return free;
}

/** Of a tensor, or of a record of them: recurrent layers give `outputs`, heads may give `output`. */
function firstTensor(result: unknown): Tensor | null {
  if (result instanceof Tensor) return result;
  if (typeof result !== "object" || result === null) return null;
  return Object.values(result).find((member) => member instanceof Tensor) ?? null;
}

/** All that some nodes are computed from, themselves included. */
export function ancestors(roots: readonly Node[]): Set<Node> {
  const reached = new Set(roots);
  for (const node of reached) for (const input of node.inputs) reached.add(input);
  return reached;
}
