/** @file All losses, in the catalog's order. */
import type { Loss } from "../registry/define.ts";
import { binaryCrossEntropy, crossEntropy } from "./classification.ts";
import { ntXent, supervisedContrastive } from "./contrastive.ts";
import { gaussianNll, huber, meanAbsoluteError, meanSquaredError, quantile } from "./regression.ts";
import { weightedSum } from "./tasks.ts";

export const LOSSES: readonly Loss[] = [
  crossEntropy,
  binaryCrossEntropy,
  meanSquaredError,
  meanAbsoluteError,
  huber,
  quantile,
  gaussianNll,
  ntXent,
  supervisedContrastive,
  weightedSum,
];
