// Carries a plan out with the built package (folder in argv[2]), and dies or meets a full disk at
// one write to its journal: {"folder", "root", "plan", "at", "how", "undo"} in argv[3].
import { pathToFileURL } from "node:url";
import { endAtWrite } from "../dying-journal.mjs";

const [, , dist, text] = process.argv;
const { folder, root, plan, at, how, undo } = JSON.parse(text);
const writes = endAtWrite(at, how);

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
console.log(JSON.stringify({ ...result, writes: writes() }));
