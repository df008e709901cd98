/** @file A model of sequences as if its rows had another length: what a file that takes any length is made from. */
import { sizeOf } from "../../engine/index.ts";
import type { InputColumn, Preprocessing } from "../preprocess/preprocessing.ts";
import type { Registry } from "../registry/registry.ts";
import { type FittedRecord, resultTypes } from "./network.ts";

/** Lengths that no layer has as a width, for models that take longer rows than they saw. */
const LONGER = [257, 263, 269] as const;

/** The length of the rows that the model learned from; undefined for a model of something else than sequences. */
export function lengthOf(registry: Registry, { spec, preprocessing, imported }: FittedRecord): number | undefined {
  const { type, vocabulary } = spec.backbone;
  const isOfSequences = registry.backbones.get(type)?.sequences !== undefined || vocabulary !== undefined;
  if (imported !== undefined || !isOfSequences) return undefined;
  return sequenceIn(preprocessing.columns)?.shape[0];
}

/** Three lengths each, to try one after the other: a model with a context takes no longer rows than that. */
export function lengthsToTry(length: number): readonly (readonly [number, number, number])[] {
  const shorter = [
    [length - 1, length - 2, length - 3],
    [length - 2, length - 3, length - 5],
  ] as const;
  return [LONGER, ...shorter.filter((lengths) => Math.min(...lengths) > 1)];
}

/** @returns undefined where steps of preprocessing have numbers for each place. */
export function atLength(registry: Registry, record: FittedRecord, length: number): FittedRecord | undefined {
  const { spec, target } = record;
  const preprocessing = preprocessingAt(record.preprocessing, length);
  const members = spec.ensemble?.members.map((member) => {
    const own = preprocessingAt(member.preprocessing, length);
    return own && { ...member, preprocessing: own };
  });
  if (preprocessing === undefined || members?.includes(undefined)) return undefined;
  const { columns, rawWidth, featureShape } = preprocessing;
  const [sole] = columns;
  const longer = {
    ...record,
    preprocessing,
    spec: { ...spec, ...(spec.ensemble && { ensemble: { ...spec.ensemble, members: members as never } }) },
    target: target.kind === "sequence" && !target.ends ? { ...target, length } : target,
  };
  const raw = columns.length === 1 && sole!.kind === "tensor" ? sole!.shape : [rawWidth];
  const outputs = resultTypes(registry, longer, featureShape);
  return { ...longer, signature: { ...record.signature, raw, features: featureShape, results: outputs } };
}

/** The one column that is a sequence; others may be numbers, such as its length. */
function sequenceIn(columns: readonly InputColumn[]): InputColumn | undefined {
  const [first, ...others] = columns.filter(({ kind }) => kind === "tensor" || kind === "tokens");
  return others.length === 0 && first !== undefined && first.shape.length > 0 ? first : undefined;
}

function preprocessingAt(given: Preprocessing, length: number): Preprocessing | undefined {
  const sequence = sequenceIn(given.columns);
  if (sequence === undefined || sequence.steps.some(hasOneForEach)) return undefined;
  let offset = 0;
  const columns = given.columns.map((column): InputColumn => {
    const shape = column === sequence ? [length, ...column.shape.slice(1)] : column.shape;
    const placed = { ...column, shape, offset, width: sizeOf(shape) };
    offset += placed.width;
    return placed;
  });
  const isWhole = given.columns.length === 1 && given.featureShape.length > 0;
  const featureShape = isWhole ? [length, ...given.featureShape.slice(1)] : [offset];
  return { ...given, columns, rawWidth: offset, featureShape };
}

/** Whether a step's numbers stand for places of the sequence. */
const hasOneForEach = (step: InputColumn["steps"][number]): boolean =>
  step.type === "oneHot" || Object.values(step).some((value) => Array.isArray(value) && value.length > 1);
