/** @file What the main thread may ask of a compute worker: one entry a call, its request and its reply, and what passes between. */
import type {
  Dataset,
  DecodingOptions,
  ExecutorName,
  ExportOptions,
  Generated,
  GenerateOptions,
  ImportReport,
  ModelRecord,
  QuantizeRequest,
  TrainingResult,
} from "../pipelines/index.ts";
import type { Reason, Violation } from "../protocol/errors.ts";

/** A model as a call names it. The record is left out where the worker is known to have it. */
export interface Resident {
  readonly id: string;
  readonly record: ModelRecord | null;
}

type Data = Readonly<Record<string, unknown>>;

/** How tensors travel; null: as their size says. */
export type TensorForm = "values" | "b64" | "file" | null;

/** Data as the host wrote it, with the datasets of the handles in it. */
export interface DataRequest {
  readonly reference: Data;
  readonly handles: Readonly<Record<string, Dataset>>;
}

export interface Calls {
  train: {
    request: {
      readonly model: Resident;
      readonly data: DataRequest;
      readonly validation: number | DataRequest | null;
      /** As the host wrote them; checked before on the main thread. */
      readonly options: Data;
      readonly threads: number;
      /** Where checkpoints go, and where one may already be; null without a data directory. */
      readonly checkpointPath: string | null;
      readonly resume: boolean;
    };
    reply: TrainingResult;
  };
  predict: {
    request: {
      readonly model: Resident;
      readonly inputs: unknown;
      readonly decoding: DecodingOptions | null;
      readonly executor: ExecutorName | null;
      readonly tensors: TensorForm;
      readonly spillPath: string;
    };
    reply: { readonly outputs: Data; readonly executor?: "engine" | "onnxruntime" };
  };
  summary: { request: { readonly model: Resident; readonly options: Data }; reply: Data };
  inspect: {
    request: {
      readonly model: Resident;
      readonly inputs: unknown;
      readonly data: DataRequest | null;
      /** Parsed, but for inputs and data. */
      readonly options: Data;
      readonly tensors: TensorForm;
      readonly spillPath: string;
    };
    reply: Data;
  };
  explain: {
    request: {
      readonly model: Resident;
      readonly inputs: unknown;
      readonly baseline: unknown;
      readonly options: Data;
      readonly tensors: TensorForm;
      readonly spillPath: string;
    };
    reply: Data;
  };
  generate: {
    request: {
      readonly model: Resident;
      readonly prompt: string | readonly number[];
      readonly options: GenerateOptions;
    };
    reply: Generated;
  };
  /** The same, told of while it is written. */
  write: {
    request: Calls["generate"]["request"];
    reply: Omit<Generated, "tokens"> & { readonly tokens: number; readonly seconds: number };
  };
  evaluate: { request: { readonly model: Resident; readonly data: DataRequest }; reply: Data };
  /** What a policy does. */
  act: {
    request: {
      readonly model: Resident;
      readonly observations: unknown;
      readonly mask: unknown;
      readonly state: readonly unknown[] | null;
      readonly deterministic: boolean;
      readonly seed: number;
      readonly tensors: "values" | "b64" | "file" | null;
    };
    reply: Data;
  };
  /** How well it plays. */
  play: {
    request: {
      readonly model: Resident;
      readonly environment: unknown;
      readonly episodes: number;
      readonly deterministic: boolean;
      readonly seed: number;
    };
    reply: Data;
  };
  loadData: {
    request: { readonly data: DataRequest };
    reply: { readonly dataset: Dataset; readonly description: Data };
  };
  describeData: { request: { readonly data: DataRequest }; reply: Data };
  saveModel: { request: { readonly model: Resident; readonly path: string }; reply: { readonly bytes: number } };
  loadModel: { request: { readonly path: string }; reply: ModelRecord };
  importModel: {
    request: { readonly path: string | null; readonly b64: string | null };
    reply: { readonly record: ModelRecord; readonly report: ImportReport };
  };
  exportModel: {
    request: {
      readonly model: Resident;
      readonly format: "onnx" | "safetensors" | "onnx-training";
      readonly path: string;
      readonly opset: number | null;
      readonly verify: boolean;
      readonly training: unknown;
      readonly steps: number;
      /** How the file is written, and what is said of it. */
      readonly file: Pick<ExportOptions, "weights" | "externalData" | "about">;
      readonly quantize: QuantizeRequest | null;
      /** What ranges and damage are measured on. */
      readonly data: DataRequest | null;
    };
    reply: Data;
  };
}

export type CallName = keyof Calls;

/** What a worker says about a call before it answers. */
export type Notice =
  | { readonly kind: "started"; readonly data: Data }
  | { readonly kind: "event"; readonly type: string; readonly data: Data }
  | { readonly kind: "published"; readonly record: ModelRecord };

/** An error on its way between threads: a `Fault` or a `Refusal` without its class. */
export interface PlainFault {
  readonly reason: Reason;
  readonly message: string;
  readonly violations: readonly Violation[];
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly context: Data | undefined;
}

export type ToWorker =
  | { readonly call: CallName; readonly request: unknown }
  /** A model that there is no longer, and what it weighs. It has no reply. */
  | { readonly forget: { readonly id: string; readonly bytes: number } };

export type FromWorker =
  | { readonly ready: true }
  | { readonly notice: Notice }
  | { readonly reply: unknown }
  | { readonly fault: PlainFault; readonly stack: string | undefined };

/** Given to a worker when it starts. */
export interface WorkerSettings {
  readonly plugins: readonly string[];
  readonly roots: readonly string[] | null;
  readonly memoryLimitBytes: number | null;
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  readonly wideSimd: boolean;
  /** See `Control`. */
  readonly control: Int32Array;
}

/** Words of the control array, shared by the main thread and one worker. */
export const CONTROL = { command: 0, interrupt: 1 } as const;
/** Values of the command word. */
export const COMMAND = { run: 0, pause: 1, cancel: 2, checkpointAndStop: 3 } as const;
