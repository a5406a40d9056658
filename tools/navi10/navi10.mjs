// npm run navi10: compiles the tool's TypeScript into the cache and runs it.
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { run } from "../../scripts/process.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const status = await run(process.execPath, [tsc, "-p", join(here, "tsconfig.json")]);
if (status !== 0) {
  console.error("The tool does not compile: the messages above say why. Is `npm ci` done?");
  process.exit(2);
}
const main = join(root, ".cache/navi10/js/tools/navi10/main.js");
const { main: navi10 } = await import(pathToFileURL(main).href);
process.exit(await navi10(root, process.argv.slice(2)));
