/** @file Names beside the numbers of a prediction: a row's class, its labels, the classes of its elements; and how results are described. */
import type { DType, NdArray } from "../../engine/index.ts";
import type { Options } from "../registry/define.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, type TargetEncoding } from "../targets/index.ts";
import { type FittedRecord, translates } from "./network.ts";
import { encodingOf, entriesOf, tasksOf, withName } from "./tasks.ts";

/** Results by name; of classes, labels and sequences also `labels`: a row's name, or its list of them. */
export type Outputs = Readonly<Record<string, NdArray | readonly string[] | readonly (readonly string[])[]>>;

/** One of a prediction's outputs. */
export interface OutputPort {
  readonly name: string;
  readonly dtype: DType | "STRING";
  /** Of one row; "any" where rows differ. */
  readonly shape: readonly (number | "any")[];
}

/** Of what is written element by element: see `decode`. */
const WRITTEN = { label: { dtype: "I32", shape: [] }, score: { dtype: "F32", shape: [] } } as const;

type Results = Readonly<Record<string, NdArray>>;

interface Naming {
  /** The result that the names replace; they stand beside the others where it is none. */
  readonly replaces: "label" | undefined;
  /** The results that they are made from. */
  readonly from: string;
  readonly port: (encoding: TargetEncoding) => readonly (number | "any")[];
  name(numbers: NdArray, encoding: TargetEncoding, options: Options): Outputs[string];
}

const NAMINGS: Partial<Record<TargetEncoding["kind"], Naming>> = {
  classes: {
    replaces: "label",
    from: "label",
    port: () => [],
    name({ data }, encoding) {
      const names = outputNames(encoding);
      return Array.from(data as Int32Array, (code) => names[code]!);
    },
  },
  labels: {
    replaces: undefined,
    from: "probabilities",
    port: () => ["any"],
    name({ data, shape }, encoding, { threshold = 0.5 }) {
      const names = outputNames(encoding);
      return Array.from({ length: shape[0]! }, (_, row) =>
        names.filter((_label, index) => Number(data[row * names.length + index]) >= Number(threshold)),
      );
    },
  },
  sequence: {
    replaces: "label",
    from: "label",
    port: (encoding) => (encoding.kind === "sequence" && encoding.unit === "characters" ? [] : ["any"]),
    name({ data, shape }, encoding) {
      const { unit, ends } = encoding as Extract<TargetEncoding, { kind: "sequence" }>;
      const names = outputNames(encoding);
      const [rows, length] = shape as [number, number];
      const lists = Array.from({ length: rows }, (_, row) => {
        const codes = Array.from(data.subarray(row * length, (row + 1) * length) as Int32Array);
        const end = ends ? codes.indexOf(names.length - 1) : -1;
        return codes.slice(0, end < 0 ? length : end).flatMap((code) => names[code] ?? []);
      });
      return unit === "characters" ? lists.map((list) => list.join("")) : lists;
    },
  },
};

function namingOf(encoding: TargetEncoding, results: Readonly<Record<string, unknown>>): Naming | undefined {
  const naming = NAMINGS[encoding.kind];
  return naming !== undefined && results[naming.from] !== undefined ? naming : undefined;
}

/** Of several tasks each one's, under its name. */
export function namedOutputs(registry: Registry, { spec, target }: FittedRecord, results: Results): Outputs {
  const all = tasksOf(registry, spec).map(({ name, options }) => {
    const encoding = encodingOf(name, target);
    const own = entriesOf(name, results);
    const naming = namingOf(encoding, own);
    if (naming === undefined) return withName<Outputs[string]>(name, own);
    const labels = naming.name(own[naming.from]!, encoding, options);
    const others = Object.entries(own).filter(([result]) => result !== naming.replaces);
    return withName<Outputs[string]>(name, { labels, ...Object.fromEntries(others) });
  });
  return Object.assign({}, ...all) as Outputs;
}

/** What `predict` answers, by the names that it answers with. */
export function outputPorts(
  registry: Registry,
  { spec, signature, target }: Pick<FittedRecord, "spec" | "signature" | "target">,
): OutputPort[] {
  return tasksOf(registry, spec).flatMap(({ name }) => {
    const encoding = encodingOf(name, target);
    const own = translates(registry, spec) ? WRITTEN : entriesOf(name, signature.results);
    const naming = namingOf(encoding, own);
    const prefix = name === "" ? "" : `${name}.`;
    const ports = Object.entries(own)
      .filter(([result]) => result !== naming?.replaces || naming === undefined)
      .map(([result, { dtype, shape }]): OutputPort => ({ name: prefix + result, dtype, shape }));
    if (naming === undefined) return ports;
    return [{ name: `${prefix}labels`, dtype: "STRING", shape: naming.port(encoding) } as const, ...ports];
  });
}
