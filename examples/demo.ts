/**
 * @file `npm run demo`: a child process learns to read handwritten digits. It trains, evaluates on digits it never saw, predicts, saves, loads
 * and exports, all over the wire; each check that fails is said, and makes the exit code 1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  decodeTensor,
  type Event,
  isTensorObject,
  type ResultOf,
  type Sidecar,
  startSidecar,
} from "../clients/typescript/index.ts";
import { type Digits, imageOf, pick, SIDE, splitDigits } from "./demo/digits.ts";
import {
  bold,
  bytes,
  createProgress,
  dim,
  draw,
  fact,
  green,
  line,
  type Progress,
  percent,
  red,
  sideBySide,
  whole,
} from "./demo/terminal.ts";

const LEAST_ACCURACY = 0.97;
const LONGEST_TRAINING_SECONDS = 10;
const LARGEST_DIFFERENCE = 1e-5;
const DIGITS_IN_A_ROW = 8;

/** What was promised and does not hold, in words. */
const broken: string[] = [];

function promise(holds: boolean, words: string): string {
  if (!holds) broken.push(words);
  return holds ? green("✓") : red("✗");
}

interface Prediction {
  readonly label: string;
  /** Of that label. */
  readonly probability: number;
}

/** The likeliest label of each row. */
async function predict(sidecar: Sidecar, model: string, { x }: Digits): Promise<Prediction[]> {
  const { outputs } = await sidecar.predict({ model, inputs: x });
  const labels = outputs.labels as string[];
  const wire = outputs.probabilities;
  if (!isTensorObject(wire)) throw new TypeError("`probabilities` is not a tensor");
  const { shape, data } = decodeTensor(wire);
  const classes = shape[1]!;
  return labels.map((label, row) => ({
    label,
    probability: Math.max(...Array.from(data.subarray(row * classes, (row + 1) * classes) as Float32Array)),
  }));
}

/** Shows each event of a training; accuracy is that on the part held out for validation, as soon as there is one. */
function createTrainingView(progress: Progress): (event: Event) => void {
  let accuracy: number | undefined;
  return (event) => {
    if (event.type !== "train.progress" && event.type !== "train.epoch") return;
    const { epoch = 0, epochs = 1, loss = 0, metrics, samplesPerSecond = 0, secondsLeft } = event.data;
    if (event.type === "train.epoch") accuracy = event.data.validation?.metrics?.accuracy;
    const fraction = event.type === "train.epoch" ? epoch / epochs : event.data.done / (event.data.total ?? 1);
    const parts = [
      `${String(epoch).padStart(String(epochs).length)}/${epochs}`,
      `loss ${loss.toFixed(3)}`,
      `accuracy ${percent(accuracy ?? metrics?.accuracy ?? 0)}`,
      `${whole(samplesPerSecond)} rows/s`,
      typeof secondsLeft === "number" ? `${secondsLeft.toFixed(1)} s left` : "",
    ];
    progress.show(fraction, parts.filter(Boolean).join("  "));
  };
}

function showDigits(title: string, digits: Digits, predictions: readonly Prediction[]): void {
  line(`\n  ${dim(title)}\n`);
  const columns = predictions.map(({ label, probability }, row) => {
    const truth = String(digits.labels[row]);
    const verdict = label === truth ? green(`${label} ✓`) : red(`${label} ✗`);
    return {
      width: SIDE,
      lines: [
        ...draw({ width: SIDE, pixels: imageOf(digits, row) }),
        `${verdict}${dim(`${Math.floor(probability * 100)}%`.padStart(SIDE - 3))}`,
        dim(`truth ${truth}`.padEnd(SIDE)),
      ],
    };
  });
  for (const text of sideBySide(columns)) line(text);
}

function showExport({ path, bytes: size, opset, verification, note }: ResultOf<"models.export">): void {
  fact("exported", `${basename(path)}, ${bytes(size)}, ONNX opset ${opset}`);
  if (verification === null || verification === undefined) {
    fact("", `not checked: ${note ?? "onnxruntime is not installed here"}`);
    return;
  }
  const { samples, maxAbsDiff } = verification;
  const mark = promise(
    maxAbsDiff <= LARGEST_DIFFERENCE,
    `onnxruntime differs by ${maxAbsDiff}, more than ${LARGEST_DIFFERENCE}`,
  );
  fact("", `${mark} onnxruntime gives the same on ${samples} rows (largest difference ${maxAbsDiff.toExponential(1)})`);
}

async function demo(sidecar: Sidecar, folder: string): Promise<void> {
  const { training, held } = splitDigits();
  const { server, capabilities } = await sidecar.runtime.initialize({
    client: { name: "demo" },
    limits: { maxLineBytes: 2 ** 26 },
  });
  fact("sidecar", `${server.name} ${server.version}, process ${sidecar.pid}, ${capabilities.threads} threads`);
  fact("onnxruntime", capabilities.onnxruntime ?? "not installed; the export will not be checked");

  const data = await sidecar.data.put({ x: training.x, y: training.y });
  fact("data", `${whole(training.count)} handwritten digits to learn from, ${whole(held.count)} held out`);

  const { model } = await sidecar.models.create({
    name: "digits",
    pipeline: "classification",
    preprocess: { default: { type: "minMax", over: "tensor" } },
    backbone: { type: "mlp", hidden: [256, 128], activation: "relu", dropout: 0.3 },
    seed: 7,
  });
  const job = await sidecar.train({
    model: model.id,
    data: { handle: data.handle },
    validation: 0.1,
    epochs: 80,
    batchSize: 64,
    optimizer: { type: "adamw", learningRate: 0.002, weightDecay: 0.01 },
    loss: { type: "crossEntropy", labelSmoothing: 0.05 },
    earlyStopping: { patience: 20 },
    seed: 7,
  });
  const progress = createProgress("training");
  const show = createTrainingView(progress);
  for await (const event of job) show(event);
  const { epochs, seconds = 0, samplesPerSecond } = await job.result();
  const inTime = promise(
    seconds < LONGEST_TRAINING_SECONDS,
    `training took ${seconds.toFixed(1)} s, not under ${LONGEST_TRAINING_SECONDS}`,
  );
  const rate = typeof samplesPerSecond === "number" ? `, ${whole(samplesPerSecond)} rows/s` : "";
  progress.end(`${inTime} ${epochs} epochs in ${seconds.toFixed(2)} s${rate}`);

  const { metrics, samples } = await sidecar.evaluate({ model: model.id, data: { x: held.x, y: held.y } });
  const accuracy = metrics.accuracy ?? Number.NaN;
  const mark = promise(accuracy >= LEAST_ACCURACY, `accuracy ${accuracy} is under ${LEAST_ACCURACY}`);
  fact("held out", `${mark} accuracy ${bold(percent(accuracy))} on ${samples} digits it never saw`);

  const predictions = await predict(sidecar, model.id, held);
  const everyFew = Array.from({ length: DIGITS_IN_A_ROW }, (_, index) =>
    Math.floor(((index + 0.5) * held.count) / DIGITS_IN_A_ROW),
  );
  const leastCertain = [...predictions.keys()]
    .sort((a, b) => predictions[a]!.probability - predictions[b]!.probability)
    .slice(0, DIGITS_IN_A_ROW);
  showDigits(
    "a few of them, with its answers",
    pick(held, everyFew),
    everyFew.map((row) => predictions[row]!),
  );
  showDigits(
    "those that it was least sure of",
    pick(held, leastCertain),
    leastCertain.map((row) => predictions[row]!),
  );
  line();

  const saved = await sidecar.models.save({ model: model.id, path: join(folder, "digits") });
  fact(
    "saved",
    `${basename(saved.path)}/ with model.json and weights.safetensors${saved.bytes === undefined ? "" : `, ${bytes(saved.bytes)}`}`,
  );
  const loaded = await sidecar.models.load({ path: saved.path, name: "digits again" });
  const again = await predict(sidecar, loaded.model.id, held);
  const same = again.every(
    ({ label, probability }, row) => label === predictions[row]!.label && probability === predictions[row]!.probability,
  );
  fact("loaded", `${promise(same, "the loaded model answers differently")} every answer the same, bit for bit`);
  showExport(await sidecar.models.export({ model: model.id, format: "onnx", path: join(folder, "digits.onnx") }));
}

line(`\n${bold("  ml-sidecar")}  ${dim("machine learning as a child process")}\n`);
const folder = mkdtempSync(join(tmpdir(), "ml-sidecar-demo-"));
const sidecar = await startSidecar();
try {
  await demo(sidecar, folder);
} finally {
  await sidecar.close();
  rmSync(folder, { recursive: true, force: true });
}
line(
  broken.length === 0
    ? `\n  ${dim("that was all of it: no Python, no GPU, one child process")}\n`
    : `\n  ${red(broken.join("\n  "))}\n`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
