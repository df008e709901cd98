/** @file Several kinds of input in one row, such as an image and a few numbers: a backbone for each, their features fused. */
import { z } from "zod";
import { concat, Fault, type Tensor } from "../../engine/index.ts";
import type { Scope } from "../layers/scope.ts";
import { defineBackbone, type FeaturePart } from "../registry/define.ts";
import { mlpOptions } from "./mlp.ts";

const Choice = z.union([z.string(), z.looseObject({ type: z.string().describe("Name of a backbone") })]);

function refuseUnknown(scope: Scope, branches: Readonly<Record<string, unknown>>, parts: readonly FeaturePart[]): void {
  const known = parts.map(({ name }) => name);
  const strange = Object.keys(branches).filter((name) => !known.includes(name));
  if (strange.length === 0) return;
  throw new Fault("INVALID_PARAMS", `\`${scope.path}.branches\`: the data have no column \`${strange[0]}\``, {
    violations: strange.map((name) => ({
      path: `${scope.path}.branches.${name}`,
      message: "no such column",
      expected: known.join(" | "),
      got: name,
    })),
    hint: "name columns of the data",
  });
}

/** The columns that lie beside each other in a row, [batch, numbers]; one tensor of a shape of its own as that. */
function gather(x: Tensor, parts: readonly FeaturePart[]): Tensor {
  const batch = x.shape[0]!;
  const flat = x.reshape([batch, -1]);
  const pieces = parts.map(({ offset, width }) => flat.slice([0, offset], [batch, offset + width]));
  const [alone] = parts;
  return parts.length === 1 && alone!.shape.length > 1
    ? pieces[0]!.reshape([batch, ...alone!.shape])
    : concat(pieces, 1);
}

/** The same parts as they lie when nothing else is there. */
function alone(parts: readonly FeaturePart[]): FeaturePart[] {
  let offset = 0;
  return parts.map((part) => {
    const placed = { ...part, offset };
    offset += part.width;
    return placed;
  });
}

export const multimodal = defineBackbone({
  type: "multimodal",
  description: "Several inputs in one row, each through a backbone of its own, side by side through dense layers",
  options: z.object({
    branches: z
      .record(z.string(), Choice)
      .default({})
      .describe('By column: its backbone, such as {"photo": {"type": "cnn"}, "history": "gru"}'),
    others: Choice.default({ type: "mlp", hidden: [32] }).describe("The backbone of all other columns together"),
    ...mlpOptions,
    hidden: mlpOptions.hidden.unwrap().default([64]).describe("Units of each dense layer after the branches"),
  }),
  build(scope, x, { branches, others, ...layers }, { parts, backbone }) {
    refuseUnknown(scope, branches, parts);
    const rest = parts.filter(({ name }) => branches[name] === undefined);
    const chosen = [
      ...Object.entries(branches).map(([name, raw]) => ({
        path: `branches.${name}`,
        raw: raw as unknown,
        parts: parts.filter((part) => part.name === name),
      })),
      ...(rest.length === 0 ? [] : [{ path: "others", raw: others as unknown, parts: rest }]),
    ];
    const features = chosen.map(({ path, raw, parts: own }) => {
      const branch = scope.child(path);
      const seen = backbone(raw, branch.path)(branch, gather(x, own), alone(own));
      return seen.reshape([x.shape[0]!, -1]);
    });
    return backbone({ type: "mlp", ...layers }, scope.path)(scope, concat(features, 1), parts);
  },
});
