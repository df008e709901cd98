/** @file The client's face: every method of the protocol as a function, a training as a job to follow, a text as it is written. */
import { METHODS, type MethodName, type ParamsOf, type ResultOf } from "../../src/protocol/index.ts";
import { type CallOptions, type Connection, connect } from "./connection.ts";
import { type Command, findSidecar } from "./find.ts";
import { type Job, textOf, toJob } from "./job.ts";

export interface StartOptions {
  /** Where the sidecar is: a path, or a program with its arguments. Left out: $ML_SIDECAR, then the package of this client. */
  readonly command?: string | Command | undefined;
  /** Options of its command line: `["--data-dir", "state"]`. */
  readonly options?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Each chunk of its log, JSON lines. */
  readonly onLog?: ((text: string) => void) | undefined;
}

/** A method; where nothing is required, the params may be left out. */
type Call<M extends MethodName> =
  Record<never, never> extends ParamsOf<M>
    ? (params?: ParamsOf<M>, options?: CallOptions) => Promise<ResultOf<M>>
    : (params: ParamsOf<M>, options?: CallOptions) => Promise<ResultOf<M>>;

/** `models.create` is `sidecar.models.create`, `predict` is `sidecar.predict`. */
type Calls = {
  readonly [M in MethodName as M extends `${string}.${string}` | `$/${string}` ? never : M]: Call<M>;
} & {
  readonly [M in MethodName as M extends `${infer Group}.${string}` ? Group : never]: {
    readonly [N in MethodName as N extends `${M extends `${infer Group}.${string}` ? Group : never}.${infer Name}`
      ? Name
      : never]: Call<N>;
  };
};

export type Sidecar = Calls & {
  readonly pid: number | undefined;
  /** Any method by its name. */
  readonly call: Connection["call"];
  /** Starts a training, to be followed by its events. */
  train(params: ParamsOf<"train.start">, options?: CallOptions): Promise<Job>;
  /** What a language model writes, piece by piece as it is written; who stops reading ends the writing. */
  stream(params: ParamsOf<"generate.start">, options?: CallOptions): AsyncGenerator<string, void, undefined>;
  /** A job that was started elsewhere or earlier; its events are those from now on. */
  job(jobId: string): Promise<Job>;
  /** Ends the sidecar: running jobs stop at their next step, with a checkpoint where there is a data directory. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** The functions by group, from the table of methods: a new method needs nothing here. */
function callsOf({ call }: Connection): Record<string, unknown> {
  const calls: Record<string, unknown> = {};
  for (const method of Object.keys(METHODS) as MethodName[]) {
    if (METHODS[method].result === null) continue;
    const invoke = (params: object = {}, options?: CallOptions) => call(method, params as never, options);
    const [group, name] = method.split(".");
    if (name === undefined) calls[method] = invoke;
    else calls[group!] = Object.assign(calls[group!] ?? {}, { [name]: invoke });
  }
  return calls;
}

const LONGEST_ANSWER = 64 * 1024 * 1024;
/** A sidecar that says nothing for so long is none. */
const START_MILLISECONDS = 30_000;
/** After its input's end, a sidecar has so long to leave by itself. */
const LEAVE_MILLISECONDS = 5000;

/**
 * Starts a sidecar and greets it.
 * @throws SidecarGoneError where there is none, or it does not start.
 */
export async function startSidecar({ command, options = [], ...settings }: StartOptions = {}): Promise<Sidecar> {
  const connection = connect([...findSidecar(command), ...options], settings);
  const { call, child: running } = connection;
  const impatient = setTimeout(() => running.fail("did not answer its first call"), START_MILLISECONDS);
  const { limits } = await call("runtime.initialize", {
    client: { name: "ml-sidecar-typescript" },
    parentPid: process.pid,
    limits: { maxLineBytes: LONGEST_ANSWER },
  }).finally(() => clearTimeout(impatient));
  connection.maxLineBytes = limits.maxInputLineBytes;

  async function close(): Promise<void> {
    running.hold();
    running.end();
    const timer = setTimeout(() => running.kill(), LEAVE_MILLISECONDS);
    await running.gone;
    clearTimeout(timer);
    running.release();
  }

  async function* stream(params: ParamsOf<"generate.start">, callOptions?: CallOptions) {
    const job = toJob((await call("generate.start", params, callOptions)).job, connection);
    yield* textOf(job);
  }

  const own = {
    pid: running.pid,
    stream,
    call,
    train: async (params: ParamsOf<"train.start">, callOptions?: CallOptions) =>
      toJob((await call("train.start", params, callOptions)).job, connection),
    job: async (jobId: string) => toJob((await call("jobs.get", { jobId })).job, connection),
    close,
    [Symbol.asyncDispose]: close,
  };
  const calls = callsOf(connection);
  return { ...calls, ...own, train: Object.assign(own.train, calls.train) } as unknown as Sidecar;
}
