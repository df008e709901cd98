/** @file Names out of closed lists, as attributes and operators are named. */
import { Fault } from "../../../fault.ts";

/**
 * @param path the attribute, as violations name it
 * @throws Fault ONNX_OPERATOR_UNSUPPORTED for a name that the table does not have
 */
export function expectKnown<T>(table: Readonly<Record<string, T>>, name: string, path: string): T {
  if (Object.hasOwn(table, name)) return table[name]!;
  const message = `\`${name}\` is not supported`;
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `${path} ${message}`, {
    violations: [{ path, message, expected: Object.keys(table).join(", "), got: name }],
    hint: 'run the model with `executor: "onnxruntime"`, which may know it',
  });
}
