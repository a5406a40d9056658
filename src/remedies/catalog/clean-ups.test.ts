import { expect, test } from "vitest";
import {
  calls,
  debian,
  does,
  files,
  machineForEachTest,
  plan,
  text,
} from "../../../test/remedies/clean-up.ts";
import type { Facts } from "../../doctor/index.ts";
import { remedyNamed, viewOf } from "../index.ts";

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
