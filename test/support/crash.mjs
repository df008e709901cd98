/** A plugin whose backbones end or block the thread that builds them, each in its own way. */
import { defineBackbone, definePlugin, z } from "ml-sidecar/plugin";

const WAYS = {
  exit: () => process.exit(9),
  memory() {
    const kept = [];
    for (;;) kept.push(new Array(1e6).fill(kept.length + 0.5));
  },
  async rejection() {
    throw new Error("rejected on purpose");
  },
  later: () =>
    setImmediate(() => {
      throw new Error("thrown later, on purpose");
    }),
  forever() {
    for (;;);
  },
  throw() {
    throw new TypeError("thrown on purpose");
  },
};

const backbones = Object.entries(WAYS).map(([type, end]) =>
  defineBackbone({
    type,
    description: "Ends or blocks its thread",
    options: z.object({}),
    build(_scope, x) {
      end();
      return x;
    },
  }),
);

export default definePlugin({ name: "crash", version: "1.0.0", backbones });
