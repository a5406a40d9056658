import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { inspectAll, summarize } from "../../src/inspect/index.ts";
import { container } from "../../src/remedies/catalog/container.ts";
import type { Plan } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import { carryOut, factsWith, type Place, placeIn, planIn, takeBack } from "./carry-out.ts";
import { type Loopback, makeWheels, serveLoopback } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";

// Container files: checked as data, and built by buildah where it is installed, without rights that
// a container engine would need, on a base image made from this machine's own Python.

const stacks = ["amd-wheels", "engine", "community", "rocm52"];
const permissions = {
  kfd: { path: "/dev/kfd", group: "44" },
  renderNodes: [{ path: "/dev/dri/renderD128", group: "105" }],
};

let folder: string;
let remove: () => Promise<void>;
let place: Place;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  place = placeIn(folder);
});
afterEach(() => remove());

const planned = (options: Readonly<Record<string, string>>): Promise<Plan> =>
  planIn(place, container, { folder: "~/image", ...options }, factsWith({ permissions }));

function fileOf(plan: Plan, name: string): string {
  const step = plan.steps.find((one) => one.kind === "write" && one.path.endsWith(`/${name}`));
  if (step?.kind !== "write") throw new Error(`${name} is not written`);
  return step.content;
}

/** Instructions of a Dockerfile, with lines that go on joined. */
const instructions = (text: string) =>
  text
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => /^([A-Z]+) +(.*)$/.exec(line)?.slice(1) as [string, string]);

const hasYaml = spawnSync("python3", ["-c", "import yaml"]).status === 0;
const yamlToJson = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";

describe.each(stacks)("the stack %s", (stack) => {
  test("has a Dockerfile that says what it is built on and how its health is checked", async () => {
    const plan = await planned({ stack, engine: "docker" });
    const lines = instructions(fileOf(plan, "Dockerfile"));
    const names = lines.map(([name]) => name);
    expect(names[0]).toBe("FROM");
    expect(lines[0]![1]).toMatch(/^(docker\.io|localhost)\/\S+$/);
    for (const name of names) {
      expect(["FROM", "RUN", "COPY", "ENV", "WORKDIR", "HEALTHCHECK"]).toContain(name);
    }
    const check = lines.find(([name]) => name === "HEALTHCHECK")![1];
    expect(JSON.parse(/CMD (.*)$/.exec(check)![1]!)).toEqual(expect.arrayContaining([]));
    for (const [name, rest] of lines) {
      if (name === "RUN" && /pip install/.test(rest)) expect(rest).toMatch(/--no-cache-dir/);
      if (name === "RUN" && /apt-get install/.test(rest)) {
        expect(rest).toMatch(/--no-install-recommends/);
        expect(rest).toMatch(/rm -rf \/var\/lib\/apt\/lists/);
      }
      if (name === "COPY") {
        const source = rest.split(" ")[0]!.replace(/\*.*/, "");
        const isThere = plan.steps.some(
          (step) => (step.kind === "write" && step.path.endsWith(source)) || source === "rekindle-",
        );
        expect(isThere, rest).toBe(true);
      }
    }
    const isLegacy = /HSA_OVERRIDE_GFX_VERSION/.test(JSON.stringify(plan));
    expect(isLegacy).toBe(stack === "rocm52");
  });

  test.skipIf(!hasYaml)("has a compose file with devices, groups and the same check", async () => {
    for (const engine of ["docker", "podman"]) {
      const plan = await planned({ stack, engine });
      const input = fileOf(plan, "compose.yaml");
      const json = execFileSync("python3", ["-c", yamlToJson], { input, encoding: "utf8" });
      const service = JSON.parse(json).services[stack];
      const kfd = stack === "engine" ? [] : ["/dev/kfd:/dev/kfd"];
      expect(service.devices).toEqual([...kfd, "/dev/dri:/dev/dri"]);
      const groups = stack === "engine" ? ["105"] : ["44", "105"];
      expect(service.group_add).toEqual(engine === "podman" ? ["keep-groups"] : groups);
      expect(service.healthcheck.test[0]).toBe("CMD");
      const check = instructions(fileOf(plan, "Dockerfile")).at(-1)![1];
      expect(check).toContain(JSON.stringify(service.healthcheck.test.slice(1)));
    }
  });

  test("is proven by the same convolution, with the card's devices", async () => {
    const { verification } = await planned({ stack, engine: "podman" });
    expect(verification).toHaveLength(1);
    const [proof] = verification;
    if (proof?.kind !== "command") throw new Error("it is proven in the container");
    expect(proof.command.args).toContain("--device=/dev/dri");
    expect(proof.command.args).toContain("--group-add=keep-groups");
  });
});

test("files alone, without an engine", async () => {
  const plan = await planned({ build: "no" });
  expect(plan.steps.every(({ kind }) => kind === "write")).toBe(true);
  expect((await carryOut(place, container, plan)).outcome).not.toBe("rolled-back");
  expect(readFileSync(join(place.home, "image/README.md"), "utf8")).toMatch(/docker run --rm/);
});

test("no engine: said while planning", async () => {
  place = { ...place, env: { ...place.env, PATH: "/nowhere" } };
  await expect(planned({})).rejects.toThrow(/neither Docker nor Podman is installed/);
});

/** Debian's Python with its modules and their libraries, and a shell. */
function makeRootFolder(rootfs: string): void {
  const version = execFileSync(
    "/usr/bin/python3",
    ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    { encoding: "utf8" },
  ).trim();
  const put = (path: string, at = path) => {
    mkdirSync(dirname(join(rootfs, at)), { recursive: true });
    copyFileSync(path, join(rootfs, at));
  };
  put("/usr/bin/busybox", "/bin/sh");
  put(`/usr/bin/python${version}`, "/usr/bin/python3");
  const library = `/usr/lib/python${version}`;
  cpSync(library, join(rootfs, library), {
    recursive: true,
    filter: (path) =>
      !/\/(test|__pycache__|ensurepip|EXTERNALLY-MANAGED|dist-packages)$/.test(path),
  });
  const modules = readdirSync(`${library}/lib-dynload`).map(
    (name) => `${library}/lib-dynload/${name}`,
  );
  const needed = execFileSync("ldd", [`/usr/bin/python${version}`, ...modules], {
    encoding: "utf8",
  });
  for (const path of new Set([...needed.matchAll(/(\/lib\S+) \(0x/g)].map((match) => match[1]!)))
    put(path);
  const wheels = "/usr/share/python-wheels";
  const pip = readdirSync(wheels).find((name) => name.startsWith("pip-"))!;
  const site = join(rootfs, "usr/lib/python3/dist-packages");
  execFileSync("python3", ["-m", "zipfile", "-e", join(wheels, pip), site]);
  mkdirSync(join(rootfs, "tmp"));
}

const canBuild =
  process.getuid?.() === 0 &&
  ["buildah", "busybox", "ldd"].every((name) => spawnSync("which", [name]).status === 0) &&
  existsSync("/usr/share/python-wheels");

describe.skipIf(!canBuild)("built by buildah, which needs no daemon", () => {
  let shared: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Loopback;
  let buildah: (...args: readonly string[]) => string;

  beforeAll(async () => {
    shared = await temporaryFolder();
    server = await serveLoopback(shared.folder);
    makeWheels(shared.folder, [
      {
        name: "torch",
        version: "2.11.0+rocm7.14.0",
        texts: { "torch/__init__.py": "" },
        files: { "torch/lib/libtorch_hip.so": join(root, "fixtures/inspect/libcompressed.so") },
        extras: ["device-gfx1010"],
      },
      { name: "torchvision", version: "0.26.0+rocm7.14.0", extras: ["device-gfx1010"] },
      { name: "torchaudio", version: "2.11.0+rocm7.14.0" },
    ]);
    const store = ["--root", join(shared.folder, "store"), "--runroot", join(shared.folder, "run")];
    const options = [...store, "--storage-driver", "vfs"];
    buildah = (...args) =>
      execFileSync("buildah", [...options, ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    mkdirSync(join(shared.folder, "bin"));
    const shim = join(shared.folder, "bin/podman");
    writeFileSync(shim, asPodman(options.join(" ")));
    chmodSync(shim, 0o755);
    makeRootFolder(join(shared.folder, "rootfs"));
    const working = buildah("from", "scratch");
    buildah("copy", working, join(shared.folder, "rootfs"), "/");
    buildah("config", "--env", "PATH=/usr/bin:/bin", working);
    buildah("commit", "--quiet", working, "localhost/base");
    buildah("rm", working);
    rmSync(join(shared.folder, "rootfs"), { recursive: true });
  });
  afterAll(async () => {
    server?.close();
    await shared?.remove();
  });

  const images = () => buildah("images", "--format", "{{.Name}}");
  let before: string[];
  let plan: Plan;
  beforeEach(async () => {
    place = {
      ...place,
      env: { ...place.env, PATH: `${join(shared.folder, "bin")}:${place.env.PATH}` },
    };
    plan = await planned({ base: "localhost/base", index: `${server.url}/simple/` });
    before = await treeLines(place.home);
  });

  test("the image holds code for the card; undone, image and files are gone", async () => {
    const result = await carryOut(place, container, plan, { proves: [] });
    expect(result.failure).toBeUndefined();
    expect(images()).toContain("localhost/rekindle-amd-wheels");
    const working = buildah("from", "localhost/rekindle-amd-wheels");
    const mounted = buildah("mount", working);
    const found = await inspectAll(join(mounted, "usr/local/lib"), { symbols: false });
    expect(summarize(found).targets.map(({ target }) => target)).toContain("gfx1010");
    expect(existsSync(join(mounted, "opt/rekindle/check.py"))).toBe(true);
    buildah("rm", working);
    expect((await takeBack(place, container)).outcome).toBe("undone");
    expect(images()).not.toContain("rekindle-amd-wheels");
    expect(await treeLines(place.home)).toEqual(before);
  });

  test("an image in which no convolution runs is taken back", async () => {
    const result = await carryOut(place, container, plan, { proves: ["command"] });
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/podman run --rm --device=\/dev\/kfd/);
    expect(images()).not.toContain("rekindle-amd-wheels");
    expect(await treeLines(place.home)).toEqual(before);
  });
});

/** Podman's commands as far as remedies use them, done by buildah. */
const asPodman = (options: string) => `#!/bin/sh
verb=$1
shift
case $verb in
  --version) echo "podman version 5" ;;
  build) exec buildah ${options} build --isolation chroot --network host "$@" ;;
  rmi) exec buildah ${options} rmi "$@" ;;
  run)
    while [ "\${1#-}" != "$1" ]; do shift; done
    working=$(buildah ${options} from "$1") && shift
    buildah ${options} run --isolation chroot "$working" -- "$@"
    status=$?
    buildah ${options} rm "$working" >/dev/null
    exit $status ;;
esac
`;
