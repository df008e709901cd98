/** @file What a result is: data, a model, a training, and the figure that has to be reached. */

/** What a model learns from, and what it is judged by. */
export interface Part {
  readonly training: object;
  readonly test: object;
}

/** One way to go about it. */
export interface Setting {
  readonly model: Readonly<Record<string, unknown>> & { readonly pipeline: string };
  readonly training: Readonly<Record<string, unknown>>;
}

export interface Task {
  readonly description: string;
  /** As evaluation names it. */
  readonly metric: "accuracy" | "r2";
  readonly atLeast: number;
  /** Where that figure comes from. */
  readonly because: string;
  /** For the training, on two cores. */
  readonly withinSeconds: number;
  /** How many trainings of each part the figure is the mean of, seeds 1, 2 and so on; 1 when left out. */
  readonly seeds?: number;
  /** Trained and judged one by one; the result is the mean. @throws where data cannot be had, with what to do */
  parts(): Part[] | Promise<Part[]>;
  /**
   * Where there are several, each part chooses one by cross-validation within the rows that it trains on: the best mean of
   * the metric counts, and among equals the first. What judges the part has no say in it.
   */
  readonly settings: readonly Setting[];
}
