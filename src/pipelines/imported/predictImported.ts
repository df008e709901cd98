/** @file An imported file run on our engine: named tensors in, named tensors out, a compiled program kept for each set of shapes. */
import {
  DTYPES,
  type Executor,
  Fault,
  factsOf,
  isDecidedByData,
  type NdArray,
  type OpenedOnnx,
  type Program,
  type Shape,
  showShape,
  sizeOf,
  type Traced,
  type TypedArray,
  trace,
} from "../../engine/index.ts";
import { compiled } from "../model/loaded.ts";
import { runWhole } from "../model/whole.ts";
import { openFile } from "./importedFile.ts";
import { type ImportedModel, raise, SMALL } from "./importOnnx.ts";
import { elementTypeOf, wireDType } from "./ports.ts";

/** A tensor for the only input, or one for each by name. */
export type Feeds = NdArray | Readonly<Record<string, NdArray>>;

/** Of a program's outputs, which its views do not tell. */
const shapesOf = new WeakMap<Program, Readonly<Record<string, Shape>>>();

/**
 * @throws Fault SHAPE_MISMATCH, DTYPE_UNSUPPORTED or INVALID_PARAMS naming the input; ONNX_OPERATOR_UNSUPPORTED naming the
 *   node where the engine lacks what the file asks
 */
export function predictImported(
  { executor, record }: { readonly executor: Executor; readonly record: ImportedModel },
  feeds: Feeds,
): Record<string, NdArray> {
  const { opened } = openFile(record.imported);
  const given = namedFeeds(opened, feeds);
  const run = (known: readonly string[]): Program => programFor({ executor, record }, opened, given, known);
  const program = withKnown(given, run);
  for (const [name, view] of Object.entries(program.inputs)) {
    const { data } = given[name]!;
    view.set((data instanceof BigInt64Array ? Int32Array.from(data, Number) : data) as never);
  }
  runWhole(program);
  return resultsOf(opened, program, shapesOf.get(program)!);
}

function withKnown(given: Readonly<Record<string, NdArray>>, run: (known: readonly string[]) => Program): Program {
  const small = Object.keys(given).filter((name) => {
    const { dtype, shape } = given[name]!;
    return !dtype.startsWith("F") && sizeOf(shape) <= SMALL;
  });
  try {
    return run([]);
  } catch (refusal) {
    if (!isDecidedByData(refusal) || small.length === 0) throw refusal;
    return run(small);
  }
}

/** @param known inputs whose values the program is made for */
function programFor(
  context: { readonly executor: Executor; readonly record: ImportedModel },
  opened: OpenedOnnx,
  given: Readonly<Record<string, NdArray>>,
  known: readonly string[],
): Program {
  const key = Object.entries(given).map(([name, { shape, data }]) => {
    const values = known.includes(name) ? `=${Array.from(data as Int32Array).join()}` : "";
    return `${name}${showShape(shape)}${values}`;
  });
  let shapes: Readonly<Record<string, Shape>> | undefined;
  const program = compiled(context, context.record, key.join(), () => {
    const traced = traceFile(opened, given, known);
    shapes = Object.fromEntries(Object.entries(traced.outputs).map(([name, { shape }]) => [name.slice(1), shape]));
    return traced;
  });
  if (shapes !== undefined) shapesOf.set(program, shapes);
  return program;
}

function traceFile(opened: OpenedOnnx, given: Readonly<Record<string, NdArray>>, known: readonly string[]): Traced {
  return trace((t) => {
    const inputs = Object.entries(given).map(([name, value]) => {
      const { elemType } = opened.inputs.find((input) => input.name === name)!;
      const { computed } = factsOf(elementTypeOf(name, elemType));
      const tensor = known.includes(name) ? t.constant(value) : t.input(name, { dtype: computed, shape: value.shape });
      return [name, tensor] as const;
    });
    const outputs = raise(t, opened, Object.fromEntries(inputs));
    return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, { tensor }]) => [`=${name}`, tensor])) };
  });
}

function resultsOf(
  opened: OpenedOnnx,
  program: Program,
  shapes: Readonly<Record<string, Shape>>,
): Record<string, NdArray> {
  return Object.fromEntries(
    opened.outputs.map(({ name, elemType }) => {
      const dtype = wireDType(elemType) as keyof typeof DTYPES;
      const values = program.outputs[`=${name}`] as Float32Array;
      const array = DTYPES[dtype].array;
      const data = (
        array === BigInt64Array ? BigInt64Array.from(values, BigInt) : new (array as Float32ArrayConstructor)(values)
      ) as TypedArray;
      return [name, { dtype, shape: shapes[name]!, data }];
    }),
  );
}

/** @throws Fault INVALID_PARAMS, SHAPE_MISMATCH, DATA_INVALID naming the input */
export function namedFeeds({ inputs }: OpenedOnnx, feeds: Feeds): Record<string, NdArray> {
  const named = isArray(feeds) ? { [inputs[0]?.name ?? ""]: feeds } : feeds;
  const missing = inputs.filter(({ name }) => named[name] === undefined).map(({ name }) => name);
  const foreign = Object.keys(named).filter((name) => !inputs.some((input) => input.name === name));
  if (missing.length + foreign.length > 0) {
    throw new Fault("INVALID_PARAMS", `the model takes ${inputs.map(({ name }) => `\`${name}\``).join(", ")}`, {
      violations: [
        ...missing.map((name) => ({
          path: `inputs.${name}`,
          message: "missing",
          expected: "a tensor",
          got: "nothing",
        })),
        ...foreign.map((name) => ({ path: `inputs.${name}`, message: "no input of this name", got: name })),
      ],
      hint: "give an object with a tensor for each input",
    });
  }
  for (const { name, shape, elemType } of inputs) {
    refuseOther(name, shape ?? named[name]!.shape, named[name]!.shape);
    if (!wireDType(elemType).startsWith("F")) refuseFractions(name, named[name]!);
  }
  return named;
}

const isArray = (feeds: Feeds): feeds is NdArray => "shape" in feeds && Array.isArray((feeds as NdArray).shape);

function refuseOther(name: string, declared: readonly (number | string)[], got: Shape): void {
  const fits =
    declared.length === got.length && declared.every((size, axis) => typeof size === "string" || size === got[axis]);
  if (fits && sizeOf(got) > 0) return;
  const expected = `[${declared.join(", ")}]`;
  throw new Fault("SHAPE_MISMATCH", `input \`${name}\` has another shape`, {
    violations: [{ path: `inputs.${name}`, message: "wrong shape", expected, got: showShape(got) }],
    hint: "names stand for sizes of your own, numbers are fixed",
  });
}

/** Where the file takes integers, a float that is none has no meaning. */
function refuseFractions(name: string, { data }: NdArray): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const at = data.findIndex((value) => !Number.isInteger(value));
  if (at < 0) return;
  throw new Fault("DATA_INVALID", `input \`${name}\` takes integers`, {
    violations: [{ path: `inputs.${name}`, message: "not an integer", expected: "integers", got: String(data[at]) }],
    hint: "round or convert the values first",
  });
}
