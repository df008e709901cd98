/**
 * @file The outcomes judged by the skip list, and as a page: `report.ts <report.json> check` prints what is wrong as JSON,
 * `report.ts <report.json> write <page>` writes docs/onnx-conformance.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Outcome } from "./main.ts";
import { GRADIENT_SKIPS, reasonFor, SKIPS } from "./skips.ts";

const [file = "", command, page = ""] = process.argv.slice(2);
const outcomes = JSON.parse(readFileSync(file, "utf8")) as Outcome[];
const passed = (outcome: Outcome): boolean => outcome.failure === null;

/** Failures without a reason, reasons without a failure. */
function problems(): string[] {
  const unexplained = outcomes.filter((each) => !passed(each) && reasonFor(SKIPS, each.name) === undefined);
  const stale = outcomes.filter((each) => passed(each) && reasonFor(SKIPS, each.name) !== undefined);
  const slopes = outcomes.filter(
    ({ gradient, name }) => gradient !== null && "failure" in gradient && reasonFor(GRADIENT_SKIPS, name) === undefined,
  );
  const idle = [...SKIPS, ...GRADIENT_SKIPS].filter(({ cases }) => !outcomes.some(({ name }) => cases.test(name)));
  return [
    ...unexplained.map(({ name, failure }) => `${name} fails: ${failure}`),
    ...stale.map(({ name }) => `${name} passes: take it off the skip list`),
    ...slopes.map(({ name, gradient }) => `${name}: ${(gradient as { failure: string }).failure}`),
    ...idle.map(({ reason }) => `no case is skipped for the reason "${reason}"`),
  ];
}

const kinds = [...new Set(outcomes.map(({ kind }) => kind))];

function scores(): Record<string, { cases: number; passed: number }> {
  return Object.fromEntries(
    kinds.map((kind) => {
      const all = outcomes.filter((each) => each.kind === kind);
      return [kind, { cases: all.length, passed: all.filter(passed).length }];
    }),
  );
}

const checkedGradients = outcomes.flatMap(({ gradient }) =>
  gradient !== null && "agreed" in gradient && gradient.agreed > 0 ? [gradient.agreed] : [],
);

function rows<T>(items: readonly T[], row: (item: T) => readonly (string | number)[]): string {
  return items.map((item) => `| ${row(item).join(" | ")} |`).join("\n");
}

function operatorRows(): string {
  const nodes = outcomes.filter(({ kind }) => kind === "node");
  const operators = [...new Set(nodes.flatMap((each) => each.operators))].sort();
  const entries = operators.map((operator) => {
    const having = nodes.filter((each) => each.operators.includes(operator));
    const good = having.filter(passed);
    const slopes = having.filter(({ gradient }) => gradient !== null && "agreed" in gradient && gradient.agreed > 0);
    return {
      operator,
      cases: having.length,
      good: good.length,
      ulps: Math.max(0, ...good.map(({ ulps }) => ulps)),
      slopes: slopes.length,
    };
  });
  return rows(entries, ({ operator, cases, good, ulps, slopes }) => [
    `\`${operator}\``,
    cases,
    good,
    good === 0 ? "" : ulps,
    slopes === 0 ? "" : slopes,
  ]);
}

function skipRows(): string {
  const counted = SKIPS.map(({ reason }) => ({
    reason,
    cases: outcomes.filter((each) => !passed(each) && reasonFor(SKIPS, each.name) === reason),
  }));
  return rows(
    counted.filter(({ cases }) => cases.length > 0),
    ({ reason, cases }) => [cases.length, reason],
  );
}

function text(): string {
  return `# Conformance with ONNX

<!-- Written by \`npm run test:interop\`'s conformance runner: see test/interop/onnx-conformance. -->

The backend cases of the PyPI package \`onnx\` (its version is pinned in test/interop/requirements.txt), each file raised by our
importer and run on our machine, one thread, within the case's own tolerances. An \`_expanded\` case spells a composite
operator out in simpler ones. \`light\` are whole image networks without trained weights.

| kind | cases | passed |
|---|---|---|
${rows(Object.entries(scores()), ([kind, { cases, passed: good }]) => [kind, cases, good])}

Gradients: in ${checkedGradients.length} of the \`node\` cases the slopes of a weighted sum of all real outputs agree with central
differences in float64, at ${checkedGradients.reduce((sum, count) => sum + count, 0)} elements of their inputs (kinks and jumps left out).

## What does not pass, and why

| cases | reason |
|---|---|
${skipRows()}

## By operator

Of the \`node\` cases: those with the operator in their graph, those that pass, the largest error of a float output in units
in the last place (errors below the case's absolute tolerance not counted), and those whose gradients were checked. A sum of
many terms that nearly cancel has few digits left in any order of summing: that is where ulps are many.

| operator | cases | passed | ulps | gradients |
|---|---|---|---|---|
${operatorRows()}
`;
}

if (command === "write") writeFileSync(page, text());
else console.log(JSON.stringify({ problems: problems(), scores: scores(), gradients: checkedGradients.length }));
