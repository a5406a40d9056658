// npm run demo: installs, builds, and runs the main job on whatever this machine has.
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { installNodePackages } from "./node-packages.mjs";
import { run, step } from "./process.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

/** Runs Node on a script of ours, showing the command; ends the process where it fails. */
async function node(...args) {
  console.log(`\n$ node ${args.join(" ")}`);
  const status = await run(process.execPath, args);
  if (status !== 0) {
    console.error(`\nThe demo stopped: this command ended with exit status ${status}.`);
    process.exit(status);
  }
}

const rekindle = (...args) => node("dist/cli/main.js", ...args);

/** Network and bicubic enlargement side by side; returns how near each is to the truth. */
async function compare(small, large, truth, target) {
  const { default: sharp } = await import("sharp");
  const { width, height } = await sharp(truth).metadata();
  const bicubic = await sharp(small).resize(width, height, { kernel: "cubic" }).png().toBuffer();
  const gap = 8;
  const panels = [bicubic, large, truth];
  await sharp({
    create: {
      width: panels.length * (width + gap) - gap,
      height,
      channels: 3,
      background: "white",
    },
  })
    .composite(panels.map((input, i) => ({ input, left: i * (width + gap), top: 0 })))
    .png()
    .toFile(target);
  const pixels = (image) => sharp(image).removeAlpha().toColorspace("srgb").raw().toBuffer();
  const [a, b, t] = await Promise.all(panels.map(pixels));
  return { bicubic: psnr(a, t), network: psnr(b, t) };
}

/** Peak signal-to-noise ratio of 8-bit pictures of one size, in decibels. */
function psnr(picture, truth) {
  let sum = 0;
  for (let i = 0; i < truth.length; i++) sum += (picture[i] - truth[i]) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / truth.length));
}

const installed = await installNodePackages(root);
if (installed !== true) {
  console.error(installed);
  process.exit(2);
}
await step("build", () => node("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"));

await step("what can run networks here", () => rekindle("devices"));

const shapes = "examples/shapes";
await step("a classifier", () =>
  rekindle(
    ...["run", `${shapes}/shapes.onnx`, "--image", `${shapes}/samples/star.png`],
    ...["--labels", `${shapes}/labels.txt`, "--top", "3", "--repeat", "20"],
  ),
);

const samples = "examples/upscale/samples";
mkdirSync("out", { recursive: true });
await step("a network that doubles a picture's size", async () => {
  await rekindle(
    ...["run", "examples/upscale/upscale.onnx", "--image", `${samples}/poster.png`],
    ...["--mean", "0", "--std", "1", "--save", "out/poster.2x.png"],
  );
  const target = join(root, "out/demo-upscale.png");
  const truth = `${samples}/poster.truth.png`;
  const near = await compare(`${samples}/poster.png`, "out/poster.2x.png", truth, target);
  console.log("\nPSNR (higher is nearer to the original):");
  console.log(`  bicubic ${near.bicubic.toFixed(2)} dB, the network ${near.network.toFixed(2)} dB`);
  console.log(`Side by side (bicubic, network, original): ${relative(process.cwd(), target)}`);
});
