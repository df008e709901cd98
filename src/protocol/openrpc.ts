/** @file The OpenRPC document: what `rpc.discover` answers and `ml-sidecar schema` prints, made from the tables of methods and events. */
import type { z } from "zod";
import { ERRORS, type Reason } from "./errors.ts";
import { EVENTS, type EventType, event } from "./events.ts";
import type { Method } from "./methods/define.ts";
import { PROTOCOL_VERSION } from "./methods/runtime.ts";
import { METHODS } from "./methods.ts";
import { createSchemaCollection, type JsonSchema, type SchemaCollection } from "./schema.ts";
import { spill } from "./schemas/tensor.ts";

export interface OpenRpcMethod {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly paramStructure: "by-name";
  readonly params: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: JsonSchema;
    readonly description?: string;
  }[];
  /** Of type null for a notification. */
  readonly result: { readonly name: string; readonly schema: JsonSchema };
  readonly errors: readonly { readonly $ref: string }[];
  readonly examples?: readonly unknown[];
  /** Whether it is answered at once, whatever the workers do. */
  readonly "x-immediate"?: true;
  /** Whether it is sent without an id, and has no answer. */
  readonly "x-notification"?: true;
}

export interface OpenRpcDocument {
  readonly openrpc: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly methods: readonly OpenRpcMethod[];
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly errors: Readonly<
      Record<string, { code: number; message: string; data: { reason: string; retryable: boolean } }>
    >;
  };
  /** The `data` of each event type. */
  readonly "x-events": Readonly<
    Record<string, { summary: string; last: boolean; coalesced: boolean; data: JsonSchema }>
  >;
}

/** The newest that the tools around OpenRPC read; it wants a result of every method, notifications included. */
const OPENRPC_VERSION = "1.2.6";
const NO_ANSWER = { name: "nothing", schema: { type: "null", description: "a notification: there is no answer" } };

/** Any request may fail for these. */
const ALWAYS: readonly Reason[] = ["INVALID_PARAMS", "CANCELLED", "DEADLINE_EXCEEDED", "OVERLOADED", "INTERNAL"];

/** Params stand in the order of the example, the others behind: some readers of OpenRPC go by position. */
function describeMethod(name: string, method: Method, schemas: SchemaCollection): OpenRpcMethod {
  const shown = Object.keys(method.example?.params ?? {});
  const members = Object.entries(method.params.shape as Record<string, z.ZodType>);
  const params = [
    ...shown.map((member) => members.find(([name]) => name === member)!),
    ...members.filter(([member]) => !shown.includes(member)),
  ].map(([member, schema]) => ({
    name: member,
    required: !schema.safeParse(undefined).success,
    schema: schemas.add(schema),
    ...(schema.description === undefined ? {} : { description: schema.description }),
  }));
  return {
    name,
    summary: method.summary,
    ...(method.description === undefined ? {} : { description: method.description }),
    paramStructure: "by-name",
    params,
    result: method.result === null ? NO_ANSWER : { name: "result", schema: schemas.add(method.result) },
    errors: [...(method.errors ?? []), ...ALWAYS].map((reason) => ({ $ref: `#/components/errors/${reason}` })),
    ...(method.example === undefined ? {} : { examples: [showExample(name, method.example)] }),
    ...(method.immediate ? { "x-immediate": true } : {}),
    ...(method.result === null ? { "x-notification": true } : {}),
  };
}

function showExample(name: string, { params, result }: NonNullable<Method["example"]>) {
  return {
    name: `${name} example`,
    params: Object.entries(params).map(([member, value]) => ({ name: member, value })),
    result: { name: "result", value: result },
  };
}

/** @param version the sidecar's version. */
export function createOpenRpcDocument(version: string): OpenRpcDocument {
  const schemas = createSchemaCollection("#/components/schemas/");
  const methods = Object.entries<Method>(METHODS).map(([name, method]) => describeMethod(name, method, schemas));
  schemas.add(event);
  schemas.add(spill);
  const events = Object.entries<EventType>(EVENTS).map(([type, { summary, last = false, coalesced = false, data }]) => [
    type,
    { summary, last, coalesced, data: schemas.add(data) },
  ]);
  const errors = Object.entries(ERRORS).map(([reason, { code, retryable, meaning }]) => [
    reason,
    { code, message: meaning, data: { reason, retryable } },
  ]);
  return {
    openrpc: OPENRPC_VERSION,
    info: {
      title: "ml-sidecar",
      version,
      description: `Machine learning as a child process: JSON-RPC 2.0, one message a line, on standard input and output. Protocol version ${PROTOCOL_VERSION}.`,
    },
    methods,
    components: { schemas: schemas.named(), errors: Object.fromEntries(errors) },
    "x-events": Object.fromEntries(events),
  };
}
