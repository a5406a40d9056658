import { RekindleError } from "../../errors.ts";
import type { Situation } from "../remedy.ts";
import type { Need, RunStep, Step } from "../step.ts";

/** Package managers, by the systems that have them. */
const managers = {
  apt: ["debian", "ubuntu", "linuxmint", "pop"],
  pacman: ["arch", "manjaro", "endeavouros", "cachyos"],
  dnf: ["fedora"],
} as const;
type Manager = keyof typeof managers;

/** The package manager of a distribution, by its ID of os-release. */
export const managerOf = (id: string | undefined): Manager | undefined =>
  (Object.keys(managers) as Manager[]).find((name) =>
    (managers[name] as readonly string[]).includes(id ?? ""),
  );

/** How each package manager installs, what it would add, and how that is taken back. */
const commands: Record<
  Manager,
  {
    readonly lock: Need;
    readonly install: (names: readonly string[]) => readonly string[];
    readonly simulate: (names: readonly string[]) => readonly string[];
    /** New packages in the output of `simulate`. */
    readonly added: RegExp;
    readonly remove: (names: readonly string[]) => readonly string[];
  }
> = {
  apt: {
    lock: { lock: "/var/lib/dpkg/lock-frontend", heldBy: "fcntl" },
    install: (names) => ["apt-get", "install", "--yes", "--no-install-recommends", ...names],
    simulate: (names) => ["apt-get", "install", "--simulate", "--no-install-recommends", ...names],
    // "Inst libhip (5.7 Debian:13/stable [amd64])"; an upgrade has the old version before that.
    added: /^Inst (\S+) \(/gm,
    remove: (names) => ["apt-get", "purge", "--yes", ...names],
  },
  pacman: {
    lock: { lock: "/var/lib/pacman/db.lck", heldBy: "existence" },
    install: (names) => ["pacman", "-S", "--needed", "--noconfirm", ...names],
    simulate: (names) => ["pacman", "-Sp", "--needed", "--print-format", "%n", ...names],
    added: /^(\S+)$/gm,
    remove: (names) => ["pacman", "-R", "--noconfirm", ...names],
  },
  dnf: {
    lock: { lock: "/run/dnf/rpmtransaction.lock", heldBy: "fcntl" },
    install: (names) => ["dnf", "install", "--assumeyes", ...names],
    simulate: (names) => ["rpm", "-q", ...names],
    added: /^package (\S+) is not installed$/gm,
    // It takes along what nothing else needs.
    remove: (names) => ["dnf", "remove", "--assumeyes", ...names],
  },
};

/**
 * A step that installs packages of the distribution; none where all are there. What is undone is
 * what the package manager says it would add.
 */
export async function installSystemPackages(
  { facts, host }: Situation,
  id: string,
  names: Readonly<Partial<Record<Manager, readonly string[]>>>,
): Promise<Step[]> {
  const manager = managerOf(facts.os?.id);
  const wanted = manager && names[manager];
  if (!wanted) {
    throw new RekindleError("remedy-impossible", "this distribution's package manager is unknown", {
      fix: `install by hand: ${Object.values(names).flat().join(", ")}`,
    });
  }
  const { lock, install, simulate, added, remove } = commands[manager];
  const command = ([program, ...args]: readonly string[]) => ({
    program: program!,
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  const [program, ...args] = simulate(wanted);
  const { status, out, err } = await host.run(program!, args, { timeoutMs: 60_000 });
  // rpm's status tells how many are not installed.
  if (status === null || (status !== 0 && program !== "rpm")) {
    const last = err.trim().split("\n").at(-1) || `it ended with ${status ?? "no status"}`;
    throw new RekindleError("remedy-impossible", `${program} cannot say what is new: ${last}`, {
      fix: `see whether it knows the packages: ${[program, ...args].join(" ")}`,
    });
  }
  const fresh = [...out.matchAll(added)].map((match) => match[1]!);
  if (fresh.length === 0) return [];
  const step: RunStep = {
    kind: "run",
    id,
    does: `install ${wanted.join(", ")}`,
    command: command(install(wanted)),
    undo: [command(remove(fresh))],
    needs: [{ root: true }, lock],
    irreversible:
      "Packages that are upgraded on the way stay upgraded; the package manager's logs and lists " +
      "tell of it.",
    network: true,
    continues: true,
    timeoutMs: 2 * 3600_000,
  };
  return [step];
}
