/** @file Trainings over the wire, for lessons: a model, its curve epoch by epoch, how it ended, its weights. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Event, type ParamsOf, type Sidecar, SidecarError } from "../../clients/typescript/index.ts";
import type { NdArray } from "../../src/engine/index.ts";
import { decodeSafetensors } from "../../src/pipelines/index.ts";

export type Epoch = Extract<Event, { type: "train.epoch" }>["data"];

export interface Run {
  readonly model: string;
  readonly epochs: readonly Epoch[];
  /** Why it failed, if it did: `DIVERGED`. */
  readonly failure?: string;
}

export interface Training {
  readonly model: ParamsOf<"models.create">;
  readonly training: Omit<ParamsOf<"train.start">, "model">;
}

/** One model, trained. A training that diverges is a result, anything else that fails is not. */
export async function trainOne(sidecar: Sidecar, { model: spec, training }: Training): Promise<Run> {
  const { model } = await sidecar.models.create(spec);
  const job = await sidecar.train({ ...training, model: model.id } as ParamsOf<"train.start">);
  const epochs: Epoch[] = [];
  for await (const { type, data } of job.events()) if (type === "train.epoch") epochs.push(data);
  try {
    await job.result();
    return { model: model.id, epochs };
  } catch (error) {
    if (error instanceof SidecarError && error.reason === "DIVERGED") {
      return { model: model.id, epochs, failure: error.reason };
    }
    throw error;
  }
}

/** Trainings run side by side: one for each core of a small machine. */
const TOGETHER = 2;

/** All of them, in the order given; what each learns does not depend on the others. */
export async function trainAll(sidecar: Sidecar, trainings: readonly Training[]): Promise<Run[]> {
  const runs: Run[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < trainings.length) {
      const index = next++;
      runs[index] = await trainOne(sidecar, trainings[index]!);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
  return runs;
}

/** A model's weights by path, as it saves them. */
export async function weightsOf(sidecar: Sidecar, model: string): Promise<Readonly<Record<string, NdArray>>> {
  const folder = mkdtempSync(join(tmpdir(), "ml-sidecar-lesson-"));
  try {
    const { path } = await sidecar.models.save({ model, path: join(folder, "model") });
    const file = join(path, "weights.safetensors");
    return decodeSafetensors(readFileSync(file), file).tensors;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
