/** @file All heads, in the catalog's order. */
import type { Head } from "../registry/define.ts";
import { classification } from "./classification.ts";
import { multilabel } from "./multilabel.ts";
import { regression } from "./regression.ts";

export const HEADS: readonly Head[] = [classification, regression, multilabel];
