/**
 * @file Runs the ONNX project's backend cases through our importer: `main.ts <cases folder> <report.json>`. What each case
 * came to, by kind and name, goes to the report.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { createMachine } from "../../../src/engine/executors/machine/index.ts";
import { createReference } from "../../../src/engine/executors/reference/reference.ts";
import { casesOf, readCase } from "./case.ts";
import { type Checked, checkGradients } from "./gradient.ts";
import { runCase } from "./run.ts";

export interface Outcome {
  readonly kind: string;
  readonly name: string;
  /** Operators of the model's graph. */
  readonly operators: readonly string[];
  /** Null for a case that passed. */
  readonly failure: string | null;
  /** Largest error of a float output, in units in the last place. */
  readonly ulps: number;
  readonly gradient: Checked | { readonly failure: string } | null;
}

const [root = "", report = ""] = process.argv.slice(2);
const [machine, reference] = [createMachine({ threads: 1 }), createReference()];

function outcomeOf(kind: string, name: string): Outcome {
  const facts = { kind, name, operators: [] as string[], failure: null, ulps: 0, gradient: null };
  try {
    const each = readCase(root, kind, name);
    facts.operators = [...new Set(each.model.graph?.node?.map(({ opType = "" }) => opType))].sort();
    const ulps = runCase(each, machine);
    return { ...facts, ulps, gradient: kind === "node" ? slopesOf(each) : null };
  } catch (error) {
    return { ...facts, failure: (error as Error).message };
  }
}

function slopesOf(each: Parameters<typeof checkGradients>[0]): Outcome["gradient"] {
  try {
    return checkGradients(each, reference);
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

const outcomes = readdirSync(root)
  .sort()
  .flatMap((kind) => casesOf(root, kind).map((name) => outcomeOf(kind, name)));
writeFileSync(report, JSON.stringify(outcomes));
