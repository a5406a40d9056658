// Installs the system packages that the tests need, where they are missing (Debian, as root).
import { provideSystemPackages, resources } from "./resources.mjs";

const names = Object.keys(resources).filter((name) => resources[name].packages);
await provideSystemPackages(names);
process.exitCode = names.some((name) => resources[name].problem()) ? 1 : 0;
