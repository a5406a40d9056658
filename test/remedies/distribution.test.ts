import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  debianPackages,
  fedoraPackages,
} from "../../src/remedies/catalog/distribution-packages.ts";
import type { FixResult, Plan } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root as sources } from "../sources.ts";
import {
  type Circumstances,
  carryOut,
  factsWith,
  type Place,
  placeIn,
  planIn,
  takeBack,
} from "./carry-out.ts";

// Packages of distributions, on a machine in a folder, with package managers that are scripts.

const code = (name: string) => join(sources, "fixtures/inspect", name);
const library = "usr/lib/x86_64-linux-gnu/rocblas/library";

let remove: () => Promise<void>;
let folder: string;
let root: string;
let place: Place;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  root = join(folder, "machine");
  mkdirSync(join(root, "usr/lib"), { recursive: true });
  mkdirSync(join(folder, "tools"));
  place = placeIn(folder, { PATH: `${join(folder, "tools")}:/usr/bin:/bin` });
  tool("rocminfo", "echo gfx1010");
  apt(code("two-gfx1010.co"));
});
afterEach(() => remove());

/** A program that writes down how it is called. */
function tool(name: string, lines: string): void {
  const path = join(folder, "tools", name);
  writeFileSync(path, `#!/bin/sh\nset -eu\necho "${name} $*" >> "${folder}/calls"\n${lines}\n`);
  chmodSync(path, 0o755);
}

/** Two packages are new, one would be upgraded; what is installed holds this code. */
const apt = (object: string, then = "true") =>
  tool(
    "apt-get",
    `there="\${REKINDLE_ROOT-}/${library}"
case $* in
  *--simulate*)
    echo "Inst librocblas0 (5.5.1 Debian:13 [amd64])"
    echo "Inst libc6 [2.40] (2.41 Debian:13 [amd64])"
    echo "Inst hipcc (5.5.1 Debian:13 [amd64])" ;;
  install*)
    mkdir -p "$there" && cp "${object}" "$there/Kernels.so-000-gfx1010.hsaco"
    ${then} ;;
  purge*) rm -r "$REKINDLE_ROOT/usr/lib/x86_64-linux-gnu" ;;
esac`,
  );

const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split(/ *\n/);
const installed = () => existsSync(join(root, library));

const planned = (): Promise<Plan> =>
  planIn(place, debianPackages, {}, factsWith({ os: { platform: "linux", id: "debian" } }));
const run = async (more: Circumstances = {}): Promise<FixResult> =>
  await carryOut(place, debianPackages, await planned(), {
    ...{ root, proves: ["inspect", "command"] as const },
    ...more,
  });

const purged = "apt-get purge --yes librocblas0 hipcc";

test("installed, inspected, seen by ROCm; undone, what was new goes and nothing else", async () => {
  const { steps } = await planned();
  expect(steps[0]!.irreversible).toMatch(/upgraded on the way stay upgraded/);
  const result = await run();
  expect(result.failure).toBeUndefined();
  expect(result).toMatchObject({
    outcome: "worked",
    proofs: [{ answer: "passed" }, { answer: "passed" }],
  });
  expect(calls()).toContain("rocminfo");
  expect((await takeBack(place, debianPackages)).outcome).toBe("undone");
  expect(calls().at(-1)).toBe(purged);
  expect(installed()).toBe(false);
});

test("a package manager that fails in the middle: told with its lines, taken back", async () => {
  apt(code("two-gfx1010.co"), "echo 'E: dpkg returned an error code (1)' >&2; exit 100");
  const result = await run();
  expect(result.outcome).toBe("rolled-back");
  expect(result.failure?.lines).toContain("E: dpkg returned an error code (1)");
  expect(calls().at(-1)).toBe(purged);
  expect(installed()).toBe(false);
});

test("a library without code for the card is no success", async () => {
  apt(code("two-gfx90a.co"));
  const result = await run();
  expect([result.outcome, calls().at(-1)]).toEqual(["rolled-back", purged]);
  expect(result.failure?.why).toMatch(/gfx1010/);
});

test("stopped while it installs, gone on with", async () => {
  apt(code("two-gfx1010.co"), `[ -e "${folder}/again" ] || { echo half; exec sleep 60; }`);
  const stopper = new AbortController();
  const stopped = await run({
    signal: stopper.signal,
    onEvent: ({ progress }) => progress?.line === "half" && stopper.abort(),
  });
  expect(stopped.outcome).toBe("stopped");
  writeFileSync(join(folder, "again"), "");
  const proves = ["inspect", "command"] as const;
  const result = await carryOut(place, debianPackages, undefined, { proves });
  expect([result.failure, result.outcome]).toEqual([undefined, "worked"]);
});

test("packages that the distribution does not have: said while planning", async () => {
  tool("apt-get", "echo 'E: Unable to locate package hipcc' >&2; exit 100");
  await expect(planned()).rejects.toThrow(/cannot say what is new: E: Unable to locate package/);
});

test("what is there already is not installed again", async () => {
  tool("rpm", "true");
  const facts = factsWith({ os: { platform: "linux", id: "fedora" } });
  expect((await planIn(place, fedoraPackages, {}, facts)).steps).toEqual([]);
});
