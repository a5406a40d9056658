import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../test/command.ts";
import { treeLines } from "../../../test/remedies/sandbox.ts";
import type { Facts } from "../../doctor/index.ts";
import { type Host, machineHost, rootedHost } from "../../host/index.ts";
import { Fix, planFor, remedyNamed, viewOf } from "../index.ts";

// Clean-ups on a machine in a folder, whose system tools are scripts that write down their calls.

let folder: string;
let remove: () => Promise<void>;
let root: string;

const navi10 = { vendorId: "1002", gfx: "gfx1010", name: "Radeon RX 5600 XT" };
const debian: Facts = {
  version: 1,
  os: { platform: "linux", id: "debian" },
  gpus: [navi10],
  env: {},
};

const tools: Record<string, string> = {
  "update-initramfs": 'echo anew > "$REKINDLE_ROOT/boot/initrd.img-6.12"',
  "update-grub": 'cp "$REKINDLE_ROOT/etc/default/grub" "$REKINDLE_ROOT/boot/grub/grub.cfg"',
  "apt-get": 'echo original > "$REKINDLE_ROOT/usr/lib/libhsa-runtime64.so.1"',
  "grub-editenv": 'echo "$3" >> "$1"',
};

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  root = join(folder, "machine");
  await mkdir(root);
  await mkdir(join(folder, "fix"));
  await mkdir(join(folder, "tools"));
  for (const [name, line] of Object.entries(tools)) {
    const path = join(folder, "tools", name);
    const call = `echo "${name} $*" >> "${join(folder, "calls")}"`;
    await writeFile(path, `#!/bin/sh\n${call}\n${line}\n`);
    await chmod(path, 0o755);
  }
});
afterEach(() => remove());

async function files(contents: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}
const text = (path: string) => readFile(join(root, path), "utf8");
const calls = () => readFile(join(folder, "calls"), "utf8").catch(() => "");

function machine(boot = "first"): Host {
  const env = { PATH: `${join(folder, "tools")}:${process.env.PATH}`, HOME: "/people/alice" };
  const host = machineHost(env, folder);
  const readText = async (path: string) =>
    path === "/proc/sys/kernel/random/boot_id" ? boot : await host.readText(path);
  return { ...host, readText };
}

async function fix(host = machine()): Promise<Fix> {
  return await Fix.open({
    machine: host,
    folder: join(folder, "fix"),
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: async () => [],
    pauseMs: 1,
  });
}

async function plan(id: string, facts: Facts, options: Record<string, string> = {}) {
  const host = rootedHost(machine(), root);
  return await planFor(remedyNamed(id), { facts, host, home: "/people/alice", options });
}

/** Plans and does it; gives what takes it back and compares the whole tree. */
async function does(id: string, facts: Facts, options: Record<string, string> = {}) {
  const before = await treeLines(root);
  const planned = await plan(id, facts, options);
  const opened = await Fix.open({
    machine: machine(),
    folder: join(folder, "fix"),
    plan: planned,
    root,
    signal: new AbortController().signal,
    onEvent: () => undefined,
    prove: async () => [],
    pauseMs: 1,
  });
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
      expect(lasting(await treeLines(root))).toEqual(lasting(before));
    },
  };
}

const isPossible = (id: string, facts: Facts) =>
  remedyNamed(id).requires.map(({ when }) => when(viewOf(facts)).answer);

test("clear-overrides takes those of another generation alone", async () => {
  const setting = { line: 1, name: "HSA_OVERRIDE_GFX_VERSION" };
  const facts: Facts = {
    ...debian,
    settings: [
      { ...setting, file: "~/.bashrc", value: "10.3.0" },
      { ...setting, file: "/etc/environment", value: "10.1.0" },
    ],
  };
  await files({
    "people/alice/.bashrc": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
    "etc/environment": "HSA_OVERRIDE_GFX_VERSION=10.1.0\n",
  });
  expect(isPossible("clear-overrides", facts)).toEqual(["yes", "yes"]);
  const { planned, result, undone } = await does("clear-overrides", facts);
  expect(result.outcome).toBe("worked");
  expect(planned.steps).toHaveLength(1);
  expect(await text("people/alice/.bashrc")).not.toContain("10.3.0");
  await undone();
  const clear = { ...facts, settings: facts.settings!.slice(1) };
  expect(remedyNamed("clear-overrides").cured!(viewOf(clear)).answer).toBe("yes");
  expect(remedyNamed("clear-overrides").cured!(viewOf(facts)).answer).toBe("no");
});

test("without root, the user's own files come first", async () => {
  const setting = { line: 1, name: "HSA_OVERRIDE_GFX_VERSION", value: "10.3.0" };
  const settings = [
    { ...setting, file: "~/.bashrc" },
    { ...setting, file: "/etc/environment" },
  ];
  await files({
    "people/alice/.bashrc": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
    "etc/environment": "HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
  });
  const facts: Facts = { ...debian, settings, permissions: { isRoot: false } };
  const first = await plan("clear-overrides", facts);
  expect(first.steps).toMatchObject([{ path: "/people/alice/.bashrc" }]);
  expect(first.notes[0]).toMatch(/for \/etc\/environment: .* with sudo/);
  const { cured } = remedyNamed("clear-overrides");
  expect(cured!(viewOf(facts)).answer).toBe("no");
  const rest = { ...facts, settings: settings.slice(1) };
  expect(cured!(viewOf(rest)).answer).toBe("yes");
  const second = await plan("clear-overrides", rest);
  expect(second.steps).toMatchObject([{ path: "/etc/environment", needs: [{ root: true }] }]);
});

test("clear-preloads leaves what has nothing to do with ROCm", async () => {
  const shim = "/opt/x/libsvm_shim.so";
  const facts: Facts = {
    ...debian,
    preloads: [
      { library: shim, where: "/etc/ld.so.preload" },
      { library: "/usr/lib/libjemalloc.so", where: "/etc/ld.so.preload" },
      { library: shim, where: "~/.profile:2" },
    ],
  };
  await files({
    "etc/ld.so.preload": `# mine\n${shim} /usr/lib/libjemalloc.so\n`,
    "people/alice/.profile": `A=1\nexport LD_PRELOAD=${shim}\n`,
  });
  const { result, undone } = await does("clear-preloads", facts);
  expect(result.outcome).toBe("worked");
  expect(await text("etc/ld.so.preload")).toBe("# mine\n/usr/lib/libjemalloc.so\n");
  expect(await text("people/alice/.profile")).toMatch(/^A=1\n: #/);
  await undone();
});

test("reinstall-runtime puts packages' files back and takes foreign ones away", async () => {
  const library = { name: "libhsa-runtime64" } as const;
  const facts: Facts = {
    ...debian,
    libraries: [
      {
        ...library,
        path: "/usr/lib/libhsa-runtime64.so.1",
        owner: "hsa-rocr 1.14",
        isOwned: true,
        isModified: true,
      },
      { ...library, path: "/usr/local/lib/libhsa-runtime64.so.1", isOwned: false },
      { ...library, path: "/v/libhsa-runtime64.so", isOwned: false, environment: "/v" },
    ],
  };
  await files({
    "usr/lib/libhsa-runtime64.so.1": "patched",
    "usr/local/lib/libhsa-runtime64.so.1": "foreign",
  });
  const { planned, result, undone } = await does("reinstall-runtime", facts);
  expect(result.outcome).toBe("worked");
  expect(await text("usr/lib/libhsa-runtime64.so.1")).toBe("original\n");
  await expect(text("usr/local/lib/libhsa-runtime64.so.1")).rejects.toThrow("ENOENT");
  expect(await calls()).toBe("apt-get install --reinstall --yes hsa-rocr\n");
  expect(planned.steps).toHaveLength(2);
  await undone();
});

const grub = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet amdgpu.mtype_local=1"\n';

test("clear-parameters makes initramfs and menu anew", async () => {
  const option = { name: "mtype_local", value: "1" };
  const facts: Facts = {
    ...debian,
    amdgpu: {
      options: [
        { ...option, where: "/etc/modprobe.d/amdgpu.conf:2" },
        { ...option, where: "kernel command line" },
      ],
    },
  };
  await files({
    "etc/modprobe.d/amdgpu.conf":
      "# notes\noptions amdgpu mtype_local=1\noptions amdgpu gttsize=8192 mtype_local=1\n",
    "etc/default/grub": grub,
    "boot/grub/grub.cfg": "old menu",
    "boot/initrd.img-6.12": "old image",
    "boot/loader/entries/one.conf": "options root=/dev/sda1 amdgpu.mtype_local=1 quiet\n",
    "usr/sbin/update-grub": "",
  });
  const { result, undone } = await does("clear-parameters", facts);
  expect(result.failure).toBeUndefined();
  expect(await text("etc/modprobe.d/amdgpu.conf")).toBe("# notes\noptions amdgpu gttsize=8192\n");
  expect(await text("etc/default/grub")).toContain('LINUX_DEFAULT="quiet"');
  expect(await text("boot/loader/entries/one.conf")).toBe("options root=/dev/sda1 quiet\n");
  expect(await text("boot/initrd.img-6.12")).toBe("anew\n");
  expect(await calls()).toBe("update-initramfs -u -k all\nupdate-grub \n");
  await undone();
});

test("restore-backups shows texts as differences and copies the rest", async () => {
  await files({
    "people/alice/.bashrc": "mine, changed\n",
    "people/alice/.bashrc.bak": "mine\n",
    "etc/environment": "same\n",
    "etc/environment~": "same\n",
    "opt/rocm-6.2/lib/libhsa-runtime64.so.1": "patched\0",
    "opt/rocm-6.2/lib/libhsa-runtime64.so.1.orig": "original\0",
  });
  const { planned, result, undone } = await does("restore-backups", debian);
  expect(result.outcome).toBe("worked");
  expect(planned.steps.map(({ kind }) => kind)).toEqual(["write", "copy"]);
  expect(await text("people/alice/.bashrc")).toBe("mine\n");
  expect(await text("opt/rocm-6.2/lib/libhsa-runtime64.so.1")).toBe("original\0");
  await undone();
  await expect(plan("restore-backups", debian, { files: "/etc/passwd.bak" })).rejects.toThrow(
    "none of the backups",
  );
});

test("caches go for good, and only builds count as builds", async () => {
  await files({
    "people/alice/.cache/miopen/1/a.ukdb": "x",
    "people/alice/sources/build/CMakeCache.txt": "x",
    "people/alice/sources/main/main.c": "x",
  });
  const { planned, result } = await does("clear-caches", debian);
  expect(result.outcome).toBe("worked");
  expect(planned.steps).toMatchObject([{ kind: "remove", regenerates: true }]);
  await expect(text("people/alice/.cache/miopen/1/a.ukdb")).rejects.toThrow("ENOENT");
  const builds = (folders: string) => plan("clear-builds", debian, { folders });
  expect((await builds("~/sources/build")).steps).toHaveLength(1);
  await expect(builds("~/sources/main")).rejects.toThrow("does not look like a build");
});

describe("try-parameter", () => {
  const menu = `set default=0
menuentry 'Debian GNU/Linux' --class debian {
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/vmlinuz-6.12 root=UUID=1 ro quiet
	initrd	/initrd.img-6.12
}
if [ -f $prefix/custom.cfg ]; then source $prefix/custom.cfg; fi
`;
  const parameter = "amdgpu.cwsr_enable=0";

  beforeEach(() =>
    files({
      "boot/grub/grub.cfg": menu,
      "boot/grub/grubenv": "# GRUB Environment Block\n",
      "etc/default/grub": grub,
      "usr/sbin/update-grub": "",
      "proc/self/mounts": "/dev/nvme0n1p2 / ext4 rw 0 0\n/dev/nvme0n1p1 /boot/efi vfat rw 0 0\n",
      "proc/cmdline": "root=UUID=1 ro quiet\n",
      "sys/module/amdgpu/version": "",
      "dev/dri/renderD128": "",
    }),
  );

  test("one start with it, then the setting", async () => {
    const { result, undone } = await does("try-parameter", debian, { parameter });
    expect(result.outcome).toBe("restart");
    const entry = await text("boot/grub/custom.cfg");
    expect(entry).toMatch(/^menuentry 'rekindle: one start with .*' --id rekindle-trial \{\n/);
    expect(entry).toContain(`root=UUID=1 ro quiet ${parameter}\n`);
    expect(await text("boot/grub/grubenv")).toContain("next_entry=rekindle-trial");
    // Nothing lasting before it came up.
    expect(await text("etc/default/grub")).toBe(grub);
    const early = await fix();
    expect((await early.run()).outcome).toBe("restart");
    early.close();

    await files({ "proc/cmdline": `root=UUID=1 ro quiet ${parameter}\n` });
    const next = await fix(machine("second"));
    expect((await next.run()).outcome).toBe("worked");
    next.close();
    expect(await text("etc/default/grub")).toContain(`mtype_local=1 ${parameter}"`);
    expect(await text("boot/grub/grub.cfg")).toContain(parameter);
    await expect(text("boot/grub/custom.cfg")).rejects.toThrow("ENOENT");
    await undone();
    expect(await text("etc/default/grub")).toBe(grub);
  });

  test("a machine that did not come up with it is as it was", async () => {
    const before = await treeLines(root);
    expect((await does("try-parameter", debian, { parameter })).result.outcome).toBe("restart");
    // It hung, was switched off, and started as usual.
    const next = await fix(machine("second"));
    const result = await next.run();
    next.close();
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/cmdline does not contain/);
    expect(await treeLines(root)).toEqual(before);
  });

  test("not where GRUB cannot forget the entry", async () => {
    await files({ "proc/self/mounts": "/dev/mapper/vg-root / ext4 rw 0 0\n" });
    await expect(plan("try-parameter", debian, { parameter })).rejects.toThrow("cannot write to");
    await expect(plan("try-parameter", debian, { parameter: "a b" })).rejects.toThrow("no kernel");
  });
});
