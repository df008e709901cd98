/**
 * @file A policy as one ONNX file with its card beside it. The file is run in onnxruntime and compared with our own answers before it
 * is called done.
 */
import { basename, extname } from "node:path";
import type { ExportOptions } from "../model/export.ts";
import { type ExportResult, writeOnnx } from "../model/onnxFile.ts";
import { cardOf } from "./onnxCard.ts";
import { fileOf } from "./onnxGraph.ts";
import { compare, feedsOf, inventPlay } from "./onnxTrial.ts";
import { type PlayContext, play } from "./play.ts";

const DEFAULT_OPSET = 17;

/** Writes `path`, and the policy's card beside it as `<name>.json`. Faults: those of `exportOnnx`. */
export async function exportPolicy(
  context: PlayContext,
  path: string,
  { opset = DEFAULT_OPSET, about = {}, ...options }: ExportOptions = {},
): Promise<ExportResult> {
  const { record, registry } = context;
  const card = cardOf(record, basename(path, extname(path)), about);
  const model = fileOf(registry, record, card, opset);
  const made = inventPlay(record.policy);
  const own = play(context, { ...made, isGreedy: true, seed: 0, counter: 0 });
  const feeds = feedsOf(record.policy.spec, made);
  return writeOnnx(path, { model, opset, card, feeds, compare: (theirs) => compare(theirs, own) }, options);
}
