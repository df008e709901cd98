/** @file Actions that an environment inside is given, checked before anything moves. */
import { Fault } from "../../engine/index.ts";
import { choicesOf, type Space, spaceSize } from "./spaces.ts";

type ActionCheck = (actions: Float32Array | Int32Array) => void;

/**
 * Sees that all actions lie in the space before anything moves.
 * @param ended marks copies whose episode is over.
 * @param seeded of copies that reset themselves, marks those that ever began: their actions are not read. Null when none does.
 */
export function actionCheck(space: Space, ended: Uint8Array, seeded: Uint8Array | null): ActionCheck {
  const count = ended.length;
  const size = spaceSize(space);
  const choices = choicesOf(space);
  const start = space.type === "discrete" ? (space.start ?? 0) : 0;
  // A box is not held to its bounds: Gymnasium's worlds clip for themselves, and mean what lies outside.
  const fits = (action: number, place: number): boolean =>
    choices === null
      ? Number.isFinite(action)
      : Number.isInteger(action) && action >= start && action < start + choices[place]!;
  return (actions) => {
    if (actions.length !== count * size) {
      throw new Fault("SHAPE_MISMATCH", `${actions.length} numbers are no actions for ${count} copies`, {
        violations: [
          {
            path: "actions",
            message: "wrong length",
            expected: `[${count}, ${size}]`,
            got: `${actions.length} numbers`,
          },
        ],
        hint: "send one action for each copy",
      });
    }
    for (let copy = 0; copy < count; copy++) {
      if (ended[copy] === 1) {
        if (seeded?.[copy] === 1) continue;
        throw new Fault("INVALID_STATE", `the episode of environment ${copy} has ended`, {
          violations: [
            { path: `actions[${copy}]`, message: "a step after the end", expected: "a reset", got: "a step" },
          ],
          hint: "reset the environments whose episodes have ended, and all of them before the first step",
        });
      }
      for (let place = 0; place < size; place++) {
        const action = actions[copy * size + place]!;
        if (fits(action, place)) continue;
        throw new Fault("INVALID_PARAMS", `environment ${copy} has no action ${action}`, {
          violations: [
            {
              path: size === 1 ? `actions[${copy}]` : `actions[${copy}][${place}]`,
              message: "outside the action space",
              expected: choices === null ? "a finite number" : `${start} to ${start + choices[place]! - 1}`,
              got: String(action),
            },
          ],
          hint: "`actionSpace` says what can be done",
        });
      }
    }
  };
}
