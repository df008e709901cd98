/** @file Methods that register data under a handle, and describe it. */
import { z } from "zod";
import { dataDescription, dataForms, withOneForm } from "../schemas/data.ts";
import { handle } from "../schemas/primitives.ts";
import { type Method, params } from "./define.ts";

export const dataMethods = {
  "data.put": {
    summary: "Read data once, and keep it under a handle. Takes what a data reference takes.",
    errors: ["NOT_FOUND", "PATH_DENIED", "DATA_INVALID", "OUT_OF_MEMORY"],
    params: withOneForm(params(dataForms)),
    result: z.looseObject({ handle, description: dataDescription }),
    example: {
      params: { csv: { path: "wine.csv", target: "cultivar" } },
      result: {
        handle: "d_1",
        description: {
          name: "wine.csv",
          rows: 178,
          columns: [{ name: "alcohol", kind: "number", missing: 0, min: 11.03, max: 14.83, mean: 13.0, std: 0.81 }],
          target: "cultivar",
          hash: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        },
      },
    },
  },

  "data.describe": {
    summary: "Types, counts, ranges, classes and problems of data. Takes what a data reference takes.",
    errors: ["NOT_FOUND", "PATH_DENIED", "DATA_INVALID"],
    params: withOneForm(params(dataForms)),
    result: z.looseObject({ description: dataDescription }),
  },

  "data.delete": {
    summary: "Forget data. Trainings that use it go on.",
    errors: ["NOT_FOUND"],
    params: params({ handle }),
    result: z.looseObject({ deleted: z.string().describe("the handle that was") }),
  },
} as const satisfies Record<string, Method>;
