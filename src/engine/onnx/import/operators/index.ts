/** @file All operators that can be raised, by domain and name. */
import { Fault } from "../../../fault.ts";
import type { Operator } from "../call.ts";
import { arrangements } from "./arrangement.ts";
import { attentions } from "./attention.ts";
import { bits } from "./bits.ts";
import { control } from "./control.ts";
import { indexing } from "./indexing.ts";
import { losses } from "./loss.ts";
import { ml } from "./ml.ts";
import { movement } from "./movement.ts";
import { normalizations } from "./normalization.ts";
import { pointwise } from "./pointwise.ts";
import { pooling } from "./pooling.ts";
import { products } from "./product.ts";
import { quantization } from "./quantization.ts";
import { recurrence } from "./recurrent.ts";
import { reductions } from "./reduction.ts";
import { resizing } from "./resize.ts";
import { sampling } from "./sampling.ts";
import { sequences } from "./sequences.ts";

const STANDARD: Readonly<Record<string, Operator>> = {
  ...pointwise,
  ...reductions,
  ...movement,
  ...indexing,
  ...products,
  ...pooling,
  ...normalizations,
  ...attentions,
  ...recurrence,
  ...resizing,
  ...losses,
  ...quantization,
  ...arrangements,
  ...bits,
  ...sampling,
  ...sequences,
  ...control,
};

/** By domain; ONNX's own goes by two names. */
const OPERATORS: Readonly<Record<string, Readonly<Record<string, Operator>>>> = {
  "": STANDARD,
  "ai.onnx": STANDARD,
  "ai.onnx.ml": ml,
};

/** @throws Fault ONNX_OPERATOR_UNSUPPORTED for what we have no form for, saying which domains and names there are */
export function operatorOf(domain: string, opType: string): Operator {
  const found = Object.hasOwn(OPERATORS, domain) ? OPERATORS[domain]! : undefined;
  if (found !== undefined && Object.hasOwn(found, opType)) return found[opType]!;
  const what = found === undefined ? `domain \`${domain}\`` : `operator \`${opType}\``;
  throw new Fault("ONNX_OPERATOR_UNSUPPORTED", `${what} is unknown to the engine`, {
    violations: [
      {
        path: found === undefined ? "domain" : "opType",
        message: "unknown",
        got: found === undefined ? domain : opType,
      },
    ],
    hint: 'run the model with `executor: "onnxruntime"`, which may know it',
  });
}
