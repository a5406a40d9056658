// Installs the system packages that the tests need, where they are missing (Debian, as root).
import { provide, resources } from "./resources.mjs";

const names = Object.keys(resources);
await provide(names);
process.exitCode = names.some((name) => resources[name].problem()) ? 1 : 0;
