import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { machines } from "../../test/machines.ts";
import { root } from "../../test/sources.ts";
import { reportSchema, rules } from "../doctor/index.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const doctor = (...argv: string[]) => command(folder, ["doctor", ...argv]);
const fixture = (name: string) => join(root, "fixtures/machines", `${name}.json`);
const onMachine = (name: string, ...argv: string[]) => doctor("--facts", fixture(name), ...argv);
const text = async (name: string) => await readFile(join(folder, name), "utf8");

describe("the screen", () => {
  test.each(["rx5600xt-stock-override", "rx5600xt-amd-wheel"])("%s", async (name) => {
    const { out, err } = await onMachine(name);
    expect(err).toBe("");
    await expect(out).toMatchFileSnapshot(join(root, `test/screens/doctor-${name}.txt`));
  });

  test.each(machines)(
    "$name fits into 80 columns, but for commands",
    async ({ name, expected }) => {
      const { code, out } = await onMachine(name);
      const wide = out.split("\n").filter((line) => line.length > 80 && !/^ +\$ /.test(line));
      expect(wide).toEqual([]);
      const { found, outcome } = expected;
      const blocks = rules.some((r) => r.severity === "blocks" && found.includes(r.id));
      expect(code).toBe(outcome === "works" ? 0 : outcome === "unknown" && !blocks ? 2 : 1);
      // Most severe first, then the verdict.
      const labels = [...out.matchAll(/^(BLOCKS|SLOWS|NOTES|VERDICT)/gm)].map((match) => match[1]!);
      const order = ["BLOCKS", "SLOWS", "NOTES", "VERDICT"];
      expect(labels).toEqual(labels.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
      expect(labels.at(-1)).toBe("VERDICT");
    },
  );

  test("what a probe could not read is named, with the command that would tell", async () => {
    const facts = {
      version: 1,
      gpus: [],
      unknown: [{ probe: "kernel-log", reason: "root only", command: "sudo dmesg" }],
    };
    await writeFile(join(folder, "unknown.json"), JSON.stringify(facts));
    const { out } = await doctor("--facts", "unknown.json");
    expect(out).toContain("  - kernel-log: root only\n    $ sudo dmesg\n");
  });
});

describe("results that are kept on this machine", () => {
  const home = () => join(folder, "home of results");
  const env = () => ({ PATH: "/usr/bin:/bin", HOME: home() });
  const here = (...argv: string[]) => command(folder, ["doctor", ...argv], { env: env() });

  test("are shown with date, target and command, and without names when shared", async () => {
    const python = join(homedir(), "secret-project", "bin", "python");
    const stamp = {
      time: "2026-11-22T10:00:00.000Z",
      boot: "7e2f0f9e-0000-4000-8000-000000000001",
    };
    const order = { target: "torch", python, subject: `torch 2.11 (${python})`, risk: "crash" };
    const result = { outcome: "signal", detail: "SIGSEGV <i>", timeMs: 1, device: "RX 5600 XT" };
    const records = [
      { event: "run", version: 1, ...stamp, order: { ...order, only: [], search: true } },
      { event: "end", ...stamp, step: "torch/conv/minimal", result },
    ];
    const journals = join(home(), ".local/state/rekindle/trials");
    await mkdir(journals, { recursive: true });
    await writeFile(
      join(journals, "2026-11-22.jsonl"),
      records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    );
    const { out } = await here("--html", "kept.html");
    const shown = out.slice(out.indexOf("Tried on this machine")).replace(/\s+/g, " ");
    expect(shown).toContain("on RX 5600 XT (2026-11-22 10:00, another boot): 0 passed, 1 failed");
    expect(shown).toContain(`$ rekindle trial --target torch --python ${python} --risk crash`);
    const html = await text("kept.html");
    expect(html).toContain("<h2>Tried on this machine</h2>");
    expect(html).toContain("<td>signal: SIGSEGV &lt;i&gt;</td>");
    const shared = await here("--share", "--json");
    expect(reportSchema.parse(JSON.parse(shared.out)).results[0]).toMatchObject({
      boot: "(uuid)",
      lines: [{ name: "torch/conv/minimal", outcome: "signal: SIGSEGV <i>" }],
    });
    expect(shared.out).not.toContain("secret-project");
    // Another machine's facts do not come with this machine's results.
    const { out: other } = await command(
      folder,
      ["doctor", "--json", "--facts", fixture("rx5600xt-amd-wheel")],
      { env: env() },
    );
    expect(reportSchema.parse(JSON.parse(other)).results).toEqual([]);
  });
});

describe("other outputs", () => {
  test("help fits into 80 columns", async () => {
    const { code, out } = await doctor("--help");
    expect(code).toBe(0);
    expect(out).toContain("Examples:\n  rekindle doctor");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each(machines)("--json of $name is as docs/doctor.md says", async ({ name, expected }) => {
    const { out } = await onMachine(name, "--json");
    const report = reportSchema.parse(JSON.parse(out));
    expect(report.verdict.outcome).toBe(expected.outcome);
    expect(report.findings.map(({ rule }) => rule).sort()).toEqual([...expected.found].sort());
  });

  test("--html is one file without scripts and without references to others", async () => {
    await onMachine("rx5600xt-stock-override", "--html", "report.html");
    const html = await text("report.html");
    expect(html).toContain("Conv2d will not work");
    expect(html).toContain('href="https://github.com/pytorch/pytorch/issues/132570"');
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(/);
    const open = html.match(/<(article|section|table|ul|details|pre|p)\b/g)!.length;
    expect(html.match(/<\/(article|section|table|ul|details|pre|p)>/g)).toHaveLength(open);
  });

  test("facts in HTML are text, whatever they hold", async () => {
    const facts = { version: 1, gpus: [{ vendorId: "10de", name: "<script>alert(1)</script>" }] };
    await writeFile(join(folder, "evil.json"), JSON.stringify(facts));
    await doctor("--facts", "evil.json", "--html", "evil.html");
    expect(await text("evil.html")).not.toContain("<script");
  });

  test("--explain tells the facts that decide, and all sources", async () => {
    const found = await onMachine("rx5600xt-stock-override", "--explain", "override-foreign");
    expect(found.code).toBe(0);
    expect(found.out).toMatch(/here +found/);
    expect(found.out).toMatch(/env\.HSA_OVERRIDE_GFX_VERSION +10\.3\.0/);
    const rule = rules.find(({ id }) => id === "override-foreign")!;
    for (const { date } of rule.sources) expect(found.out).toContain(date);
    const clear = await onMachine("rx5600xt-stock-override", "--explain", "no-pcie-atomics");
    expect(clear.out).toMatch(/here +clear/);
    const open = await onMachine("nothing-known", "--explain", "no-permission");
    expect(open.out).toMatch(/here +cannot be said/);
    expect(open.out).toContain("(not known)");
  });

  test("a rule that is misspelt", async () => {
    const json = await onMachine(
      "rx5600xt-stock-override",
      "--explain",
      "override-foreign",
      "--json",
    );
    expect(JSON.parse(json.out)).toMatchObject({ rule: "override-foreign", answer: "found" });
    const { code, err } = await doctor("--explain", "override-forein");
    expect(code).toBe(2);
    expect(err).toMatch(
      /there is no rule "override-forein"\n {2}fix: did you mean "override-foreign"/,
    );
  });

  test("--list names every rule", async () => {
    const { code, out } = await doctor("--list");
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toHaveLength(rules.length + 1);
    const json = JSON.parse((await doctor("--list", "--json")).out);
    expect(json.map(({ id }: { id: string }) => id)).toEqual(rules.map(({ id }) => id));
  });
});

describe("this machine", () => {
  test("facts that are saved give the same report", async () => {
    const live = await doctor("--json", "--save-facts", "facts.json");
    const again = await doctor("--json", "--facts", "facts.json");
    expect(again).toEqual(live);
    expect(reportSchema.parse(JSON.parse(live.out)).facts.os?.platform).toBe(process.platform);
  });

  test("a recording runs the probes again", async () => {
    const live = await doctor("--json", "--save-recording", "recording.json");
    const replayed = await doctor("--json", "--facts", "recording.json");
    const ofWebgpu = ({ probe }: { probe: string }) => probe !== "webgpu";
    const factsOf = ({ out }: { out: string }) => {
      const { facts } = reportSchema.parse(JSON.parse(out));
      return { ...facts, unknown: facts.unknown?.filter(ofWebgpu) };
    };
    expect(factsOf(replayed)).toEqual(factsOf(live));
  });

  test("--share leaves the user's folder out", async () => {
    const { out } = await doctor("--json", "--share");
    const { facts } = reportSchema.parse(JSON.parse(out));
    expect(facts.disks?.find(({ purpose }) => purpose === "home")?.folder).toBe("~");
    const both = await doctor("--share", "--save-recording", "r.json");
    expect([both.code, both.err]).toEqual([2, expect.stringMatching(/cannot be used with/)]);
  });

  test("progress on a terminal, erased at the end", async () => {
    const { err } = await command(folder, ["doctor"], { terminal: true });
    expect(err).toMatch(/looking at the machine/);
    expect(err.endsWith("\r\x1b[K")).toBe(true);
  });
});

test.each([
  [["--facts", "none.json"], /does not exist/],
  [["--html", "nowhere/report.html"], /there is no folder/],
])("%j is refused before anything is done", async (argv, message) => {
  const { code, out, err } = await doctor(...argv);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toMatch(message);
});
