/** @file From a data reference to a dataset: one entry for each form. */
import { basename } from "node:path";
import { Fault, sizeOf } from "../../engine/index.ts";
import { find, optionsOf, parseBy, parseConfigured, show } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { assembleDataset } from "./assemble.ts";
import { readCifar } from "./cifar.ts";
import { openCsv } from "./csv.ts";
import type { Column, Dataset } from "./dataset.ts";
import { readIdx } from "./idx.ts";
import { openJson, openNdjson } from "./json.ts";
import { readPictures } from "./pictures.ts";
import { type CellOptions, type DataReference, FORMS, type Form, type FormOptions } from "./reference.ts";
import { openRows } from "./rows.ts";
import { noBadRows, type RecordSource, readTable } from "./table.ts";
import { columnsOfTensors, readNpyPair, SAMPLE_WEIGHT, TARGET } from "./tensors.ts";
import { readText } from "./text.ts";

export interface LoadContext {
  readonly registry: Pick<Registry, "datasets">;
  /** What `data.put` has registered. */
  readonly handles: Readonly<Record<string, Dataset>>;
  /** Folders that files must be in; left out, any file will do. */
  readonly roots?: readonly string[] | undefined;
}

const LOADERS: { [F in Form]: (options: FormOptions<F>, context: LoadContext) => Promise<Dataset> } = {
  async builtin({ builtin }, context) {
    const configured = parseConfigured(context.registry.datasets, builtin, "data.builtin", "digits");
    const source = find(context.registry.datasets, configured.type, "data.builtin");
    const reference = await source.load(optionsOf(configured));
    // The dataset's author chose these files, not the host: no `roots`.
    const dataset = await loadData(reference, { registry: context.registry, handles: {} });
    return { ...dataset, name: configured.type, report: { ...dataset.report, source: "builtin" } };
  },
  async csv({ csv }, { roots }) {
    const source = await openCsv(csv, roots);
    return tableDataset("csv", basename(csv.path), source, csv, source.inferred, source.notes);
  },
  async json({ json }, { roots }) {
    return tableDataset("json", basename(json.path), await openJson(json, roots), json);
  },
  async ndjson({ ndjson }, { roots }) {
    return tableDataset("ndjson", basename(ndjson.path), await openNdjson(ndjson, roots), ndjson);
  },
  async rows({ rows, ...options }) {
    return tableDataset("rows", "rows", openRows(rows, "rows"), options);
  },
  async text({ text }, { roots }) {
    const name = text.path === undefined ? "text" : basename(text.path);
    return tensorDataset("text", name, await readText(text, roots));
  },
  async x({ x, y, sampleWeight, lengths }) {
    return tensorDataset("tensors", "tensors", columnsOfTensors(x, y, sampleWeight, lengths));
  },
  async npy({ npy }, { roots }) {
    return tensorDataset("npy", basename(npy.x), await readNpyPair(npy, roots));
  },
  async idx({ idx }, { roots }) {
    return tensorDataset("idx", basename([idx.images].flat()[0]!), await readIdx(idx, roots));
  },
  async cifar({ cifar }, { roots }) {
    return tensorDataset("cifar", cifar.variant, await readCifar(cifar, roots));
  },
  async images({ images }, { roots }) {
    const { columns, notes } = await readPictures(images, roots);
    return tensorDataset("images", basename(images.path), columns, notes);
  },
  async handle({ handle }, { handles }) {
    const dataset = Object.hasOwn(handles, handle) ? handles[handle] : undefined;
    if (dataset !== undefined) return dataset;
    throw new Fault("NOT_FOUND", `there is no dataset \`${handle}\``, {
      violations: [{ path: "data.handle", message: "unknown handle", got: handle }],
      hint: "register it with `data.put`; its answer holds the handle",
    });
  },
};

/**
 * Loads what a host refers to; wire tensors are already arrays.
 * Faults: INVALID_PARAMS for a malformed reference, NOT_FOUND, PATH_DENIED, and DATA_INVALID that names column, row,
 * expected and got.
 */
export async function loadData(reference: DataReference, context: LoadContext): Promise<Dataset> {
  const form = formOf(reference);
  const options = parseBy(FORMS[form], reference, "data");
  return (LOADERS[form] as (options: unknown, context: LoadContext) => Promise<Dataset>)(options, context);
}

function formOf(reference: unknown): Form {
  const forms = Object.keys(FORMS) as Form[];
  const form =
    typeof reference === "object" && reference !== null
      ? forms.find((key) => Object.hasOwn(reference, key))
      : undefined;
  if (form !== undefined) return form;
  throw new Fault("INVALID_PARAMS", "`data` is no data reference", {
    violations: [
      {
        path: "data",
        message: "unknown form",
        expected: `an object with one of ${forms.join(", ")}`,
        got: show(reference),
      },
    ],
    hint: 'such as {"builtin": "iris"}, {"csv": {"path": "train.csv", "target": "price"}} or {"rows": [{…}], "target": "price"}',
  });
}

function tableDataset(
  form: string,
  name: string,
  source: RecordSource,
  options: CellOptions,
  inferred: Readonly<Record<string, string | boolean>> = {},
  notes: readonly string[] = [],
): Dataset {
  const table = readTable(source, options);
  return assembleDataset({
    name,
    columns: table.columns,
    rows: table.rows,
    target: options.target,
    sampleWeight: options.sampleWeight,
    missingTarget: options.missingTarget,
    report: { source: form, inferred, badRows: table.badRows, notes: [...notes, ...table.notes] },
  });
}

function tensorDataset(form: string, name: string, columns: readonly Column[], notes: readonly string[] = []): Dataset {
  const [inputs] = columns;
  const given = (wanted: string) => (columns.some((column) => column.name === wanted) ? wanted : undefined);
  const width = sizeOf(inputs!.shape);
  return assembleDataset({
    name,
    columns,
    rows: width === 0 ? 0 : inputs!.values.length / width,
    target: given(TARGET),
    sampleWeight: given(SAMPLE_WEIGHT),
    report: { source: form, inferred: {}, badRows: noBadRows(), notes },
  });
}
