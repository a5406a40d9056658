// npm run navi10: compiles the tool's TypeScript into a folder of this run's own, and runs it.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { run } from "../../scripts/process.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
// Below the root, so that the compiled code finds node_modules.
mkdirSync(join(root, ".cache"), { recursive: true });
const code = mkdtempSync(join(root, ".cache/navi10-"));
process.on("exit", () => rmSync(code, { recursive: true, force: true }));
const status = await run(process.execPath, [tsc, "-p", here, "--outDir", code]);
if (status !== 0) {
  console.error("The tool does not compile: the messages above say why. Is `npm ci` done?");
  process.exit(2);
}
const { main } = await import(pathToFileURL(join(code, "tools/navi10/main.js")).href);
process.exit(await main(root, process.argv.slice(2)));
