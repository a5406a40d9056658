import type { Host } from "../host/index.ts";
import type { Limits } from "./experiment.ts";

export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
}

/** Puts a program into whatever bounds this machine offers. */
export interface Confinement {
  /** "systemd scope, prlimit", for reports. */
  readonly name: string;
  wrap(command: CommandLine, limits: Limits): CommandLine;
}

type Wrapper = (limits: Limits) => readonly [string, ...string[]];

/**
 * A scope counts memory of all processes together, and they cannot leave it. Each wrapper replaces
 * itself by the program, so that process id and group stay.
 */
const scope: Wrapper = ({ memoryBytes }) => [
  "systemd-run",
  "--user",
  "--scope",
  "--quiet",
  "--collect",
  `--property=MemoryMax=${Math.round(memoryBytes)}`,
  "--property=TasksMax=4096",
  "--",
];

/** No core dumps: of a process with a mapped GPU they take gigabytes. */
const resourceLimits: Wrapper = ({ cpuSeconds }) => [
  "prlimit",
  // First SIGXCPU, which tells why; then SIGKILL.
  `--cpu=${cpuSeconds}:${cpuSeconds + 5}`,
  "--core=0",
  "--",
];

/** Finds out once what there is. */
export async function findConfinement(host: Host): Promise<Confinement> {
  const wrappers: [string, Wrapper][] = [];
  if (host.platform === "linux") {
    const limits = { timeMs: 1000, memoryBytes: 1e9, cpuSeconds: 1 };
    const works = async (wrapper: Wrapper) => {
      const [program, ...args] = wrapper(limits);
      return (await host.run(program, [...args, "true"], { env: host.env })).status === 0;
    };
    if (await works(scope)) wrappers.push(["systemd scope", scope]);
    if (await works(resourceLimits)) wrappers.push(["prlimit", resourceLimits]);
  }
  return {
    name: ["process group", "memory watch", ...wrappers.map(([name]) => name)].join(", "),
    wrap: (command, limits) =>
      wrappers.reduceRight<CommandLine>((inner, [, wrapper]) => {
        const [program, ...args] = wrapper(limits);
        return { program, args: [...args, inner.program, ...inner.args] };
      }, command),
  };
}
