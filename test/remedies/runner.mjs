// Carries a plan out with the built package (folder in argv[2]), and dies or meets a full disk at
// one write to its journal: {"folder", "root", "plan", "at", "how", "undo"} in argv[3].
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { pathToFileURL } from "node:url";

const [, , dist, text] = process.argv;
const { folder, root, plan, at, how, undo } = JSON.parse(text);
const { writeSync, fsyncSync } = fs;
let writes = 0;
const die = () => process.kill(process.pid, "SIGKILL");

/** Journal records alone are written from memory that begins with a brace. */
fs.writeSync = (file, bytes, ...rest) => {
  if (!(bytes instanceof Uint8Array) || bytes[0] !== 123) return writeSync(file, bytes, ...rest);
  writes++;
  if (writes === at && how !== "after") {
    writeSync(file, bytes.subarray(0, bytes.length >> 1));
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
const { Fix } = await load("remedies/index.js");
const { machineHost } = await load("host/index.js");
const fix = await Fix.open({
  machine: machineHost({ PATH: process.env.PATH, HOME: "/people/alice" }),
  folder,
  root,
  plan,
  signal: new AbortController().signal,
  onEvent: ({ progress }) => progress?.line && console.error(progress.line),
  prove: async () => [],
  pauseMs: 1,
});
const result = undo ? await fix.undo() : await fix.run();
fix.close();
console.log(JSON.stringify({ ...result, writes }));
