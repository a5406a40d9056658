import { any, fact } from "../../doctor/condition.ts";
import { gfxIs } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan, RunStep, Step } from "../step.ts";
import { folderOf, GB, gfxOf, linuxOnly, mustBeNew } from "./common.ts";
import {
  type Access,
  checkScript,
  composeFile,
  dockerfile,
  imageOf,
  readme,
  runFlags,
} from "./containers/files.ts";
import { type Stack, stacks } from "./containers/stacks.ts";
import { fetchSources, writeGitScript } from "./git.ts";
import { packageFolder } from "./rekindle-itself.ts";
import { waySources } from "./way-sources.ts";

const hours = 3600_000;

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options } = situation;
  const stack = stacks.find(({ name }) => name === options.stack)!;
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const access = { engine: await engineOf(situation), groups: await groupsOf(situation, stack) };
  const isBuilt = options.build === "yes";
  return {
    steps: [
      ...writeFiles(situation, stack, folder, access),
      ...(stack.holdsRekindle ? [packRekindle(folder)] : []),
      ...(isBuilt ? buildImage(stack, folder, access.engine) : []),
    ],
    verification: isBuilt ? [inContainer(stack, access)] : [],
    notes: [
      ...stack.notes,
      `${folder}/README.md says how to start it, and what to change on another machine.`,
    ],
  };
}

/** The engine that was asked for, or the one that is here. */
async function engineOf({ options, host }: Situation): Promise<Access["engine"]> {
  if (options.engine === "docker" || options.engine === "podman") return options.engine;
  for (const engine of ["docker", "podman"] as const) {
    if ((await host.run(engine, ["--version"])).status === 0) return engine;
  }
  if (options.build === "no") return "docker";
  throw new RekindleError("remedy-impossible", "neither Docker nor Podman is installed", {
    fix: "install podman, or write the files alone: --set build=no",
  });
}

/** Numbers of the groups that own the device files: an image does not know the host's names. */
async function groupsOf({ facts, host }: Situation, { needsKfd }: Stack): Promise<number[]> {
  const { kfd, renderNodes = [] } = facts.permissions ?? {};
  const owners = [...(needsKfd && kfd ? [kfd] : []), ...renderNodes].flatMap(({ group }) =>
    group === undefined || group === "root" ? [] : [group],
  );
  const lines = ((await host.readText("/etc/group")) ?? "").split("\n");
  const numbers = owners.flatMap((name) => {
    if (/^\d+$/.test(name)) return [Number(name)];
    const line = lines.find((text) => text.startsWith(`${name}:`));
    return line ? [Number(line.split(":")[2])] : [];
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function writeFiles(situation: Situation, stack: Stack, folder: string, access: Access): Step[] {
  const { options } = situation;
  const gfx = gfxOf(situation);
  const choice = { gfx, index: options.index || stack.index };
  const files: readonly (readonly [id: string, name: string, content: string])[] = [
    ["write-dockerfile", "Dockerfile", dockerfile(stack, options.base || stack.base, choice)],
    ["write-compose", "compose.yaml", composeFile(stack, access)],
    ["write-notes", "README.md", readme(stack, access)],
    ["write-ignored", ".dockerignore", "work\nbase\n"],
    ["write-folder", "work/.keep", ""],
    ...(stack.check.includes("/opt/rekindle/check.py")
      ? [["write-check", "check.py", checkScript] as const]
      : []),
  ];
  return files.map(([id, name, content]) => ({
    kind: "write",
    id,
    does: `write ${folder}/${name}`,
    path: `${folder}/${name}`,
    content,
    before: null,
  }));
}

/** The package as it is published; what it needs itself is installed inside the image. */
const packRekindle = (folder: string): RunStep => ({
  kind: "run",
  id: "pack-rekindle",
  does: "pack Rekindle",
  command: {
    program: "npm",
    args: [
      "pack",
      "--ignore-scripts",
      { before: "--pack-destination=", path: folder },
      packageFolder,
    ],
  },
  needs: [{ program: "npm", install: "install npm, which belongs to Node" }],
});

function buildImage(stack: Stack, folder: string, engine: Access["engine"]): Step[] {
  const { repository } = stack;
  if (!repository) return [build(stack, engine, "build-image", folder, imageOf(stack))];
  const base = {
    id: "base",
    url: repository.url,
    ref: repository.commit,
    commit: repository.commit,
    folder: `${folder}/base`,
    hasSubmodules: false,
  };
  return [
    writeGitScript(`${folder}/run-git.py`),
    ...fetchSources(base, "python3", `${folder}/run-git.py`),
    build(stack, engine, "build-base", base.folder, stack.base),
    build(stack, engine, "build-image", folder, imageOf(stack)),
  ];
}

function build(
  stack: Stack,
  engine: Access["engine"],
  id: string,
  folder: string,
  image: string,
): RunStep {
  // OCI's own format has no health checks.
  const format = engine === "podman" ? ["--format=docker"] : [];
  return {
    kind: "run",
    id,
    does: `build the image ${image}`,
    command: { program: engine, args: ["build", ...format, "--tag", image, { path: folder }] },
    undo: [{ program: engine, args: ["rmi", "--force", image] }],
    needs: [{ program: engine, install: `install ${engine} with the system's package manager` }],
    irreversible: `Layers and base images stay in ${engine}'s store: ${engine} image prune.`,
    network: true,
    continues: true,
    progress: "(?:STEP|Step) (?<done>\\d+)/(?<total>\\d+)",
    timeoutMs: (stack.repository ? 24 : 4) * hours,
  };
}

const inContainer = (stack: Stack, access: Access): Plan["verification"][number] => ({
  kind: "command",
  does: "a convolution runs on the GPU inside the container",
  command: {
    program: access.engine,
    args: ["run", "--rm", ...runFlags(stack, access), imageOf(stack), ...stack.check],
  },
  timeoutMs: 10 * 60_000,
});

export const container: Remedy = {
  id: "container",
  title: "A container with the stack of your choice",
  kind: "way",
  standsOn: "rocm",
  gives:
    "an image for Docker or Podman with AMD's PyTorch (or another stack), that the system's " +
    "libraries cannot disturb",
  serves: { train: "slowly", infer: "slowly", comfyui: "slowly", llm: "slowly" },
  fp16: "yes",
  certainty: "reported",
  evidence:
    "the stacks are those of the other ways, and one is published as a container whose author " +
    "reports times of ComfyUI on an RX 5700 XT",
  sources: [
    waySources.sourceRocm62,
    waySources.containerDevices,
    sources.container,
    sources.supportedGpus,
    sources.legacyTorch,
  ],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      otherwise: "its stacks are those for gfx1010, gfx1011 and gfx1012",
    },
    {
      when: any(
        fact("container.inContainer", (is) => !is),
        fact("permissions.isRoot", (is) => is),
      ),
      otherwise: "this is a container itself, in which no other can be built without rights",
    },
  ],
  cost: () => ({
    minutes: [10, 90],
    downloadBytes: 5 * GB,
    diskBytes: 18 * GB,
    diskBytesMax: 30 * GB,
    root: false,
  }),
  changes: ["A new folder with a Dockerfile and a compose file; an image in the engine's store."],
  risks: [
    "A container shares the host's kernel and GPU: a hang inside is a hang outside.",
    "The stack community compiles PyTorch, which takes hours and 16 GB of memory.",
  ],
  options: [
    {
      name: "stack",
      meaning: "what is inside",
      otherwise: "amd-wheels",
      values: stacks.map(({ name }) => name),
    },
    {
      name: "engine",
      meaning: "what builds and runs it; the one that is installed where not said",
      otherwise: "",
      values: ["", "docker", "podman"],
    },
    { name: "folder", meaning: "where its files are written", otherwise: "~/rekindle-container" },
    { name: "build", meaning: "build it too", otherwise: "yes", values: ["yes", "no"] },
    { name: "base", meaning: "another base image", otherwise: "" },
    { name: "index", meaning: "another package index", otherwise: "" },
  ],
  plan,
};
