/** @file What a policy does for observations that a host sends: tensors in, checked against its spaces, tensors out. */
import {
  actionArray,
  type ModelRecord,
  maskWidth,
  memoryWidths,
  play,
  policyOf,
  readFlags,
  readMemory,
  readObservations,
  spaceSize,
  undeclaredMask,
} from "../pipelines/index.ts";
import { encodeTensor } from "../protocol/encodeTensor.ts";
import { decodeTensor, type TensorValue } from "../protocol/tensor.ts";
import type { Calls } from "./calls.ts";
import { regionReader } from "./regions.ts";
import { machineOf, type Workshop } from "./workshop.ts";

type Act = Calls["act"];

/** @throws SHAPE_MISMATCH, NON_FINITE, INVALID_PARAMS that name field and row */
export function act(request: Act["request"], record: ModelRecord, workshop: Workshop): Act["reply"] {
  const model = policyOf(record);
  const { spec } = model.policy;
  const decode = (wire: unknown, path: string): TensorValue =>
    decodeTensor(wire, { path, readRegion: regionReader(workshop.roots) });
  const sent = decode(request.observations, "observations");
  const count = sent.shape[0] ?? 0;
  const at = (field: string) => ({ field, group: 0 });
  const observations = new Float32Array(count * spaceSize(spec.observation));
  readObservations(at("observations"), sent as never, spec.observation, count, observations);
  const widths = memoryWidths(spec);
  const memory =
    request.state === null
      ? null
      : readMemory(
          request.state.map((wire, index) => decode(wire, `state[${index}]`) as never),
          widths,
          count,
        );
  if (request.mask !== null && !spec.masked) throw undeclaredMask();
  const choices = maskWidth(spec.action);
  const mask = request.mask === null ? null : new Uint8Array(count * choices);
  if (mask !== null) readFlags(at("mask"), decode(request.mask, "mask") as never, count, choices, mask);
  const { deterministic, seed } = request;
  const played = play(
    { registry: workshop.registry, executor: machineOf(workshop), record: model },
    { observations, count, mask, memory, isGreedy: deterministic, seed, counter: 0 },
  );
  const form = request.tensors ?? undefined;
  const encode = (data: Float32Array, shape: readonly number[]) =>
    encodeTensor({ dtype: "F32", shape, data }, { form });
  return {
    actions: encodeTensor(actionArray(played.actions, { policy: spec, count }) as TensorValue, { form }),
    values: encode(played.values, [count]),
    logProbs: encode(played.logProbs, [count]),
    ...(widths.length === 0
      ? {}
      : { state: played.memory.map((each, index) => encode(each, [count, widths[index]!])) }),
  };
}
