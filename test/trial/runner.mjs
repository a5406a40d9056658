// A trial of fake steps, run with the built package (folder in argv[2]), which dies or meets a full
// disk at one write to its journal: {"journal", "log", "steps", "at", "how"} in argv[3].
import { pathToFileURL } from "node:url";
import { endAtWrite } from "../dying-journal.mjs";

const [, , dist, text] = process.argv;
const { journal, log, steps, at, how } = JSON.parse(text);
endAtWrite(at, how);

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
