import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fetchSources, writeGitScript } from "../../src/remedies/catalog/git.ts";
import type { RunStep, Step } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { git } from "./loopback.ts";

// Sources with submodules, fetched by the remedies' own steps: whatever a git that was killed left
// behind, the same step is gone on with. Sources come from folders: servers are tested elsewhere.

const isLinux = process.platform === "linux";
const asked = spawnSync("git", ["--exec-path"], { encoding: "utf8" });
const programs = isLinux && asked.status === 0 ? asked.stdout.trim() : "";

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let commit: string;
let [fetch, checkOut, fetchParts]: RunStep[] = [];

beforeAll(async () => {
  if (programs === "") return;
  shared = await temporaryFolder();
  commit = makeSources(shared.folder);
  makeDeadlyGit(join(shared.folder, "deadly"));
});
afterAll(() => shared?.remove());

/** A project with a part that is at an older commit, and one that has a part itself. */
function makeSources(at: string): string {
  const make = (name: string, parts: readonly string[]) => {
    const folder = join(at, name);
    mkdirSync(folder);
    git(folder, "init", "--quiet", "--initial-branch=main");
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true");
    for (const part of parts) {
      const from = ["submodule", "--quiet", "add", join(at, part), `parts of it/${part}`];
      git(folder, "-c", "protocol.file.allow=always", ...from);
      // Only so are commits left out.
      const url = `file://${join(at, part)}`;
      git(folder, "config", "--file=.gitmodules", `submodule.parts of it/${part}.url`, url);
    }
    commitFile(folder, "first.txt", name);
    return folder;
  };
  make("inner", []);
  const older = make("older", []);
  make("outer", ["inner"]);
  const whole = make("whole", ["older", "outer"]);
  commitFile(older, "later.txt", "not this one");
  return git(whole, "rev-parse", "HEAD");
}

function commitFile(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
  git(folder, "add", "--all");
  git(folder, "commit", "--quiet", "--message=more");
}

/** Git's programs, of which the one that is started n-th kills all of them. */
function makeDeadlyGit(folder: string): void {
  mkdirSync(folder);
  for (const name of readdirSync(programs).filter((one) => one !== "git")) {
    symlinkSync(join(programs, name), join(folder, name));
  }
  const text = `#!/bin/sh
echo started >> "$STARTED"
if [ "$(wc -l < "$STARTED")" -ge "$DEADLY" ]; then kill -KILL 0; fi
exec ${programs}/git "$@"
`;
  writeFileSync(join(folder, "git"), text);
  chmodSync(join(folder, "git"), 0o755);
}

let folder: string;
let remove: () => Promise<void>;
let sources: string;

beforeEach(async () => {
  if (programs === "") return;
  ({ folder, remove } = await temporaryFolder());
  sources = join(folder, "sources");
  const script = join(folder, "run-git.py");
  const url = `file://${join(shared.folder, "whole")}`;
  const from = { id: "whole", url, ref: "refs/heads/main", commit };
  writeFileSync(script, contentOf(writeGitScript(script)));
  const steps = fetchSources({ ...from, folder: sources, hasSubmodules: true }, "python3", script);
  [fetch, checkOut, fetchParts] = steps as RunStep[];
});
afterEach(() => remove?.());

/** All of it is fetched: by the first test that asks, the others have a copy. */
function beginWhole() {
  const whole = join(shared.folder, "fetched");
  if (!existsSync(whole)) {
    expectRuns(fetch, checkOut, fetchParts);
    expectWhole();
    cpSync(sources, whole, { recursive: true });
  } else cpSync(whole, sources, { recursive: true });
}

const contentOf = (step: Step) => (step.kind === "write" ? step.content : "");

/** Does what a step says, without the executor; the text of what went wrong. */
function run({ command }: RunStep, more: Readonly<Record<string, string>> = {}) {
  const args = command.args.map((word) => (typeof word === "string" ? word : word.path));
  // In a group of its own: the one that is killed.
  const { status, signal, stderr } = spawnSync("setsid", [`${command.program}`, ...args], {
    encoding: "utf8",
    env: {
      ...{ PATH: process.env.PATH, HOME: folder, GIT_ALLOW_PROTOCOL: "file" },
      ...(command.env as Record<string, string>),
      ...more,
    },
  });
  return { status, signal, stderr };
}

function expectRuns(...steps: (RunStep | undefined)[]) {
  for (const step of steps) expect(run(step!)).toMatchObject({ status: 0 });
}

const partsOf = "parts of it";
const files = [
  "first.txt",
  `${partsOf}/older/first.txt`,
  `${partsOf}/outer/first.txt`,
  `${partsOf}/outer/${partsOf}/inner/first.txt`,
];
const at = (path: string) => join(sources, path);
const modules = (name: string) => at(`.git/modules/${partsOf}/${name}`);

function expectWhole() {
  for (const path of files) expect(existsSync(at(path)), path).toBe(true);
  expect(existsSync(at(`${partsOf}/older/later.txt`))).toBe(false);
  const status = git(sources, "submodule", "status", "--recursive").split("\n");
  expect(status).toHaveLength(3);
  for (const line of status) expect(line).toMatch(/^ ?[0-9a-f]{40} /);
  expect(git(sources, "status", "--porcelain", "--ignore-submodules=none")).toBe("");
  const left = readdirSync(at(".git"), { recursive: true }).map(String);
  expect(left.filter((path) => /\.lock$|tmp_/.test(path))).toEqual([]);
}

describe.skipIf(programs === "")("on Linux", () => {
  test("killed at a program that it starts", () => {
    expectRuns(fetch, checkOut);
    const copy = join(folder, "copy");
    cpSync(sources, copy, { recursive: true });
    const deadly = { GIT_EXEC_PATH: join(shared.folder, "deadly") };
    const counter = join(folder, "counter");
    const times = { ...deadly, STARTED: counter, DEADLY: "1000000" };
    expect(run(fetchParts!, times)).toMatchObject({ status: 0 });
    const count = readFileSync(counter, "utf8").split("\n").length - 1;
    expect(count).toBeGreaterThan(40);
    // Two in a row, as a clone and what it starts: every one of them would take a minute. Their
    // number may differ by some.
    for (let at = 2; at <= count - 5; at += at % 2 ? 17 : 1) {
      rmSync(sources, { recursive: true });
      cpSync(copy, sources, { recursive: true });
      const env = { ...deadly, STARTED: `${counter}-${at}`, DEADLY: `${at}` };
      expect(run(fetchParts!, env).signal).toBe("SIGKILL");
      expectRuns(fetchParts);
      expectWhole();
    }
  });

  const put = (path: string, text = "") => writeFileSync(path, text);
  const drop = (path: string) => rmSync(path, { recursive: true });
  const link = () => at(`${partsOf}/outer/.git`);

  test.each<[string, () => void]>([
    ["locks", () => ["index", "config", "shallow"].map((name) => put(at(`.git/${name}.lock`)))],
    [
      "locks of a part",
      () => ["index", "HEAD"].map((name) => put(`${modules("older")}/${name}.lock`)),
    ],
    ["a draft of a pack", () => put(at(".git/objects/pack/tmp_pack_a1b2c3"))],
    ["a part without a head", () => drop(`${modules("outer")}/HEAD`)],
    ["a part without objects", () => drop(`${modules("outer")}/objects`)],
    [
      "a part whose branch is not there",
      () => put(`${modules("outer")}/HEAD`, "ref: refs/heads/no"),
    ],
    ["a part without its settings", () => put(`${modules("outer")}/config`)],
    [
      "an empty folder for a part",
      () => {
        drop(modules("outer"));
        mkdirSync(modules("outer"));
      },
    ],
    ["a link to a part that is gone", () => drop(modules("outer"))],
    ["a link that is empty", () => put(link())],
    ["a part without its link", () => drop(link())],
    [
      "a part that was not checked out",
      () => {
        drop(at(files[2]!));
        drop(`${modules("outer")}/index`);
      },
    ],
    [
      "an inner part in pieces",
      () => {
        const inner = join(modules("outer"), "modules", partsOf, "inner");
        for (const name of ["HEAD", "refs", "config"]) drop(join(inner, name));
      },
    ],
    [
      "an inner part in pieces, and a link of the outer that is empty",
      () => {
        drop(join(modules("outer"), "modules", partsOf, "inner", "HEAD"));
        put(link());
      },
    ],
    ["an index that is cut off", () => put(at(".git/index"), "DIRC")],
    ["an index of a part that is cut off", () => put(`${modules("older")}/index`, "DIRC")],
  ])("left behind: %s", (_, leave) => {
    beginWhole();
    leave();
    expectRuns(fetchParts);
    expectWhole();
  });

  test("killed while the files are written: what is there already is in nobody's way", () => {
    expectRuns(fetch);
    mkdirSync(at(`${partsOf}/older`), { recursive: true });
    put(at("first.txt"), "hal");
    put(at(".git/index.lock"));
    expectRuns(checkOut, fetchParts);
    expectWhole();
  });

  test.each<[string, () => void]>([
    ["without a head", () => drop(at(".git/HEAD"))],
    ["with a lock on its settings", () => put(at(".git/config.lock"))],
    [
      "of which there is a folder",
      () => {
        drop(at(".git"));
        mkdirSync(at(".git"));
      },
    ],
    ["that is not there", () => drop(at(".git"))],
  ])("a repository %s, below one of the user's", (_, leave) => {
    git(folder, "init", "--quiet");
    const own = readFileSync(join(folder, ".git/config"), "utf8");
    expectRuns(fetch);
    leave();
    expectRuns(fetch, checkOut, fetchParts);
    expectWhole();
    expect(readFileSync(join(folder, ".git/config"), "utf8")).toBe(own);
    expect(existsSync(join(folder, ".git/FETCH_HEAD"))).toBe(false);
  });

  test("what is whole is not fetched again", () => {
    beginWhole();
    drop(modules("outer"));
    const trace = join(folder, "trace");
    expect(run(fetchParts!, { GIT_TRACE: trace })).toMatchObject({ status: 0 });
    const cloned = readFileSync(trace, "utf8").matchAll(/built-in: git clone .*file:\S+\/(\w+)/g);
    expect([...cloned].map(([, name]) => name)).toEqual(["outer", "inner"]);
    expectWhole();
  });
});
