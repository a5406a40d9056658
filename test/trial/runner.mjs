// A trial of fake steps, run with the built package (folder in argv[2]), which dies or meets a full
// disk at one write to its journal: {"journal", "log", "steps", "at", "how"} in argv[3].
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { pathToFileURL } from "node:url";

const [, , dist, text] = process.argv;
const { journal, log, steps, at, how } = JSON.parse(text);
const { writeSync, fsyncSync } = fs;
let writes = 0;
const die = () => process.kill(process.pid, "SIGKILL");

/** Journal records alone are written from memory that begins with a brace. */
fs.writeSync = (file, bytes, ...rest) => {
  if (!(bytes instanceof Uint8Array) || bytes[0] !== 123) return writeSync(file, bytes, ...rest);
  writes++;
  if (writes === at && how !== "after") {
    if (how !== "before") writeSync(file, bytes.subarray(0, bytes.length >> 1));
    if (how !== "full disk") die();
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  }
  return writeSync(file, bytes, ...rest);
};
fs.fsyncSync = (file) => {
  fsyncSync(file);
  if (writes === at && how === "after") die();
};
syncBuiltinESMExports();

const load = (path) => import(pathToFileURL(`${dist}/${path}`).href);
const { Trial } = await load("trial/index.js");
const { machineHost } = await load("host/index.js");
const confinement = { name: "none", wrap: (command) => command };
const trial = await Trial.open({ host: machineHost(), confinement, journal, order: {} });
const step = new URL("faulty-step.mjs", import.meta.url).pathname;
for (const id of steps) {
  await trial.perform(
    {
      id,
      proves: "",
      risk: "safe",
      needs: [],
      limits: { timeMs: 20_000, memoryBytes: 1e9, cpuSeconds: 60 },
      order: { fault: "none", log, name: id },
      tolerance: 1,
      switches: [],
    },
    { program: process.execPath, args: [step] },
  );
}
trial.finish();
trial.dispose();
console.log(JSON.stringify([...trial.results].map(([id, { outcome }]) => [id, outcome])));
