/** @file Attention with several heads, over the sequence itself or over another one. */
import type { Tensor } from "../../engine/index.ts";
import { dense } from "./dense.ts";
import { expectDivides, expectSequence, refuse } from "./expect.ts";
import { fanInUniform, uniformWithin } from "./initialisers.ts";
import { counted } from "./lengths.ts";
import type { Past } from "./past.ts";
import { placesOf } from "./positions.ts";
import { layer, type Scope } from "./scope.ts";

export interface AttentionOptions {
  readonly heads: number;
  /** Heads of the keys and values, each shared by heads / keyHeads of the queries' (Ainslie et al. 2023); `heads` when left out. */
  readonly keyHeads?: number;
  /** Width of a head; the sequence's width / heads when left out. */
  readonly headWidth?: number;
  /** Whether each element sees only those before it, and itself. */
  readonly causal?: boolean;
  /** BOOL, broadcasts to [batch, heads, time, memory's time]: true where a query may look. */
  readonly mask?: Tensor;
  /** Where keys and values come from, [batch, memory's time, width]; x itself when left out. */
  readonly memory?: Tensor;
  /** Turns queries and keys by their positions (Su et al. 2021). */
  readonly rotary?: { readonly base?: number };
  readonly bias?: boolean;
}

/**
 * `torch.nn.MultiheadAttention` with `batch_first` and initial values as there, in four dense layers: `query`, `key`,
 * `value`, `output`. Dropout is the caller's, on what comes out.
 * @param x [batch, time, width] @returns [batch, time, width]
 */
export const attention = layer("attention", (scope: Scope, x: Tensor, options: AttentionOptions): Tensor => {
  const { heads, keyHeads = heads, causal = false, mask, memory = x, rotary, bias = true } = options;
  expectSequence(scope, x);
  expectSequence(scope, memory);
  const width = x.shape[2]!;
  if (options.headWidth === undefined) expectDivides(scope, width, heads, "heads", x);
  expectDivides(scope, heads, keyHeads, "key heads", x);
  const { headWidth = width / heads } = options;
  if (rotary && headWidth % 2 === 1) {
    const hint = `rotary positions turn features in pairs: a width that 2 · ${heads} heads divide, or other positions`;
    refuse(scope, `heads of width ${headWidth} cannot be turned`, "heads of even width", x.shape, hint);
  }

  // Xavier's bound for the three projections taken as one matrix, as PyTorch takes them.
  const together = width + (heads + 2 * keyHeads) * headWidth;
  const init = uniformWithin(Math.sqrt(6 / together));
  const project = (name: string, from: Tensor, count: number): Tensor =>
    dense(scope.child(name), from, { units: count * headWidth, bias, init })
      .reshape([...from.shape.slice(0, 2), count, headWidth])
      .permute([0, 2, 1, 3]);
  const turn = (heads: Tensor): Tensor => (rotary ? heads.rotary(placesOf(scope, x, heads.shape[2]!), rotary) : heads);

  const queries = turn(project("query", x, heads));
  const [keys, values] = [turn(project("key", memory, keyHeads)), project("value", memory, keyHeads)];
  const seen =
    scope.past !== null && causal
      ? lookBack(scope.past, scope.path, queries, keys, values)
      : queries.attention(keys, values, { causal, ...(mask && { mask }) });
  const joined = seen.permute([0, 2, 1, 3]).reshape([...x.shape.slice(0, 2), heads * headWidth]);
  return dense(scope.child("output"), joined, { units: width, bias, init: fanInUniform });
});

/** Causal attention of a piece of a sequence: over what is remembered of the elements before it, and over its own. */
function lookBack(past: Past, path: string, queries: Tensor, keys: Tensor, values: Tensor): Tensor {
  const time = queries.shape[2]!;
  const places = past.context + time;
  const place = counted(queries, places);
  const own = place.sub(past.context).lessEqual(counted(queries, time).reshape([time, 1]));
  const isThere = place.less(past.count).logicalOr(place.greaterEqual(past.context));
  const mask = own.logicalAnd(isThere);
  return queries.attention(past.gather(`${path}.keys`, keys), past.gather(`${path}.values`, values), { mask });
}
