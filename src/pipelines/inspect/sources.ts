/**
 * @file Where an explanation begins: the numbers that a network is a smooth function of, and the columns that they come from.
 * Features as a rule; of an ensemble those of each member; of tokens their vectors, since a token's number has no slope.
 */
import { Fault, type Node, sizeOf, type Tensor } from "../../engine/index.ts";
import type { FittedRecord } from "../model/network.ts";
import type { Member } from "../model/spec.ts";
import { featureParts, type Preprocessing, soleTensor } from "../preprocess/preprocessing.ts";
import { ancestors, type Call } from "./recorder.ts";

export interface Source {
  /** The path of the layer whose output it is. */
  readonly path: string;
  /** F32 [batch, ...] */
  readonly tensor: Tensor;
  readonly spans: readonly Span[];
}

/** A part of a source's numbers, as they lie in a row of it, and what they are of. */
export interface Span {
  readonly column: string;
  readonly offset: number;
  readonly width: number;
  /** So many neighbours are summed into one number of the answer: all of a category's, a token's vector. */
  readonly summed: number;
  readonly kind: "numbers" | "category" | "vectors";
}

/** The path under which the features of a model that is no ensemble go. */
export const FEATURES = "features";

/**
 * @param features of the trace, after preprocessing @param calls of the layers on them
 * @throws INVALID_STATE where tokens are embedded that belong to no one column
 */
export function sourcesOf(record: FittedRecord, features: Tensor, calls: readonly Call[]): Source[] {
  const { spec, preprocessing } = record;
  const embedded = calls.filter(({ kind, input }) => kind === "embedding" && input.dtype === "I32");
  const tokens = embedded.flatMap((call) => {
    const above = ancestors([call.input.node]);
    return above.has(features.node) ? [tokenSource(call, preprocessing, above)] : [];
  });
  const asTokens = new Set(tokens.flatMap(({ spans }) => spans.map(({ column }) => column)));
  const members = calls.filter(({ kind, path }) => kind === "preprocessing" && path.startsWith("members."));
  const numbers =
    spec.ensemble === undefined
      ? [{ path: FEATURES, tensor: features, spans: spansOf({ preprocessing, backbone: spec.backbone }) }]
      : members.map(({ path, output }, index) => ({
          path,
          tensor: output,
          spans: spansOf(spec.ensemble!.members[index]!),
        }));
  const smooth = numbers.map((source) => ({
    ...source,
    spans: source.spans.filter(({ column }) => !asTokens.has(column)),
  }));
  return [...smooth.filter(({ spans }) => spans.length > 0), ...tokens];
}

/** How long a sequence is counts elements, and has no slope: it is of no span, and stays each row's own. */
function spansOf({ preprocessing, backbone }: Pick<Member, "preprocessing" | "backbone">): Span[] {
  const smooth = featureParts(preprocessing).filter(({ name }) => name !== backbone.lengths);
  return smooth.map(({ name, kind, offset, width }) =>
    kind === "category"
      ? { column: name, offset, width, summed: width, kind: "category" }
      : { column: name, offset, width, summed: 1, kind: "numbers" },
  );
}

function tokenSource({ path, input, output }: Call, preprocessing: Preprocessing, above: ReadonlySet<Node>): Source {
  const column = soleTensor(preprocessing)?.name ?? columnOf(preprocessing, above);
  if (column === undefined) {
    throw new Fault("INVALID_STATE", `\`${path}\` embeds tokens of more than one column`, {
      hint: "such a model cannot be explained by its columns; look at its activations with `models.inspect`",
    });
  }
  const width = sizeOf(output.shape.slice(1));
  const summed = width / sizeOf(input.shape.slice(1));
  return { path, tensor: output, spans: [{ column, offset: 0, width, summed, kind: "vectors" }] };
}

/** The one column whose part of a row was cut out for what is computed from it. */
function columnOf(preprocessing: Preprocessing, above: ReadonlySet<Node>): string | undefined {
  const cuts = [...above].filter(({ op, shape }) => op === "slice" && shape.length === 2);
  const names = featureParts(preprocessing).filter(({ offset, width }) =>
    cuts.some(({ attributes }) => {
      const [starts, ends] = [attributes.starts as number[], attributes.ends as number[]];
      return starts[1] === offset && ends[1] === offset + width;
    }),
  );
  return names.length === 1 ? names[0]!.name : undefined;
}
