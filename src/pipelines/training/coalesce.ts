/** @file Epochs that take less time than telling of them: the newest stands for those before it. */
import type { TrainingEvent } from "./training.ts";

/** At most twenty a second. */
const BETWEEN_EPOCHS = 50;

/**
 * Passes events on. Of epochs that end within 50 ms of one that was told the newest waits, and says in `skipped` how many it
 * stands for; the first is told at once, and so is the last of the training. Everything else keeps its place.
 * @returns `emit`, and `flush` to call when the training is over, whichever way.
 */
export function coalesceEpochs(
  emit: (event: TrainingEvent) => void,
  now: () => number = () => performance.now(),
): { emit(event: TrainingEvent): void; flush(): void } {
  let toldAt = Number.NEGATIVE_INFINITY;
  let skipped = 0;
  let waiting: Extract<TrainingEvent, { type: "train.epoch" }> | null = null;
  const flush = (): void => {
    if (waiting === null) return;
    emit(skipped === 0 ? waiting : { ...waiting, data: { ...waiting.data, skipped } });
    [waiting, skipped, toldAt] = [null, 0, now()];
  };
  return {
    flush,
    emit(event) {
      if (event.type !== "train.epoch") {
        if (event.type !== "train.progress" || now() - toldAt >= BETWEEN_EPOCHS) flush();
        if (waiting === null) emit(event);
        return;
      }
      if (waiting !== null) skipped++;
      waiting = event;
      if (event.data.epoch === event.data.epochs || now() - toldAt >= BETWEEN_EPOCHS) flush();
    },
  };
}
