/** @file A backbone made to give what the head needs: features of each element of a sequence, or only of its past. */
import { Fault } from "../../engine/index.ts";
import type { Options, SequenceNeed } from "../registry/define.ts";
import { find, show } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { Configured } from "./spec.ts";

const NEEDS: Record<SequenceNeed, string> = {
  each: "features of each element of a sequence",
  past: "features of each element that have seen nothing of what follows",
  translated: "features of each place of another sequence",
};

/**
 * @param raw what the host wrote: a name, an object, or nothing
 * @returns the same with the options that the head's need asks for
 * @throws INVALID_PARAMS for a backbone that cannot meet it, and for options that say otherwise
 */
export function suit(registry: Registry, raw: unknown, fallback: string, { type: headType }: Configured): unknown {
  const { needs } = find(registry.heads, headType, "head.type");
  if (needs === undefined) return raw;
  const written = typeof raw === "string" ? { type: raw } : (raw ?? {});
  if (typeof written !== "object" || Array.isArray(written)) return raw;
  const { type = fallback, ...options } = written as Record<string, unknown>;
  if (typeof type !== "string") return raw;
  const asked = find(registry.backbones, type, "backbone.type").sequences?.[needs];
  if (asked === undefined) throw unable(registry, type, headType, needs);
  refuseOther(options, asked, type, headType, needs);
  return { type, ...options, ...asked };
}

function unable(registry: Registry, type: string, head: string, needs: SequenceNeed): Fault {
  const able = [...registry.backbones.values()].filter(({ sequences }) => sequences?.[needs] !== undefined);
  const expected = able.map((backbone) => backbone.type).join(" | ");
  return new Fault(
    "INVALID_PARAMS",
    `head \`${head}\` needs ${NEEDS[needs]}, which backbone \`${type}\` does not give`,
    {
      violations: [{ path: "backbone.type", message: "does not suit the head", expected, got: type }],
      hint: `use ${expected}`,
    },
  );
}

function refuseOther(options: Options, asked: Options, type: string, head: string, needs: SequenceNeed): void {
  for (const [name, value] of Object.entries(asked)) {
    const own = options[name];
    if (own === undefined || own === value) continue;
    const path = `backbone.${name}`;
    const [expected, got] = [show(value), show(own)];
    throw new Fault("INVALID_PARAMS", `\`${path}\`: head \`${head}\` needs ${NEEDS[needs]}`, {
      violations: [{ path, message: "does not suit the head", expected, got }],
      hint: `leave \`${name}\` of \`${type}\` out: it is then ${expected}`,
    });
  }
}
