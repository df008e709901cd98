/** @file All optimizers, in the catalog's order. */
import type { Optimizer } from "../registry/define.ts";
import { adam, adamw, nadam } from "./adam.ts";
import { adagrad, rmsprop } from "./adaptive.ts";
import { lion } from "./lion.ts";
import { sgd } from "./sgd.ts";

export const OPTIMIZERS: readonly Optimizer[] = [sgd, adam, adamw, rmsprop, adagrad, nadam, lion];
