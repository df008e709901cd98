/** @file What is said where learning has gone astray, whatever learned. */
import { Fault } from "../../../engine/index.ts";

/**
 * @param figure what is no number
 * @param moment `{update: 3}` or `{epoch: 3}`, from 1
 * @param violation of the option that is perhaps too large, and what to do
 */
export function diverged(
  figure: string,
  moment: Readonly<Record<string, number>>,
  { path, got, hint }: { readonly path: string; readonly got: unknown; readonly hint: string },
): Fault {
  const [[name, value]] = Object.entries(moment) as [[string, number]];
  return new Fault("DIVERGED", `${figure} is not a finite number in ${name} ${value}`, {
    violations: [{ path, message: "perhaps too large", got: String(got) }],
    hint,
    context: { ...moment },
  });
}
