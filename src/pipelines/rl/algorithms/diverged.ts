/** @file What is said where learning has gone astray, whatever learned. */
import { Fault } from "../../../engine/index.ts";

/**
 * @param figure what is no number
 * @param moment `{update: 3}` or `{epoch: 3}`, from 1
 * @param rates options that are perhaps too large, by their paths
 */
export function diverged(
  figure: string,
  moment: Readonly<Record<string, number>>,
  rates: Readonly<Record<string, number>>,
  hint: string,
): Fault {
  const [[name, value]] = Object.entries(moment) as [[string, number]];
  return new Fault("DIVERGED", `${figure} is not a finite number in ${name} ${value}`, {
    violations: Object.entries(rates).map(([path, rate]) => ({
      path,
      message: "perhaps too large",
      expected: "a lower rate",
      got: String(rate),
    })),
    hint,
    context: { ...moment },
  });
}
