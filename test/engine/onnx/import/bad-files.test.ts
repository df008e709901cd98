/** @file Files that are damaged, wrong or hostile: each is refused in words that name the place, and nothing else happens. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Fault } from "../../../../src/engine/fault.ts";
import { decodeOnnx, encodeOnnx } from "../../../../src/engine/onnx/codec.ts";
import { withData } from "../../../../src/engine/onnx/import/external.ts";
import { openModel } from "../../../../src/engine/onnx/import/open.ts";
import { elementType, factsOf } from "../../../../src/engine/onnx/import/value.ts";
import type { GraphProto, ModelProto, NodeProto } from "../../../../src/engine/onnx/schema.ts";
import { tensorProtoOf, valueInfoOf } from "../../../../src/engine/onnx/tensors.ts";
import { philox } from "../../../../src/engine/philox.ts";
import { trace } from "../../../../src/engine/trace.ts";
import { faultOf } from "../../../support/fault.ts";

const FLOAT = 1;
const node = (opType: string, input: string[], output: string[], more: Partial<NodeProto> = {}): NodeProto => ({
  opType,
  input,
  output,
  name: `${opType}_node`,
  ...more,
});
const weights = tensorProtoOf("w", {
  dtype: "F32",
  shape: [4, 4],
  data: Float32Array.from({ length: 16 }, (_, i) => i / 16),
});

function modelOf(graph: Partial<GraphProto>, opset = 17): ModelProto {
  return {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: {
      name: "g",
      node: [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])],
      initializer: [weights],
      input: [valueInfoOf("x", FLOAT, ["n", 4])],
      output: [valueInfoOf("y", FLOAT, ["n", 4])],
      ...graph,
    },
  };
}

/** As an import tries a file: opened, and raised with some size for what is open. */
function attempt(model: ModelProto): void {
  const opened = openModel(model);
  trace((t) => {
    const inputs = opened.inputs.map(({ name, elemType, shape = [] }) => {
      const sizes = (shape ?? []).map((size) => (typeof size === "number" ? size : 2));
      return [name, t.input(name, { dtype: factsOf(elementType(elemType)).computed, shape: sizes })] as const;
    });
    const outputs = opened.raise(t, Object.fromEntries(inputs), (_name, value) => t.constant(value));
    return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, { tensor }]) => [`=${name}`, tensor])) };
  });
}

const refusal = (graph: Partial<GraphProto>): Fault => faultOf(() => attempt(modelOf(graph)));

describe("a file that is wrong", () => {
  it("is the base of these tests when it is right", () => {
    expect(() => attempt(modelOf({}))).not.toThrow();
  });

  it("has a cycle: the node and its input are named", () => {
    const { reason, violations } = refusal({
      node: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["a"], ["y"])],
    });
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "graph.node[0].input[1]", got: "b" });
    expect(violations[0]!.message).toMatch(/cycle/);
  });

  it("reads what nothing gives", () => {
    const { reason, violations } = refusal({ node: [node("Relu", ["nobody"], ["y"])] });
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "graph.node[0].input[0]", got: "nobody" });
  });

  it("names two values alike", () => {
    const { reason, violations } = refusal({ node: [node("Relu", ["x"], ["y"]), node("Tanh", ["x"], ["y"])] });
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ path: "graph.node[1].output[0]", got: "y" });
  });

  it("asks for a domain that nobody knows", () => {
    const fault = refusal({ node: [node("Magic", ["x"], ["y"], { domain: "com.nobody", name: "trick" })] });
    expect(fault.reason).toBe("ONNX_OPERATOR_UNSUPPORTED");
    expect(fault.message).toContain("trick");
    expect(fault.context).toMatchObject({ node: "trick", operator: "Magic" });
  });

  it("gives an operator too few inputs", () => {
    const { reason, message } = refusal({ node: [node("MatMul", ["x"], ["y"])] });
    expect(reason).toBe("DATA_INVALID");
    expect(message).toMatch(/MatMul_node.*input 1 is missing/);
  });

  it("claims a tensor of a billion elements that it does not hold", () => {
    const huge = { ...weights, dims: BigInt64Array.of(32768n, 32768n) };
    const { reason, violations } = refusal({ initializer: [huge] });
    expect(reason).toBe("DATA_INVALID");
    expect(violations[0]).toMatchObject({ expected: "4294967296", got: "64" });
  });

  it("wants a range of a billion numbers", () => {
    const scalar = (name: string, value: number) =>
      tensorProtoOf(name, { dtype: "I64", shape: [], data: BigInt64Array.of(BigInt(value)) });
    const graph = {
      initializer: [scalar("a", 0), scalar("b", 2 ** 30), scalar("c", 1)],
      node: [node("Range", ["a", "b", "c"], ["y"])],
      input: [],
    };
    expect(refusal(graph).reason).toBe("LIMIT_EXCEEDED");
  });

  it("loops without end", () => {
    const body: GraphProto = {
      name: "body",
      node: [node("Identity", ["going"], ["still"])],
      input: [valueInfoOf("turn", 7, []), valueInfoOf("going", 9, [])],
      output: [valueInfoOf("still", 9, [])],
    };
    const loop = node("Loop", ["", "yes"], [], { attribute: [{ name: "body", g: body, type: 5 }] });
    const yes = tensorProtoOf("yes", { dtype: "BOOL", shape: [], data: Uint8Array.of(1) });
    const graph = { node: [loop, node("Relu", ["x"], ["y"])], initializer: [yes] };
    expect(refusal(graph).reason).toBe("LIMIT_EXCEEDED");
  });

  const number = (value: bigint) => [
    weights,
    tensorProtoOf("size", { dtype: "I64", shape: [], data: BigInt64Array.of(value) }),
  ];
  it.each([
    ["a window of 2^40 numbers", "HannWindow", ["size"], 2n ** 40n, "LIMIT_EXCEEDED"],
    ["a window of fewer than no numbers", "HannWindow", ["size"], -3n, "LIMIT_EXCEEDED"],
    ["a list of pieces of no size", "SplitToSequence", ["x", "size"], 0n, "LIMIT_EXCEEDED"],
    ["a grid where there is none", "GridSample", ["x", "x"], 0n, "DATA_INVALID"],
  ] as const)("asks for %s, and the node is named", (_what, operator, input, value, reason) => {
    const fault = refusal({ node: [node(operator, [...input], ["y"])], initializer: number(value) });
    expect(fault.reason).toBe(reason);
    expect(fault.message).toContain(`node \`${operator}_node\``);
  });

  const integer = (name: string, value: bigint) => ({ name, type: 2, i: value });
  const wide = tensorProtoOf("size", { dtype: "F32", shape: [2], data: Float32Array.of(1, 1e9) });
  const one = tensorProtoOf("one", { dtype: "I64", shape: [2], data: BigInt64Array.of(1n, 1n) });
  const sides = tensorProtoOf("size", { dtype: "I64", shape: [2], data: BigInt64Array.of(100_000n, 100_000n) });
  it.each([
    ["nearest pixels", node("Resize", ["x", "", "size"], ["y"]), [wide], "LIMIT_EXCEEDED"],
    [
      "blended pixels",
      node("Resize", ["x", "", "size"], ["y"], { attribute: [{ name: "mode", type: 3, s: Buffer.from("linear") }] }),
      [wide],
      "LIMIT_EXCEEDED",
    ],
    ["columns of an image", node("Col2Im", ["w", "size", "one"], ["y"]), [sides, one], "LIMIT_EXCEEDED"],
    ["pieces", node("Split", ["x"], ["y"], { attribute: [integer("num_outputs", 2n ** 40n)] }), [], "DATA_INVALID"],
    [
      "sequences",
      node("Scan", ["x"], ["y"], {
        attribute: [integer("num_scan_inputs", 2n ** 30n), { name: "body", type: 5, g: {} }],
      }),
      [],
      "DATA_INVALID",
    ],
  ] as const)("asks for more %s than there can be", (_what, operator, more, reason) => {
    const fault = refusal({ node: [operator], initializer: [weights, ...more] });
    expect(fault.reason).toBe(reason);
    expect(fault.message).toContain(`node \`${operator.opType}_node\``);
  });

  it("normalises by more neighbours than there are channels, which count as nothing", () => {
    const graph = { node: [node("LRN", ["x"], ["y"], { attribute: [integer("size", 2n ** 30n)] })] };
    expect(() => attempt(modelOf(graph))).not.toThrow();
  });

  const called = (name: string, calls: readonly string[]): NonNullable<ModelProto["functions"]>[number] => ({
    domain: "own",
    name,
    input: ["a"],
    output: [`h${calls.length}`],
    node: calls.map((each, i) =>
      node(each, [i === 0 ? "a" : `h${i}`], [`h${i + 1}`], { domain: each === "Relu" ? "" : "own" }),
    ),
    opsetImport: [{ domain: "", version: 17n }],
  });
  const calling = (functions: ModelProto["functions"]): Fault =>
    faultOf(() =>
      attempt({ ...modelOf({ node: [node("First", ["x"], ["y"], { domain: "own" })] }), functions: functions! }),
    );

  it("has a function that calls itself, over another one", () => {
    const { reason, message } = calling([called("First", ["Second"]), called("Second", ["First"])]);
    expect(reason).toBe("DATA_INVALID");
    expect(message).toMatch(/function `First` calls itself/);
  });

  it("is small, and more than memory holds when its functions are written out", () => {
    const names = ["First", ..."abcdefghij", "Relu"];
    const tens = names.slice(0, -1).map((name, i) => called(name, new Array<string>(10).fill(names[i + 1]!)));
    const { reason, message } = calling(tens);
    expect(reason).toBe("LIMIT_EXCEEDED");
    expect(message).toMatch(/more than \d+ nodes/);
  });

  it("has no graph", () => {
    expect(faultOf(() => openModel({ irVersion: 8n })).reason).toBe("DATA_INVALID");
  });
});

describe("data beside a file", () => {
  const external = (location: string): ModelProto =>
    modelOf({
      initializer: [
        {
          name: "w",
          dims: weights.dims!,
          dataType: FLOAT,
          dataLocation: 1,
          externalData: [
            { key: "location", value: location },
            { key: "length", value: "64" },
          ],
        },
      ],
    });

  it("is read from where the file says, and put into it", () => {
    const read: [string, number, number | undefined][] = [];
    const model = withData(external("weights.bin"), (...place) => {
      read.push(place);
      return weights.rawData!;
    });
    expect(read).toEqual([["weights.bin", 0, 64]]);
    expect(() => attempt(model)).not.toThrow();
  });

  it.each(["../secret", "/etc/passwd", "a/../../b", "C:\\Windows\\win.ini", "..\\up"])(
    "is refused outside its folder: %s",
    (location) => {
      const fault = faultOf(() => withData(external(location), () => expect.unreachable("nothing may be read")));
      expect(fault).toMatchObject({
        reason: "PATH_DENIED",
        violations: [{ path: "graph.initializer[0].externalData.location", got: location }],
      });
    },
  );
});

/** 10,000 in all; most of the small file, since the larger one takes ten times as long. */
const CORPUS = [
  { name: "a small graph", bytes: encodeOnnx(modelOf({})), count: 9000 },
  {
    name: "a network",
    bytes: readFileSync(new URL("../../../vectors/imported/small-cnn.onnx", import.meta.url)),
    count: 1000,
  },
];

/** Some bytes changed, cut out, or put in; decided by the seed. */
function mutated(bytes: Uint8Array, seed: number): Uint8Array {
  const draw = (which: number): number => philox([seed, which >> 2, 0, 0], [17, 0])[which & 3]!;
  let result = Uint8Array.from(bytes);
  const changes = 1 + (draw(0) % 4);
  for (let change = 0; change < changes; change++) {
    const [kind, at, value] = [draw(4 + 4 * change) % 4, draw(5 + 4 * change) % result.length, draw(6 + 4 * change)];
    if (kind === 0) result[at] = value & 255;
    else if (kind === 1) result[at]! ^= 1 << (value & 7);
    else if (kind === 2)
      result = Uint8Array.from([...result.subarray(0, at), ...result.subarray(at + 1 + (value % 8))]);
    else result = result.slice(0, Math.max(1, at));
  }
  return result;
}

describe("a damaged file", () => {
  it.each(CORPUS)("is taken, or refused by a fault, in each of $count forms of $name", ({ bytes, count }) => {
    let refused = 0;
    for (let seed = 0; seed < count; seed++) {
      try {
        attempt(decodeOnnx(mutated(bytes, seed)));
      } catch (error) {
        if (!(error instanceof Fault)) throw new Error(`form ${seed}: ${String(error)}`, { cause: error });
        if (error.reason === "INTERNAL") throw new Error(`form ${seed}: ${error.message}`, { cause: error });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(count / 10);
  });
});
