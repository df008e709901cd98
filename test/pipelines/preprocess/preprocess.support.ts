/** @file What the preprocessing tests share: fitting by a spec, and running the graph part on the reference executor. */
import { createReference, trace } from "../../../src/engine/index.ts";
import type { Dataset, Inputs } from "../../../src/pipelines/data/dataset.ts";
import { allRows } from "../../../src/pipelines/data/dataset.ts";
import { applyPreprocessing } from "../../../src/pipelines/preprocess/apply.ts";
import { encodeInputs } from "../../../src/pipelines/preprocess/encode.ts";
import { fitPreprocessing } from "../../../src/pipelines/preprocess/fit.ts";
import type { Preprocessing } from "../../../src/pipelines/preprocess/preprocessing.ts";
import { PreprocessSpec } from "../../../src/pipelines/preprocess/spec.ts";

export function fitted(dataset: Dataset, spec: unknown = {}, rows = allRows(dataset.rows)): Preprocessing {
  return fitPreprocessing(dataset, rows, PreprocessSpec.parse(spec));
}

/** Features by row, as the graph makes them from what a host sends. */
export function transform(inputs: Inputs, preprocessing: Preprocessing): number[][] {
  return apply(encodeInputs(inputs, preprocessing), preprocessing);
}

export function apply(raw: Float32Array, preprocessing: Preprocessing): number[][] {
  const batch = raw.length / preprocessing.rawWidth;
  const traced = trace((t) => {
    const input = t.input("raw", { dtype: "F32", shape: [batch, preprocessing.rawWidth] });
    return { outputs: { features: applyPreprocessing(t, input, preprocessing) } };
  });
  const executor = createReference();
  const program = executor.compile(traced, executor.createState({}));
  (program.inputs.raw as Float64Array).set(raw);
  program.run();
  const features = program.outputs.features as Float64Array;
  const width = features.length / batch;
  return Array.from({ length: batch }, (_, row) => [...features.subarray(row * width, (row + 1) * width)]);
}
