/** @file What a compute worker does to see inside models. */
import { explain, inspect, showSummary, summarise } from "../pipelines/index.ts";
import type { Calls } from "./calls.ts";
import { decodeInputs, load, machineOf, recordOf, tensorEncoder, type Workshop } from "./workshop.ts";

type Name = "summary" | "inspect" | "explain";

export const inspections: {
  readonly [C in Name]: (
    request: Calls[C]["request"],
    workshop: Workshop,
  ) => Calls[C]["reply"] | Promise<Calls[C]["reply"]>;
} = {
  summary({ model, options }, workshop) {
    const summary = summarise(workshop.registry, recordOf(model, workshop), options);
    return { ...summary, table: showSummary(summary) } as never;
  },

  async inspect({ model, inputs, data, options, tensors, spillPath }, workshop) {
    const record = recordOf(model, workshop);
    const context = { registry: workshop.registry, executor: machineOf(workshop), record };
    const found = inspect(context, {
      ...(options as never as Omit<Parameters<typeof inspect>[1], "inputs" | "data">),
      inputs: inputs === undefined ? undefined : (decodeInputs(inputs, record, workshop) as never),
      data: data === null ? undefined : await load(data, workshop),
    });
    const encode = tensorEncoder(tensors, spillPath);
    const { activations, attention, ...rest } = found;
    return {
      ...rest,
      ...(activations && {
        activations: activations.map(({ values, ...layer }) => ({
          ...layer,
          ...(values && { values: encode(values as never) }),
        })),
      }),
      ...(attention && {
        attention: attention.map(({ weights, ...layer }) => ({ ...layer, weights: encode(weights as never) })),
      }),
    };
  },

  explain({ model, inputs, baseline, options, tensors, spillPath }, workshop) {
    const record = recordOf(model, workshop);
    const context = { registry: workshop.registry, executor: machineOf(workshop), record };
    const isRow = baseline !== undefined && typeof baseline !== "number";
    const { attributions, ...rest } = explain(context, decodeInputs(inputs, record, workshop) as never, {
      ...(options as never as Omit<Parameters<typeof explain>[2], "baseline">),
      baseline: isRow ? (decodeInputs(baseline, record, workshop, "baseline") as never) : (baseline as undefined),
    });
    const encode = tensorEncoder(tensors, spillPath);
    const encoded = Object.entries(attributions).map(([column, tensor]) => [column, encode(tensor as never)]);
    return { ...rest, attributions: Object.fromEntries(encoded) };
  },
};
