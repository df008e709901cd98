/** @file The models of this session, by id or name, with their newest published weights. */
import type { ModelRecord } from "../pipelines/index.ts";
import { Refusal } from "../protocol/errors.ts";
import { nearest } from "../protocol/suggest.ts";

export interface Model {
  readonly id: string;
  readonly name: string | null;
  readonly createdAt: string;
  record: ModelRecord;
  /** The job that trains it now. */
  trainedBy: string | null;
}

export interface Models {
  /** An id for a model to come. */
  nextId(): string;
  /**
   * @param id from `nextId`, where it was announced before.
   * @throws Refusal `ALREADY_EXISTS` when the name is taken.
   */
  add(name: string | null, record: ModelRecord, id?: string): Model;
  /** Nothing new gets an id that was given out in an earlier session, whatever became of it. */
  reserve(id: string): void;
  /** Puts back a model of an earlier session. */
  restore(model: Model): void;
  /** @throws Refusal `NOT_FOUND` */
  get(idOrName: string): Model;
  delete(model: Model): void;
  list(): readonly Model[];
  readonly count: number;
}

export function createModels(): Models {
  const byId = new Map<string, Model>();
  const byName = new Map<string, Model>();
  let newest = 0;
  const nextId = () => `m_${++newest}`;

  function put(model: Model): void {
    byId.set(model.id, model);
    if (model.name !== null) byName.set(model.name, model);
  }

  return {
    nextId,
    add(name, record, id) {
      if (name !== null && (byName.has(name) || byId.has(name))) {
        throw new Refusal("ALREADY_EXISTS", `there is a model named ${JSON.stringify(name)} already`, {
          hint: "choose another name, or delete that model first",
        });
      }
      const model = { id: id ?? nextId(), name, createdAt: new Date().toISOString(), record, trainedBy: null };
      put(model);
      return model;
    },
    reserve(id) {
      newest = Math.max(newest, Number(id.slice(2)));
    },
    restore(model) {
      this.reserve(model.id);
      put(model);
    },
    get(idOrName) {
      const model = byId.get(idOrName) ?? byName.get(idOrName);
      if (model !== undefined) return model;
      const near = nearest(idOrName, [...byName.keys(), ...byId.keys()]);
      throw new Refusal("NOT_FOUND", `there is no model ${JSON.stringify(idOrName.slice(0, 100))}`, {
        violations: [
          { path: "model", message: "unknown", expected: "a model's id or name", got: idOrName.slice(0, 100) },
        ],
        hint: near === undefined ? "`models.list` names those there are" : `did you mean \`${near}\`?`,
      });
    },
    delete(model) {
      byId.delete(model.id);
      if (model.name !== null) byName.delete(model.name);
    },
    list: () => [...byId.values()],
    get count() {
      return byId.size;
    },
  };
}
