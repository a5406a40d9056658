import { RekindleError } from "../../errors.ts";
import type { Situation } from "../remedy.ts";
import type { Need, RunStep } from "../step.ts";

interface Manager {
  readonly systems: RegExp;
  readonly lock: Need;
  readonly command: (name: string) => readonly [string, ...string[]];
}

const managers: readonly Manager[] = [
  {
    systems: /^(?:debian|ubuntu|linuxmint|pop|zorin|elementary|neon|kali|devuan)$/,
    lock: { lock: "/var/lib/dpkg/lock-frontend", heldBy: "fcntl" },
    command: (name) => ["apt-get", "install", "--reinstall", "--yes", name],
  },
  {
    systems: /^(?:fedora|nobara|rhel|centos|rocky|almalinux)$/,
    lock: { lock: "/run/dnf/rpmtransaction.lock", heldBy: "fcntl" },
    command: (name) => ["dnf", "reinstall", "--assumeyes", name],
  },
  {
    systems: /^opensuse/,
    lock: { lock: "/run/zypp.pid", heldBy: "fcntl" },
    command: (name) => ["zypper", "--non-interactive", "install", "--force", name],
  },
  {
    systems: /^(?:arch|manjaro|endeavouros|cachyos)$/,
    lock: { lock: "/var/lib/pacman/db.lck", heldBy: "existence" },
    command: (name) => ["pacman", "-S", "--noconfirm", name],
  },
];

/** A step that installs a package once more, which puts its own files back. */
export function reinstallSystemPackage(
  { facts }: Situation,
  name: string,
  touches: readonly string[],
): RunStep {
  const manager = managers.find(({ systems }) => systems.test(facts.os?.id ?? ""));
  if (!manager) {
    throw new RekindleError("remedy-impossible", "this system's package manager is not known", {
      fix: `install ${name} again by hand`,
    });
  }
  const [program, ...args] = manager.command(name);
  return {
    kind: "run",
    id: `reinstall-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`,
    does: `install ${name} again`,
    command: { program, args, env: { DEBIAN_FRONTEND: "noninteractive" } },
    touches: [...touches],
    needs: [{ root: true }, manager.lock],
    irreversible:
      `What else was changed of the package ${name} is put back by it as well, and the package ` +
      "manager's records, logs and downloads tell of it.",
    network: true,
    continues: true,
    timeoutMs: 30 * 60_000,
  };
}
