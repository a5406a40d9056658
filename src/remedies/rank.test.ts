import { describe, expect, test } from "vitest";
import { machines } from "../../test/machines.ts";
import {
  type Cost,
  catalog,
  planReport,
  type Remedy,
  renderPlanHtml,
  timeText,
  type Wishes,
  wants,
} from "./index.ts";

const wishes: Wishes = { want: "train", fp16: false, noRoot: false, offline: false };

/** A way in a few words. */
function way(id: string, more: Partial<Remedy> = {}): Remedy {
  return {
    id,
    title: id,
    kind: "way",
    standsOn: "rocm",
    gives: "something",
    serves: { train: "well" },
    fp16: "yes",
    certainty: "confirmed",
    evidence: "it is so",
    sources: [{ title: "a source", at: "a/b#1", date: "2026-01" }],
    requires: [],
    cost: () => ({ minutes: [1, 10], downloadBytes: 1e9, diskBytes: 1e9, root: false }),
    changes: [],
    risks: [],
    plan: async () => ({ steps: [], verification: [], notes: [] }),
    ...more,
  };
}

const machine = (name: string) => machines.find((one) => one.name === name)!.facts;
const stock = machine("rx5600xt-stock-wheel");
const order = (remedies: Remedy[], more: Partial<Wishes> = {}, facts = stock) =>
  planReport(facts, { ...wishes, ...more }, remedies).ways.map(({ id }) => id);

describe("what decides", () => {
  const plain = way("plain");
  test.each([
    ["the card before the processor", way("cpu", { standsOn: "cpu" }), /does not use the card/],
    ["what is served", way("slow", { serves: { train: "slowly" } }), /serves training slowly/],
    ["certainty", way("reported", { certainty: "reported" }), /less certain: reported/],
    [
      "time",
      way("long", {
        cost: () => ({ ...plain.cost({ facts: stock, at: {} }), minutes: [60, 600] }),
      }),
      /up to 10 h/,
    ],
    [
      "what is not known",
      way("open", {
        requires: [
          { when: () => ({ answer: "unknown", because: [{ path: "os.id" }] }), otherwise: "" },
        ],
      }),
      /not known: os.id/,
    ],
  ])("%s", (_, worse, why) => {
    const { ways } = planReport(stock, wishes, [worse, plain]);
    expect(ways.map(({ id }) => id)).toEqual(["plain", worse.id]);
    expect(ways[1]!.lower).toMatch(why);
    expect(ways[0]!.lower).toBeUndefined();
  });

  test.each([
    ["rx5600xt-stock-wheel", "llama-cpp"],
    ["rx5700xt-windows", "llama-cpp"],
    ["pro5600m-macos", "cpu"],
    ["virtual-machine-no-gpu", "cpu"],
  ])("language models on %s: what serves them well, though by hand: %s", (name, first) => {
    expect(planReport(machine(name), { ...wishes, want: "llm" }).ways[0]!.id).toBe(first);
  });

  test("what a program can do comes before what is done by hand, which is told", () => {
    const { plan: _, ...rest } = way("by-hand", { byHand: ["turn it", "turn it back"] });
    const uncertain = way("uncertain", { certainty: "inferred" });
    const { ways } = planReport(stock, wishes, [rest, uncertain]);
    expect(ways.map(({ id }) => id)).toEqual(["uncertain", "by-hand"]);
    expect(ways[1]!.lower).toMatch(/by hand/);
    const alone = planReport(stock, wishes, [rest]);
    expect(alone.summary.at(-1)).toEqual(["do", "turn it, then turn it back"]);
    expect(renderPlanHtml(alone)).not.toContain("rekindle fix by-hand");
  });

  test("of equal ones the catalogue's order", () => {
    expect(order([way("a"), way("b")])).toEqual(["a", "b"]);
    expect(order([way("b"), way("a")])).toEqual(["b", "a"]);
  });
});

test.each([
  ["noRoot", { noRoot: true }, "it needs root"],
  ["offline", { offline: true }, "it downloads 1 GB"],
  ["disk", { diskBytesMax: 2e9 }, "it needs 3 GB of disk"],
  ["fp16", { fp16: true }, "it does not compute in 16-bit floats"],
  ["want", { want: "llm" }, "it does not serve language models"],
] as const)("wishes leave out: %s", (_, wish, why) => {
  const cost = { minutes: [1, 1], downloadBytes: 1e9, diskBytes: 3e9, root: true } as const;
  const bad = way("bad", { cost: () => cost, fp16: "no" });
  const { ways, leftOut, path } = planReport(stock, { ...wishes, ...wish }, [bad]);
  expect([ways, path]).toEqual([[], []]);
  expect(leftOut).toMatchObject([{ id: "bad", answer: "unwanted", reasons: [why] }]);
});

test.each<[Cost["minutes"], string]>([
  [[5, 60], "5 to 60 min"],
  [[0, 2], "0 to 2 min"],
  [[10, 10], "10 min"],
  [[30, 180], "30 min to 3 h"],
  [[300, 960], "5 to 16 h"],
  [[0, 960], "0 to 16 h"],
  [[119, 120], "119 min to 2 h"],
])("minutes %j are told with their units: %s", (minutes, text) => {
  expect(timeText({ minutes, downloadBytes: 0, diskBytes: 0, root: false })).toBe(text);
});

test("a requirement that does not hold tells why, with the facts", () => {
  const { leftOut } = planReport(stock, wishes, [
    way("not-here", {
      requires: [
        { when: () => ({ answer: "no", because: [] }), otherwise: "{card.gfx} is not among them" },
      ],
    }),
  ]);
  expect(leftOut[0]!.reasons).toEqual(["gfx1010 is not among them"]);
});

test("too small a disk is said, and ranks lower", () => {
  const facts = { ...stock, disks: [{ purpose: "home", folder: "~", freeBytes: 2e9 }] as const };
  const big = way("big", {
    cost: () => ({
      minutes: [1, 1],
      downloadBytes: 0,
      diskBytes: 1e9,
      diskBytesMax: 9e9,
      root: false,
    }),
  });
  const small = way("small", { serves: { train: "partly" } });
  const { ways } = planReport({ ...facts, disks: [...facts.disks] }, wishes, [big, small]);
  expect(ways.map(({ id }) => id)).toEqual(["small", "big"]);
  expect(ways[1]!.lower).toMatch(/needs 9 GB of free disk, and there are 2 GB/);
});

describe("where convolutions work", () => {
  const { facts } = machines.find(
    ({ facts, name }) => /5600|5700/.test(name) && planReport(facts, wishes).works,
  )!;

  test("training still wants layers for BatchNorm", () => {
    const { path, summary } = planReport(facts, wishes);
    expect(path).toContain("rekindle-torch");
    expect(summary.at(-1)).toEqual(["training", expect.stringMatching(/rekindle fix rekindle-t/)]);
  });

  test("running networks wants none", () => {
    const { path, summary } = planReport(facts, { ...wishes, want: "infer" });
    expect(path).not.toContain("rekindle-torch");
    expect(summary.map(([name]) => name)).not.toContain("training");
  });
});

describe("every recorded machine", () => {
  test.each(machines.map((one) => [one.name, one] as const))("%s", (_, { facts, expected }) => {
    for (const want of wants) {
      const report = planReport(facts, { ...wishes, want });
      const all = [...report.ways, ...report.leftOut].map(({ id }) => id);
      const ways = catalog.filter(({ kind }) => kind === "way").map(({ id }) => id);
      expect(all.sort()).toEqual(ways.sort());
      expect(report.summary.length).toBeLessThanOrEqual(5);
      for (const { lower } of report.ways.slice(1)) expect(lower).toBeTruthy();
      for (const { reasons } of report.leftOut) expect(reasons.join()).not.toMatch(/[{}]|^$/);
      expect(report.works).toBe(expected.outcome === "works");
    }
  });

  const path = (name: string) => planReport(machine(name), wishes).path;
  test("gets a path that fits", () => {
    expect(path("rx5600xt-stock-wheel")).toEqual(["amd-wheels"]);
    expect(path("rx5600xt-preload-shim")).toContain("clear-preloads");
    expect(path("rx5600xt-patched-rocr")).toContain("reinstall-runtime");
    expect(path("rx5600xt-override-in-bashrc")[0]).toBe("clear-overrides");
    // What has no way to ROCm is not sent there.
    for (const name of ["rx5700xt-wsl2", "rx5500xt-no-atomics", "virtual-machine-no-gpu"]) {
      expect(path(name)).not.toContain("amd-wheels");
      expect(path(name)).not.toEqual([]);
    }
  });
});

test("what has to be put right first is said in words, with its command", () => {
  const { summary } = planReport(machine("rx5600xt-no-permission"), wishes);
  expect(summary.at(-1)![1]).toMatch(
    /^join the groups, then log out and in again \(sudo usermod [^#]*\), then rekindle fix/,
  );
  // Wheels have the runtime that the kernel does not go with.
  const { summary: ofQueue } = planReport(machine("rx5500-queue-size"), wishes);
  expect(ofQueue.at(-1)![1]).toMatch(/^choose a kernel before 6\.12/);
});

test("distributions' packages are nothing for Windows", () => {
  const { ways } = planReport(machine("rx5700xt-windows"), wishes);
  expect(ways.map(({ id }) => id)).toEqual(["amd-wheels", "cpu"]);
});

test("the catalogue is whole", () => {
  const ids = catalog.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, plan, byHand, evidence, changes, requires } of catalog) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(plan ?? byHand).toBeDefined();
    expect(evidence).not.toMatch(/\.$/);
    expect(changes.length).toBeGreaterThan(0);
    for (const { otherwise } of requires) expect(otherwise).not.toMatch(/^[A-Z].*\.$/);
  }
});
