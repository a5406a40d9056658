// Prints the name of the real GPU that Dawn chooses; exit status 1 where there is none.
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
const info = adapter?.info;
const real = info && !info.isFallbackAdapter;
if (real) console.log(info.description || info.device);
// `gpu` is named here so that it outlives the adapter: Dawn crashes where it is collected first.
process.exit(gpu && real ? 0 : 1);
