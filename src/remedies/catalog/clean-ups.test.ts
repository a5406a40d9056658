import { readdir, readlink, symlink } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  at,
  calls,
  debian,
  does,
  files,
  machine,
  machineForEachTest,
  plan,
  text,
  tree,
} from "../../../test/remedies/clean-up.ts";
import type { Facts } from "../../doctor/index.ts";
import { environmentProbe } from "../../doctor/probes/environment.ts";
import { rootedHost } from "../../host/index.ts";
import { irreversible, planFor, remedyNamed, viewOf } from "../index.ts";

machineForEachTest();

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
    // It then says whether the profile is still a script.
    "bin/bash": "",
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

test("a profile that would be no script any more stays as it was", async () => {
  const broken = "export HSA_OVERRIDE_GFX_VERSION=10.3.0\nif true\n";
  await files({ "people/alice/.bashrc": broken, "bin/bash": "" });
  const setting = { file: "~/.bashrc", line: 1, name: "HSA_OVERRIDE_GFX_VERSION", value: "10.3.0" };
  const { result } = await does("clear-overrides", { ...debian, settings: [setting] });
  expect(result.outcome).toBe("rolled-back");
  expect(result.failure?.why).toMatch(/bash -n .* ended with status 2/);
  expect(await text("people/alice/.bashrc")).toBe(broken);
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

test("clear-preloads keeps what a value says of others, in starters too", async () => {
  const shim = "/opt/x/libsvm_shim.so";
  const given = `$\{LD_PRELOAD:+:$LD_PRELOAD}`;
  await files({
    "people/alice/.zshrc": `export LD_PRELOAD="${shim}${given}"\n`,
    "people/alice/.local/share/applications/comfy.desktop": `Exec=env LD_PRELOAD=${shim} comfy\n`,
    "people/alice/miniforge3/conda-meta/history": "",
    "people/alice/miniforge3/envs/sd/etc/conda/activate.d/rocm.sh": `LD_PRELOAD=${shim}:/a.so\n`,
    "etc/systemd/system/comfy.service": `[Service]\nEnvironmentFile=-/etc/default/comfy\n`,
    "etc/default/comfy": `LD_PRELOAD=${shim}\n`,
  });
  const host = rootedHost(machine(), at("/"));
  const system = async () => ({ ...(await host.system()), home: "/people/alice" });
  const learned = await environmentProbe.learn({ ...host, system }, {});
  const { result, undone } = await does("clear-preloads", { ...debian, ...learned });
  expect(result.failure).toBeUndefined();
  expect(await text("people/alice/.zshrc")).toBe(`export LD_PRELOAD="${given}"\n`);
  const starter = "people/alice/.local/share/applications/comfy.desktop";
  expect(await text(starter)).toBe("Exec=env comfy\n");
  expect(await text("people/alice/miniforge3/envs/sd/etc/conda/activate.d/rocm.sh")).toBe(
    "LD_PRELOAD=/a.so\n",
  );
  expect(await text("etc/default/comfy")).toBe("");
  await undone();
});

test("a service that is changed has to be told", async () => {
  const unit = `[Service]\nEnvironment=HSA_OVERRIDE_GFX_VERSION=10.3.0\n`;
  await files({
    "etc/systemd/system/comfy.service": unit,
    "people/alice/.config/systemd/user/ollama.service.d/gpu.conf": unit,
  });
  const setting = { line: 2, name: "HSA_OVERRIDE_GFX_VERSION", value: "10.3.0" };
  const settings = [
    { ...setting, file: "/etc/systemd/system/comfy.service" },
    { ...setting, file: "~/.config/systemd/user/ollama.service.d/gpu.conf" },
    // Taken back for what follows, by the user.
    { ...setting, file: "~/.bashrc", value: "" },
  ];
  const { planned, undone } = await does("clear-overrides", { ...debian, settings });
  expect(planned.steps).toHaveLength(2);
  expect(await text("etc/systemd/system/comfy.service")).toBe("[Service]\n");
  expect(planned.notes.slice(0, 2)).toEqual([
    expect.stringMatching(/^comfy.service .* sudo systemctl restart comfy.service;/),
    expect.stringMatching(/^ollama.service .* systemctl --user daemon-reload/),
  ]);
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
    "etc/ld.so.cache": "both",
  });
  await symlink("libhsa-runtime64.so.1", at("usr/local/lib/libhsa-runtime64.so"));
  const { result, undone } = await does("reinstall-runtime", facts);
  expect(result.outcome).toBe("worked");
  expect(await text("usr/lib/libhsa-runtime64.so.1")).toBe("original\n");
  expect(await readdir(at("usr/local/lib"))).toEqual([]);
  expect(await text("etc/ld.so.cache")).toBe("anew\n");
  expect(await calls()).toBe("ldconfig -r /\napt-get install --reinstall --yes hsa-rocr\n");
  await undone();
});

test("reinstall-runtime asks openSUSE's package manager", async () => {
  const path = "/usr/lib64/libhsa-runtime64.so.1";
  const library = { name: "libhsa-runtime64", path, isOwned: true, isModified: true } as const;
  const os = { platform: "linux", id: "opensuse-tumbleweed" };
  const facts: Facts = { ...debian, os, libraries: [{ ...library, owner: "libhsa-runtime64-1" }] };
  await files({ "usr/lib64/libhsa-runtime64.so.1": "patched" });
  const { planned, undone } = await does("reinstall-runtime", facts);
  expect(await calls()).toBe("zypper --non-interactive install --force libhsa-runtime64-1\n");
  // Said before anything happens.
  expect(irreversible(planned)[0]).toMatch(/changed of the package libhsa-runtime64-1 is put back/);
  await undone();
});

test("a ROCm that was compiled into a folder of its own is no patch", () => {
  const folder = "/opt/rocm_sdk_612/lib";
  const own = { name: "libhsa-runtime64", path: `${folder}/libhsa-runtime64.so.1` } as const;
  const libraries = (...more: NonNullable<Facts["libraries"]>): Facts => ({
    ...debian,
    libraries: [{ ...own, isOwned: false }, ...more],
  });
  expect(isPossible("reinstall-runtime", libraries())).toEqual(["yes", "no"]);
  const neighbour = { name: "libamdhip64", path: `${folder}/libamdhip64.so.6` } as const;
  const among = libraries({ ...neighbour, isOwned: true, isModified: false });
  expect(isPossible("reinstall-runtime", among)).toEqual(["yes", "yes"]);
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

test("restore-backups leaves what only the user can decide", async () => {
  await files({
    "people/alice/.bashrc": "now\n",
    "people/alice/.bashrc.bak": "older\n",
    "people/alice/.bashrc.orig": "oldest\n",
    "people/alice/.profile": "kept\n",
    "people/alice/.profile.bak": "nobody may read it\n",
    "usr/lib/libhsa-runtime64.so.1": "original\0",
    // What the doctor told to move away.
    "usr/lib/libhsa-runtime64.so.1.foreign": "patched\0",
  });
  const host = rootedHost(machine(), at("/"));
  const status = async (path: string) => {
    const found = await host.status(path);
    return path.endsWith(".profile.bak") && found ? { ...found, canRead: false } : found;
  };
  const input = { facts: debian, host: { ...host, status }, home: "/people/alice", options: {} };
  const none = await planFor(remedyNamed("restore-backups"), input);
  expect(none.steps).toEqual([]);
  expect(none.notes.join("\n")).toMatch(/several backups, none of which .*bashrc\.orig/);
  expect(none.notes.join("\n")).toMatch(/\.profile\.bak may not be read: use sudo/);
  const one = await plan("restore-backups", debian, { files: "/people/alice/.bashrc.orig" });
  expect(one.steps).toMatchObject([{ kind: "write", content: "oldest\n" }]);
  const both = "/people/alice/.bashrc.bak,/people/alice/.bashrc.orig";
  await expect(plan("restore-backups", debian, { files: both })).rejects.toThrow("all backups of");
});

test("restore-backups makes anew what is made from a file, and leaves links", async () => {
  await files({
    "etc/default/grub": 'GRUB_CMDLINE_LINUX="amdgpu.mtype_local=1"\n',
    "etc/default/grub.bak": 'GRUB_CMDLINE_LINUX=""\n',
    "etc/modprobe.d/amdgpu.conf": "options amdgpu mtype_local=1\n",
    "etc/modprobe.d/amdgpu.conf.bak": "",
    "boot/grub/grub.cfg": "old menu",
    "boot/initrd.img-6.12": "old image",
    "usr/sbin/update-initramfs": "",
    "usr/sbin/update-grub": "",
    "usr/lib/libamdhip64.so.6.1": "patched\0",
    "usr/lib/libamdhip64.so.6.bak": "original\0",
  });
  await symlink("libamdhip64.so.6.1", at("usr/lib/libamdhip64.so.6"));
  const { result, undone } = await does("restore-backups", debian);
  expect(result.failure).toBeUndefined();
  expect(await text("boot/grub/grub.cfg")).toBe('GRUB_CMDLINE_LINUX=""\n');
  expect(await text("etc/modprobe.d/amdgpu.conf")).toBe("");
  expect(await text("boot/initrd.img-6.12")).toBe("anew\n");
  expect(await text("usr/lib/libamdhip64.so.6.1")).toBe("original\0");
  expect(await readlink(at("usr/lib/libamdhip64.so.6"))).toBe("libamdhip64.so.6.1");
  await undone();
});

test("caches go for good, and only builds count as builds", async () => {
  await files({
    "people/alice/.cache/miopen/1/a.ukdb": "x",
    "people/alice/.triton/cache/a.hsaco": "x",
    "tmp/torchinductor_alice/triton/0/a.hsaco": "x",
    "tmp/torchinductor_bob/triton/0/a.hsaco": "x",
    "people/alice/pytorch/build/CMakeCache.txt": "x",
    "people/alice/src/rocm_sdk_builder/builddir/001_core/CMakeCache.txt": "x",
    "people/alice/torch-photos/build/1.jpg": "x",
    "people/alice/game/build/CMakeCache.txt": "x",
    "people/alice/vision/build/temp.linux-x86_64-cpython-312/a.o": "x",
  });
  const facts = { ...debian, env: { TRITON_CACHE_DIR: "/data/triton" } };
  const { planned, result } = await does("clear-caches", facts);
  expect(result.outcome).toBe("worked");
  expect(planned.steps).toHaveLength(3);
  expect(irreversible(planned)[0]).toMatch(/miopen is removed for good/);
  expect(planned.notes).toEqual([expect.stringMatching(/^TRITON_CACHE_DIR is \/data\/triton/)]);
  expect((await tree()).filter((line) => /hsaco|ukdb/.test(line))).toEqual([
    expect.stringContaining("torchinductor_bob"),
  ]);
  const builds = async (folders = "") =>
    (await plan("clear-builds", debian, { folders })).steps.map(
      (step) => "path" in step && step.path,
    );
  expect(await builds("~/game/build")).toEqual(["/people/alice/game/build"]);
  expect(await builds()).toEqual([
    "/people/alice/pytorch/build",
    "/people/alice/vision/build",
    "/people/alice/src/rocm_sdk_builder/builddir",
  ]);
  for (const none of ["~/torch-photos/build", "~", "/"]) {
    await expect(builds(none)).rejects.toThrow("does not look like a build");
  }
});
