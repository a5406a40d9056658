// Makes the engine that the Python package carries: one file with everything but Dawn, which lies
// beside it for the platforms asked for.
//
//   node scripts/bundle-engine.mjs [--out FOLDER] [--platform linux-x64,win32-x64|all|none]
//
// Left out, FOLDER is python/rekindle_torch/engine and the platform is this machine's.
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dawn = join(root, "node_modules/webgpu");

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "python/rekindle_torch/engine") },
    platform: { type: "string", default: `${process.platform}-${process.arch}` },
  },
});

/** The names of Dawn's folders: macOS has one for both of its processors. */
function platforms() {
  const known = readdirSync(join(dawn, "dist"));
  if (values.platform === "all") return known;
  const chosen = values.platform === "none" ? [] : values.platform.split(",");
  const folders = chosen.map((name) => (name.startsWith("darwin") ? "darwin-universal" : name));
  const unknown = folders.find((name) => !known.includes(name));
  if (unknown === undefined) return folders;
  console.error(`There is no Dawn for ${unknown}. Platforms: ${known.join(", ")}, all, none`);
  return process.exit(2);
}

const entry = "rekindle-engine";
const program = `
import { endWithParent, serveBridge } from ${JSON.stringify(join(root, "src/bridge/index.ts"))};
endWithParent();
await serveBridge({ input: process.stdin, output: process.stdout });
process.exit(0);
`;

async function bundle(folder) {
  const made = await rolldown({
    input: entry,
    platform: "node",
    external: ["webgpu", "onnxruntime-node"],
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
  });
  const file = join(folder, "rekindle.mjs");
  await made.write({ file, format: "esm", minify: false, codeSplitting: false });
  return file;
}

function copyDawn(folder) {
  const target = join(folder, "node_modules/webgpu");
  for (const name of ["index.js", "package.json", "LICENSE.md"]) {
    cpSync(join(dawn, name), join(target, name));
  }
  for (const name of platforms()) {
    cpSync(join(dawn, "dist", name), join(target, "dist", name), { recursive: true });
  }
}

const isWithDawn = platforms().length > 0;
rmSync(values.out, { recursive: true, force: true });
mkdirSync(values.out, { recursive: true });
const file = await bundle(values.out);
if (isWithDawn) copyDawn(values.out);
console.log(`${file}, with Dawn for ${platforms().join(", ") || "no platform"}`);
