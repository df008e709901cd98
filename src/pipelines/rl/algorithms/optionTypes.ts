/** @file The kinds of numbers that options of algorithms are. */
import { z } from "zod";

export const count = (most: number) => z.int().min(1).max(most);
export const share = z.number().min(0).max(1);
export const learningRate = (by: string) => z.number().positive().max(1).describe(by);
export const gradientNorm = (usual: number | null) =>
  z.number().positive().nullable().default(usual).describe("Gradients longer than this are shortened; null: none");
