/** @file A scope: where a layer's parameters and buffers live, under dotted paths, while a model is traced. */
import type { NdArray, Shape, Tensor, TensorType, Tracer } from "../../engine/index.ts";
import { Fault, sameShape, showShape } from "../../engine/index.ts";
import type { Initialiser } from "./initialisers.ts";
import type { Past } from "./past.ts";

/**
 * What a layer gets beside its input. Parameters belong to the scope, so a layer is a plain function; asking twice for one
 * path gives the same tensor, which is how weights are shared.
 */
export interface Scope {
  /** `backbone.layers.0`; empty at the root. */
  readonly path: string;
  /** Whether this trace trains: dropout drops, batch norm measures. */
  readonly training: boolean;
  /** 1 for rows that count and 0 for padding, F32 [batch, 1]; null when all count. Only statistics over the batch need it. */
  readonly present: Tensor | null;
  /** The I32[4] input that random ops read (seed, step); only in training. */
  readonly random: Tensor | null;
  /** Who looks on while the network is traced; null as a rule. */
  readonly watch: Watch | null;
  /** How much of a batch goes into running statistics, F32 []; null: as much as each layer says. */
  readonly share: Tensor | null;
  /** What came before, where a sequence is read piece by piece; null where it comes as a whole. */
  readonly past: Past | null;
  /** A scope below this one: `scope.child("layers.0")`. */
  child(name: string): Scope;
  /** F32 numbers that training changes by their gradient. */
  parameter(name: string, shape: Shape, initialiser: Initialiser): Tensor;
  /** F32 numbers that belong to the model but have no gradient, such as running statistics. */
  buffer(name: string, shape: Shape, initialiser: Initialiser): Tensor;
  /** Numbers that are part of the model's definition. */
  constant(value: number | NdArray): Tensor;
  /** The value of a buffer after this training step; without effect when not training. */
  update(name: string, value: Tensor): void;
}

/** Told of every layer as it is called, from outside in: runs `build`, and gives its result, or something in its place. */
export type Watch = <Result>(place: Place, build: () => Result) => Result;

export interface Place {
  /** That of the layer's scope. */
  readonly path: string;
  /** What layer it is: `dense`. */
  readonly kind: string;
  readonly input: Tensor;
}

/** A layer from its function: the same function, and those who watch know of each call. */
export function layer<Apply extends (scope: Scope, x: Tensor, ...options: never[]) => unknown>(
  kind: string,
  apply: Apply,
): Apply {
  const watched = (scope: Scope, input: Tensor, ...options: never[]) =>
    asLayer(scope, kind, input, () => apply(scope, input, ...options));
  return watched as Apply;
}

/** The same for one call. */
export function asLayer<Result>({ watch, path }: Scope, kind: string, input: Tensor, build: () => Result): Result {
  return watch === null ? build() : watch({ path, kind, input }, build);
}

/** The same scope over other rows. @param present as `Scope.present` has it */
export function withPresent(scope: Scope, present: Tensor | null): Scope {
  return { ...scope, present, child: (name) => withPresent(scope.child(name), present) };
}

/** A named leaf that some layer asked for. */
export interface Declaration {
  readonly path: string;
  readonly type: TensorType;
  readonly initialiser: Initialiser;
  /** A parameter, or a buffer. */
  readonly trainable: boolean;
  readonly tensor: Tensor;
}

/** What a model declared while it was traced. */
export interface Declarations {
  /** By path, in the order of first mention. */
  readonly leaves: Map<string, Declaration>;
  /** New values of buffers, by path. */
  readonly updates: Map<string, Tensor>;
}

export interface ScopeOptions {
  readonly training?: boolean;
  readonly present?: Tensor | null;
  readonly random?: Tensor | null;
  /** A path above all others: `average` reads the averages of a training rather than its weights. */
  readonly root?: string;
  readonly watch?: Watch | null;
  readonly share?: Tensor | null;
  readonly past?: Past | null;
}

/** The scope of a whole model, and the record of what is asked of it. */
export function createScope(tracer: Tracer, options: ScopeOptions = {}): { scope: Scope; declarations: Declarations } {
  const {
    training = false,
    present = null,
    random = null,
    root = "",
    watch = null,
    share = null,
    past = null,
  } = options;
  const declarations: Declarations = { leaves: new Map(), updates: new Map() };

  const declare = (path: string, shape: Shape, initialiser: Initialiser, trainable: boolean): Tensor => {
    const known = declarations.leaves.get(path);
    if (known !== undefined) {
      if (sameShape(known.type.shape, shape) && known.trainable === trainable) return known.tensor;
      throw new Fault(
        "SHAPE_MISMATCH",
        `\`${path}\` is asked for as ${showShape(shape)} but is ${showShape(known.type.shape)}`,
        {
          violations: [
            {
              path,
              message: "asked for twice, differently",
              expected: showShape(known.type.shape),
              got: showShape(shape),
            },
          ],
          hint: "give the two layers scopes of their own with `scope.child(name)`",
        },
      );
    }
    const type: TensorType = { dtype: "F32", shape };
    const tensor = tracer.state(path, type);
    declarations.leaves.set(path, { path, type, initialiser, trainable, tensor });
    return tensor;
  };

  const scopeAt = (path: string): Scope => {
    const join = (name: string): string => (path === "" ? name : `${path}.${name}`);
    return {
      path,
      training,
      present,
      random,
      watch,
      share,
      past,
      child: (name) => scopeAt(join(name)),
      parameter: (name, shape, initialiser) => declare(join(name), shape, initialiser, true),
      buffer: (name, shape, initialiser) => declare(join(name), shape, initialiser, false),
      constant: (value) => tracer.constant(value),
      update: (name, value) => {
        if (training) declarations.updates.set(join(name), value);
      },
    };
  };
  return { scope: scopeAt(root), declarations };
}
