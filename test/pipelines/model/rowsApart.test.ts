/** @file Whether the rows of each backbone are independent, so that batches may be filled up. */
import { describe, expect, it } from "vitest";
import { areRowsIndependent, type Shape, trace } from "../../../src/engine/index.ts";
import { createModel, createRegistry } from "../../../src/pipelines/index.ts";
import { createScope } from "../../../src/pipelines/layers/scope.ts";
import { network } from "../../../src/pipelines/model/network.ts";

const registry = createRegistry();
const BATCH = 2;

/** Whether the rows of a network with this backbone are independent, rows being of `shape`. */
function areApart(backbone: { readonly type: string }, shape: Shape): boolean {
  const spec = { pipeline: "classification", backbone, input: { shape }, head: { classes: ["a", "b"] } };
  const record = createModel(registry, spec);
  const traced = trace((t) => {
    const x = t.input("features", { dtype: "F32", shape: [BATCH, ...shape] });
    const { output } = network(registry, record as never, createScope(t).scope, x) as never as { output: typeof x };
    return { outputs: { output } };
  });
  return areRowsIndependent(traced, BATCH);
}

/** Each backbone that builds on features alone. */
const BACKBONES: readonly [{ readonly type: string } & Readonly<Record<string, unknown>>, Shape][] = [
  [{ type: "mlp" }, [5]],
  [{ type: "cnn" }, [1, 28, 28]],
  [{ type: "resnet" }, [3, 32, 32]],
  [{ type: "mobilenet" }, [3, 32, 32]],
  [{ type: "efficientnet" }, [3, 32, 32]],
  [{ type: "vit" }, [3, 32, 32]],
  [{ type: "lstm", bidirectional: true }, [6, 3]],
  [{ type: "gru", vocabulary: 9, padding: 0 }, [6]],
  [{ type: "rnn" }, [6, 3]],
  [{ type: "tcn" }, [6, 3]],
  [{ type: "transformer" }, [6, 4]],
  [{ type: "transformer", vocabulary: 9, padding: 0, positions: "rotary" }, [6]],
  [{ type: "embedding", vocabulary: 9 }, [6]],
];

describe("the rows of a model", () => {
  it.each(BACKBONES)("%j on %j are independent, so that batches may be filled up", (backbone, shape) => {
    expect(areApart(backbone, shape)).toBe(true);
  });

  it("are looked at in every backbone but those that are made of others", () => {
    const looked = new Set(BACKBONES.map(([{ type }]) => type));
    const others = [...registry.backbones.keys()].filter((type) => !looked.has(type));
    expect(others.sort()).toEqual(["multimodal", "onnx"]);
  });
});
