/** @file All backbones, in the catalog's order. */
import type { Backbone } from "../registry/define.ts";
import { mlp } from "./mlp.ts";

export const BACKBONES: readonly Backbone[] = [mlp];
