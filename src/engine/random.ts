/** @file Random tensors: functions of a state that is given, and of where in the trace they are drawn. */
import type { Shape } from "./shape.ts";
import { streamsOf } from "./tensor/streams.ts";
import { apply, type Operand, type Tensor } from "./tensor.ts";

/**
 * Random tensors. `rng` is I32 [4]: seed low, seed high, step low, step high; each call draws from a stream of its own,
 * numbered in the order of the trace, so that equal seeds and steps give equal numbers.
 */
export const random = {
  /** In [0, 1). */
  uniform(rng: Tensor, shape: Shape): Tensor {
    return apply("uniform", [rng], { stream: streamsOf(rng.graph).next++, shape });
  },
  /** Mean 0, variance 1 (Box and Muller 1958); never beyond ±5.8. */
  normal(rng: Tensor, shape: Shape): Tensor {
    const radius = random.uniform(rng, shape).neg().log1p().mul(-2).sqrt();
    return radius.mul(
      random
        .uniform(rng, shape)
        .mul(2 * Math.PI)
        .cos(),
    );
  },
  /** I32 [...]: a class for each row of logits [..., classes], with the probabilities of their softmax (Gumbel's trick). */
  categorical(rng: Tensor, logits: Tensor): Tensor {
    const noise = random.uniform(rng, logits.shape).log().neg().log().neg();
    return logits.add(noise).argMax(-1);
  },
  /** BOOL: true with the given probability. */
  bernoulli(rng: Tensor, probability: Operand, shape: Shape): Tensor {
    return random.uniform(rng, shape).less(probability);
  },
};
