import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import type { Facts } from "../../src/doctor/index.ts";
import { type Host, machineHost, rootedHost } from "../../src/host/index.ts";
import { Fix, type Plan, planFor, remedyNamed } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { treeLines } from "./sandbox.ts";

/*
 * A machine in a folder, for clean-ups: its system tools are scripts that write down their calls.
 */

let folder: string;
let remove: () => Promise<void>;
let root: string;

const navi10 = { vendorId: "1002", gfx: "gfx1010", name: "Radeon RX 5600 XT" };
/** Debian with an RX 5600 XT. */
export const debian: Facts = {
  version: 1,
  os: { platform: "linux", id: "debian" },
  gpus: [navi10],
  env: {},
};

const tools: Record<string, string> = {
  "update-initramfs":
    'for i in "$REKINDLE_ROOT"/boot/initrd.img-* "$REKINDLE_ROOT"/var/lib/initramfs-tools/*; do\n' +
    '[ -f "$i" ] && echo anew > "$i"; done; true',
  mkinitcpio:
    'for i in "$REKINDLE_ROOT"/boot/initramfs-* "$REKINDLE_ROOT"/efi/EFI/Linux/*; do\n' +
    '[ -f "$i" ] && echo anew > "$i"; done; true',
  dracut: 'for i in "$REKINDLE_ROOT"/boot/initramfs-*; do echo anew > "$i"; done',
  "update-grub": 'cp "$REKINDLE_ROOT/etc/default/grub" "$REKINDLE_ROOT/boot/grub/grub.cfg"',
  "grub2-mkconfig": 'echo anew > "$2"; echo anew > "$REKINDLE_ROOT/boot/grub2/grubenv"',
  "apt-get": 'echo original > "$REKINDLE_ROOT/usr/lib/libhsa-runtime64.so.1"',
  zypper: 'echo original > "$REKINDLE_ROOT/usr/lib64/libhsa-runtime64.so.1"',
  ldconfig: 'echo anew > "$2/etc/ld.so.cache"',
  "grub-editenv": 'echo "$3" >> "$1"',
};

/** Gives each test of a file a new machine. */
export function machineForEachTest(): void {
  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
    root = join(folder, "machine");
    await mkdir(root);
    await mkdir(join(folder, "fix"));
    await mkdir(join(folder, "tools"));
    for (const [name, line] of Object.entries(tools)) await tool(name, line);
  });
  afterEach(() => remove());
}

/** Makes a tool of the system, or makes it another. */
export async function tool(name: string, line: string): Promise<void> {
  const path = join(folder, "tools", name);
  const call = `echo "${name} $*" | sed "s,${root},," >> "${join(folder, "calls")}"`;
  await writeFile(path, `#!/bin/sh\n${call}\n${line}\n`);
  await chmod(path, 0o755);
}

/** Files of the machine, by their paths without the first slash. */
export async function files(contents: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}
/** Where a file of the machine lies. */
export const at = (path: string) => join(root, path);
export const text = (path: string) => readFile(at(path), "utf8");
/** What the system's tools were called with. */
export const calls = () => readFile(join(folder, "calls"), "utf8").catch(() => "");
export const tree = () => treeLines(root);

/** The machine after a start: only another name of that start tells that it is a new one. */
export function machine(boot = "first"): Host {
  const env = { PATH: `${join(folder, "tools")}:${process.env.PATH}`, HOME: "/people/alice" };
  const host = machineHost(env, folder);
  const readText = async (path: string) =>
    path === "/proc/sys/kernel/random/boot_id" ? boot : await host.readText(path);
  return { ...host, readText };
}

/** Opens the fix that is there, or begins one. */
export async function fix(host = machine(), plan?: Plan): Promise<Fix> {
  return await Fix.open({
    machine: host,
    folder: join(folder, "fix"),
    ...(plan && { plan, root }),
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: async () => [],
    pauseMs: 1,
  });
}

export async function plan(id: string, facts: Facts, options: Record<string, string> = {}) {
  const host = rootedHost(machine(), root);
  return await planFor(remedyNamed(id), { facts, host, home: "/people/alice", options });
}

/** Plans and does it; gives what takes it back and compares the whole tree. */
export async function does(id: string, facts: Facts, options: Record<string, string> = {}) {
  const before = await tree();
  const planned = await plan(id, facts, options);
  const opened = await fix(machine(), planned);
  const result = await opened.run();
  opened.close();
  return {
    planned,
    result,
    async undone() {
      const again = await fix();
      expect((await again.undo()).outcome).toBe("undone");
      again.close();
      // The kernel's own files change with every start.
      const lasting = (lines: string[]) => lines.filter((line) => !line.startsWith("proc"));
      expect(lasting(await tree())).toEqual(lasting(before));
    },
  };
}
