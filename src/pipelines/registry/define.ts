/** @file How everything that can be chosen by name is declared: a name, a zod schema of its options, and a function. */
import type { z } from "zod";
import type { Shape, Tensor, Tracer } from "../../engine/index.ts";
import type { Dataset } from "../data/dataset.ts";
import type { DataReference } from "../data/reference.ts";
import type { ImportedFile } from "../imported/importedFile.ts";
import type { Scope } from "../layers/scope.ts";
import type { RandomStream } from "../random.ts";
import type { Algorithm } from "../rl/algorithm.ts";
import type { Environment } from "../rl/environment.ts";

/** An object schema; every field carries `.describe()`, which is what the catalog shows. */
export type OptionsSchema = z.ZodObject;

/** Options as a schema parsed them. */
export type Options = Readonly<Record<string, unknown>>;

/** What all definitions have. */
export interface Definition {
  /** How hosts name it: `{"type": "mlp"}`. */
  readonly type: string;
  /** One sentence for the catalog. */
  readonly description: string;
  readonly options: OptionsSchema;
}

type Of<Schema extends OptionsSchema> = z.output<Schema>;

/** A column of the data as it lies in a row of features. */
export interface FeaturePart {
  readonly name: string;
  /** Of a category: one number for each of its values, of which at most one is 1. Of tokens: a number for each, 0 where a text has ended. */
  readonly kind: "number" | "boolean" | "date" | "category" | "tensor" | "tokens";
  /** Of one row: `[]` for a scalar, `[values]` of a category, `[length]` of tokens. */
  readonly shape: Shape;
  readonly offset: number;
  readonly width: number;
  /** Of tokens: they are below this. */
  readonly vocabulary?: number;
}

/** What a backbone is told beside its input. */
export interface Inside {
  /** The ONNX file that the model was made from, if it was. */
  readonly imported?: ImportedFile | undefined;
  /** In the order in which they lie in a row, none left out. */
  readonly parts: readonly FeaturePart[];
  /** For a backbone that translates: the tokens that stand before each place of the answer, and how many kinds there are. */
  readonly previous?: Previous | undefined;
  /** Another backbone, for some of the parts. @param raw a name, or an object with its options. @param path where it stands */
  backbone(raw: unknown, path: string): (scope: Scope, x: Tensor, parts: readonly FeaturePart[]) => Tensor;
}

export interface Previous {
  /** I32 [batch, time]; the first is the one that begins a sequence. */
  readonly tokens: Tensor;
  readonly vocabulary: number;
}

/**
 * What a head needs of a backbone for sequences: features of each element, [batch, time, width]; the same without any of
 * what follows it; or features of each place of another sequence, from the source and the places before.
 */
export type SequenceNeed = "each" | "past" | "translated";

/** Inputs to features. */
export interface Backbone extends Definition {
  /** The steps of columns where the spec names none, if they are not the usual ones: of number and tensor columns, or by column. */
  preprocess?(options: Options): "none" | Readonly<Record<string, "none">> | undefined;
  /** Of a backbone for sequences: the options that make it what a head needs. A need that is not there cannot be met. */
  readonly sequences?: Partial<Readonly<Record<SequenceNeed, Options>>>;
  /** Whether all its layers heed `Scope.past`, so that a sequence can be read piece by piece. */
  readonly remembers?: true;
  /** @param x F32 [batch, ...features], preprocessed. @returns F32 [batch, ...], what the head takes. */
  build(scope: Scope, x: Tensor, options: Options, inside: Inside): Tensor;
}

/**
 * How a target is handed to a loss: I32 [batch] class indices, F32 [batch, labels] of 0 and 1, F32 [batch, outputs]; I32
 * [batch, time] class indices, −1 where nothing counts; the features themselves, F32 [batch, numbers]; or not at all.
 * `tasks` are several of the first three.
 */
export type TargetKind = "classes" | "labels" | "values" | "sequence" | "inputs" | "none" | "tasks";

/** What a head is to answer. */
export interface Wanted {
  /** Numbers a row, or an element of a sequence: classes, labels, target columns, or numbers of a row of features. */
  readonly outputs: number;
}

/** What a head answers, by name; every first axis is the batch. A loss judges `output`. */
export type Raw = Readonly<Record<string, Tensor>> & { readonly output: Tensor };

/** From the scale that is learned to the target's own units; axis 1 is the outputs. */
export interface Units {
  value(learned: Tensor): Tensor;
  /** Of a difference, such as a standard deviation. */
  spread(learned: Tensor): Tensor;
}

/** What a head may know of a batch beside its own answer. */
export interface Seen {
  readonly units: Units;
  readonly raw: Raw;
  /** What the backbone saw, F32 [batch, ...features]. */
  readonly features: Tensor;
  readonly parts: readonly FeaturePart[];
}

/** One of several tasks. */
export interface TaskChoice {
  readonly pipeline: string;
  /** Where it is not the pipeline's own. */
  readonly head?: unknown;
  /** Its target; left out, the column of its name. */
  readonly columns?: readonly string[] | undefined;
}

/** What a text is a sequence of; words stand between blanks, and lists of strings are words. */
export type TextUnit = "characters" | "words";

/** Features to raw outputs, raw outputs to what a host reads. */
export interface Head extends Definition {
  readonly target: TargetKind;
  /** What a loss must name in its `targets` to judge `output`, where it is not the target's kind (of a sequence: `classes`). */
  judged?(options: Options): string;
  /** Of a head that stands for several: what each of them is. */
  tasks?(options: Options): Readonly<Record<string, TaskChoice>>;
  /** The data as rows that it can learn from, where they come in another form: a text as windows of it. */
  arrange?(dataset: Dataset, options: Options): Dataset;
  /** How it reads texts, its inputs' and its target's, where the spec does not say; left out, it reads none. */
  readonly text?: TextUnit;
  /** What it needs of the backbone; left out: features of the row. */
  readonly needs?: SequenceNeed;
  /**
   * Several views of each row, each of which goes through the backbone.
   * @param second where training augments: the same rows, augmented another way
   * @returns F32 [batch, views, ...features]
   */
  views?(scope: Scope, features: Tensor, options: Options, second: Tensor | undefined): Tensor;
  /**
   * @param features what the backbone gave.
   * @returns F32 [batch, outputs], of a sequence [batch, time, outputs]: logits, or values on the scale that is learned; or
   *   several tensors by name, of which `output` is that one.
   */
  build(scope: Scope, features: Tensor, options: Options, wanted: Wanted): Tensor | Raw;
  /** What prediction answers, by name; every first axis is the batch. */
  results(output: Tensor, options: Options, seen: Seen): Readonly<Record<string, Tensor>>;
  /** Cheap figures of each row [batch], or element [batch, time], whose weighted means are shown while training. */
  running?(output: Tensor, target: Tensor, options: Options, seen: Seen): Readonly<Record<string, Tensor>>;
}

/** What a loss may want to know of the training rows. */
export interface TargetFacts {
  /** Of the classes or labels, in order; of the target columns otherwise. */
  readonly names: readonly string[];
  /** Training rows of each class or label; of a sequence its elements. */
  readonly counts: readonly number[];
  /** The head's options. */
  readonly head: Options;
}

/** What a loss may know of a batch beside answers and targets. */
export interface Batch {
  /** F32 [batch]: what each row counts; 0 for rows that only fill the batch up. */
  readonly weight: Tensor;
}

/** How wrong raw outputs are. Of a sequence it is asked as if each element were a row. */
export interface Loss extends Definition {
  /** What it can judge: kinds of target, or what heads call their answers in `judged`. */
  readonly targets: readonly string[];
  /** Options completed by what the training rows hold, once, before anything is traced. */
  fit?(options: Options, facts: TargetFacts): Options;
  /** The loss of each row, F32 [batch]. @param output F32 [batch, outputs]. @param target as its `TargetKind` says. */
  perRow(t: Tracer, output: Tensor, target: Tensor, options: Options, batch: Batch): Tensor;
  /** What a row counts beside its sample weight, F32 [batch]; the mean is divided by their sum. Null, or left out: 1. */
  rowWeight?(t: Tracer, output: Tensor, target: Tensor, options: Options): Tensor | null;
}

/** One parameter's place in an optimizer step; all tensors have the parameter's shape, scalars are F32 []. */
export interface ParameterUpdate {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** How a gradient changes a parameter. */
export interface Optimizer extends Definition {
  /** What it remembers for each parameter, by name, and the number that each starts from. */
  slots(options: Options): Readonly<Record<string, number>>;
  /**
   * Numbers that depend on the step but on no tensor (bias corrections), worked out in float64 before each step.
   * @returns a function of the step, counted from 1, and the learning rate; asked in order of steps, but from anywhere.
   */
  scalars(options: Options): (step: number, learningRate: number) => Readonly<Record<string, number>>;
  update(update: ParameterUpdate, options: Options): { parameter: Tensor; slots: Readonly<Record<string, Tensor>> };
}

/** Where a training stands, for a schedule. */
export interface Moment {
  /** Optimizer steps done before this one. */
  readonly step: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** What `remember` answered last; undefined before the first epoch has ended, and for schedules that do not remember. */
  readonly memory?: unknown;
}

/**
 * How the learning rate moves: a pure function of the moment. A schedule that follows how the training goes says what it
 * watches, and remembers after each epoch; what it remembers is saved with a checkpoint.
 */
export interface Schedule extends Definition {
  /** @returns the factor on the optimizer's learning rate. */
  factor(moment: Moment, options: Options): number;
  /** The quantity that `remember` is told: `loss` or a metric, of the held-out part where there is one. */
  watches?(options: Options): string;
  /** The new memory, as plain JSON, once an epoch has ended with this value of what is watched. */
  remember?(memory: unknown, value: number, options: Options): unknown;
}

/** What an augmentation may know of the rows it is to change. */
export interface RowFacts {
  /** [channels, height, width] of an image, [time] or [time, features] of a sequence. */
  readonly shape: Shape;
  /** The range of the values: 0 and 255 of bytes, that of the training rows otherwise. */
  readonly low: number;
  readonly high: number;
  /** Standard deviations over the training rows: of each channel of an image, of each feature of anything else. */
  readonly deviations: readonly number[];
}

/**
 * Changes one row in place.
 * @param values raw, as they were loaded; preprocessing follows.
 * @param random what is drawn from it depends on seed, epoch and row only; nothing else may decide.
 * @param partner another training row, changed by whatever comes before the mixing; empty when nothing is mixed.
 * @returns of a mixing one: how much of the row is its own, from 0 to 1.
 */
export type RowChange = (
  values: Float32Array,
  random: RandomStream,
  partner: Float32Array,
  // biome-ignore lint/suspicious/noConfusingVoidType: most changes return nothing, and need not say so
) => number | void;

/** A random change to training rows. */
export interface Augmentation extends Definition {
  /** What it can change: images [channels, height, width], sequences [time] or [time, features], or tensors of any shape. */
  readonly rows: "image" | "sequence" | "any";
  /** Whether it puts two rows into one. Of several such in a list each row takes one, after all other changes. */
  readonly mixes?: boolean;
  /** Called once for each training. @returns what is called for each row; it may keep arrays to work in, nothing else. */
  prepare(facts: RowFacts, options: Options): RowChange;
}

/** A named source of data: any other data reference, made from options. */
export interface DatasetSource extends Definition {
  load(options: Options): DataReference | Promise<DataReference>;
}

/** What a whole set of predictions is judged on. */
export interface Judged {
  /** The head's results over all rows, by name: those that `judges` names. */
  readonly results: Readonly<Record<string, Float32Array | Int32Array>>;
  /** As the head's `TargetKind` says, in the target's own units: rows, rows × outputs, or rows × time. */
  readonly targets: Float32Array | Int32Array;
  readonly weights: Float32Array | undefined;
  readonly outputs: number;
  readonly rows: number;
  /** The mean loss, and the head's running figures. */
  readonly loss: number;
  readonly running: Readonly<Record<string, number>>;
  /** The head's options. */
  readonly options: Options;
}

/** A head, a loss and metrics bound together with the defaults of training. */
export interface Pipeline extends Definition {
  readonly head: string;
  readonly defaults: {
    readonly backbone: { readonly type: string };
    /** Where it cannot judge what the head's options ask for, the first loss that can. */
    readonly loss: string;
    readonly optimizer: string;
    readonly schedule: string;
    readonly epochs: number;
    readonly batchSize: number;
  };
  /** The head's results that metrics are made from; all when left out. */
  readonly judges?: readonly string[];
  /** All metrics of a set of predictions; for classes also the confusion matrix, true class by predicted class. */
  metrics(judged: Judged): { metrics: Record<string, number>; confusion?: number[][] };
}

/** What a plugin's default export holds. */
export interface Plugin {
  readonly name: string;
  readonly version: string;
  readonly backbones?: readonly Backbone[];
  readonly heads?: readonly Head[];
  readonly pipelines?: readonly Pipeline[];
  readonly losses?: readonly Loss[];
  readonly optimizers?: readonly Optimizer[];
  readonly schedules?: readonly Schedule[];
  readonly augmentations?: readonly Augmentation[];
  readonly datasets?: readonly DatasetSource[];
  readonly environments?: readonly Environment[];
  readonly algorithms?: readonly Algorithm[];
}

/** A definition as its author writes it: the functions take the options that its own schema parses. */
type Authored<Kind extends Definition, Schema extends OptionsSchema> = {
  readonly [Field in keyof Kind]: Field extends "options"
    ? Schema
    : NonNullable<Kind[Field]> extends (...parameters: infer Parameters) => infer Result
      ? (
          ...parameters: { [P in keyof Parameters]: Options extends Parameters[P] ? Of<Schema> : Parameters[P] }
        ) => Result
      : Kind[Field];
};

const declaring =
  <Kind extends Definition>() =>
  <Schema extends OptionsSchema>(definition: Authored<Kind, Schema>): Kind =>
    definition as unknown as Kind;

export const defineBackbone = declaring<Backbone>();
export const defineHead = declaring<Head>();
export const defineLoss = declaring<Loss>();
export const defineOptimizer = declaring<Optimizer>();
export const defineSchedule = declaring<Schedule>();
export const defineAugmentation = declaring<Augmentation>();
export const defineDataset = declaring<DatasetSource>();
export const defineEnvironment = declaring<Environment>();
export const defineAlgorithm = declaring<Algorithm>();
export const definePipeline = declaring<Pipeline>();

/** Checked when it is loaded, so that a mistake names the file and the field. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
