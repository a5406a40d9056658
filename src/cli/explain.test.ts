import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { root } from "../../test/sources.ts";
import type { Explanation } from "../explain/index.ts";
import { machineHost } from "../host/index.ts";
import { Ending } from "./ending.ts";
import { addExplain } from "./explain.ts";

let folder: string;
let remove: () => Promise<void>;
const fault = "Memory access fault by GPU node-1 (Agent handle: 0x1) on address 0x7a8a4be00000.";
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
  const files = {
    "crash.log":
      "torch 2.5.1+rocm6.2\nRadeon RX 5600 XT\nHIP error: invalid device function\n" +
      "Compile with `TORCH_USE_HIP_DSA` to enable device-side assertions.\n",
    "fault.log": `${fault}\n`,
    "warning.log":
      "MIOpen(HIP): Warning [SQLiteBase] Missing system database file: gfx1010_36.kdb Perf\n",
    "unknown.log": "Traceback (most recent call last):\nValueError: MIOpen\n",
    "prose.txt": "Call me Ishmael.\n",
    "facts.json": JSON.stringify({
      version: 1,
      gpus: [{ vendorId: "1002", kind: "discrete", gfx: "gfx1010" }],
      env: { HSA_OVERRIDE_GFX_VERSION: "10.3.0" },
    }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await writeFile(join(folder, "core"), Buffer.from("7f454c460201010000", "hex"));
});
afterAll(() => remove());

const explain = (...argv: string[]) => command(folder, ["explain", ...argv]);

describe("as text", () => {
  test("a cause: what, certainty, lines, what it is not, what to do, sources", async () => {
    const { code, out, err } = await explain("crash.log");
    expect([code, err]).toEqual([1, ""]);
    expect(out).toMatch(/^The program holds no GPU code for this card\n/);
    expect(out).toMatch(/certainty +confirmed: /);
    expect(out).toMatch(/says so +line 3: HIP error: invalid device function\n/);
    expect(out).toMatch(/explains +PyTorch's closing lines after any GPU error\n/);
    expect(out).toMatch(/is not +a defect of the card/);
    expect(out).toMatch(
      /do +Install AMD's own build[\s\S]*\n +\$ pip install .*\[device-gfx1010\]/,
    );
    expect(out).toMatch(/sources +pytorch\/pytorch#132570 \(2024-08\)/);
    const prose = out.split("\n").filter((line) => !line.includes("$ "));
    expect(Math.max(...prose.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("several files: lines name their file", async () => {
    const { out } = await explain("crash.log", "fault.log");
    expect(out).toMatch(/^1\. The program holds[\s\S]*says so +crash\.log:3: /);
    expect(out).toMatch(/\n2\. A GPU program used an address[\s\S]*says so +fault\.log:1: Memory/);
  });

  test("harmless messages end with 0", async () => {
    const { code, out } = await explain("warning.log");
    expect(code).toBe(0);
    expect(out).toMatch(/^Nothing is wrong/);
    expect(out).toMatch(/May be ignored: MIOpen has no tuned database for this card \(line 1\)/);
  });

  test("an unknown failure says so, and which logs would tell", async () => {
    const { code, out } = await explain("unknown.log");
    expect(code).toBe(1);
    expect(out).toMatch(/^This looks like a failure, and no known message names its cause/);
    expect(out).toMatch(/What would tell more\n[\s\S]*MIOPEN_LOG_LEVEL/);
  });

  test("a text without a failure", async () => {
    const { code, out } = await explain("prose.txt");
    expect([code, out]).toEqual([0, expect.stringMatching(/^Nothing in this text looks like/)]);
  });

  test("all that is known", async () => {
    const { code, out } = await explain("--list");
    expect(code).toBe(0);
    expect(out).toMatch(/^GPU code\n {2}torch-without-code +cause +The program holds no GPU code/);
    expect(JSON.parse((await explain("--list", "--json")).out)[0].id).toBe("torch-without-code");
  });
});

test("commands of ours that it recommends exist", async () => {
  const logs = join(root, "fixtures", "logs");
  const recommended = new Set<string>();
  for (const name of (await readdir(logs)).filter((file) => file.endsWith(".txt"))) {
    const { out } = await command(logs, ["explain", name, "--json"]);
    const { findings }: Explanation = JSON.parse(out);
    for (const { command: line = "" } of findings.flatMap(({ steps }) => steps)) {
      for (const match of line.matchAll(/\brekindle (\w+)/g)) {
        recommended.add(match[1]!);
      }
    }
  }
  const help = (await command(folder, ["help"])).out;
  const known = [...help.matchAll(/^ {2}(\w+)/gm)].map((match) => match[1]!);
  expect([...recommended].filter((name) => !known.includes(name))).toEqual([]);
  expect(recommended.size).toBeGreaterThan(2);
});

describe("as JSON", () => {
  test("one document with a schema", async () => {
    const { code, out } = await explain("crash.log", "--json");
    const explanation: Explanation = JSON.parse(out);
    expect(code).toBe(1);
    expect(explanation).toMatchObject({
      schema: "rekindle-explain/1",
      verdict: "found",
      context: { card: "gfx1010", cardFrom: "text", torchBuild: "rocm6.2", facts: "none" },
      lines: 4,
    });
    expect(explanation.findings[0]).toMatchObject({
      id: "torch-without-code",
      family: "GPU code",
      role: "cause",
      lines: [{ number: 3, text: "HIP error: invalid device function" }],
    });
  });

  test("with the facts of a machine", async () => {
    const { out } = await explain("fault.log", "--facts", "facts.json", "--json");
    const { findings, context }: Explanation = JSON.parse(out);
    expect(context).toMatchObject({ card: "gfx1010", cardFrom: "machine", facts: "used" });
    expect(findings[0]).toMatchObject({ id: "override-foreign-code", certainty: "likely" });
  });
});

describe("what cannot be done ends with 2", () => {
  test.each([
    [["none.log"], /log none\.log does not exist/],
    [["crash.lg"], /did you mean "crash\.log"/],
    [["core"], /it is an ELF file[\s\S]*fix: rekindle inspect core/],
    [["crash.log", "--facts", "crash.log"], /facts crash\.log are no JSON/],
    [["crash.log", "--facts", "facts.json", "--here"], /exclude each other/],
    [["crash.log", "--bogus"], /unknown option/],
  ])("%s", async (argv, message) => {
    const { code, out, err } = await explain(...argv);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
  });
});

describe("standard input", () => {
  async function piped(argv: string[], input: Iterable<Uint8Array> | undefined) {
    let out = "";
    const write = (text: string) => {
      out += text;
    };
    const output = { write, isTerminal: false, hasColor: false };
    const io = {
      host: machineHost({}, folder),
      out: { ...output, columns: 80 },
      err: { ...output, columns: 80 },
    };
    const program = new Command("rekindle").exitOverride();
    addExplain(program, io, () => input && stream(input));
    const ending = await program
      .parseAsync(["explain", ...argv], { from: "user" })
      .then(() => undefined)
      .catch((thrown: unknown) => thrown);
    return { out, ending };
  }

  async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }

  test.each([[["-"]], [[]]])("%s reads it", async (argv) => {
    const text = Buffer.from(`\ufeff${fault}\r\n`, "utf16le");
    const { out, ending } = await piped(argv, [text]);
    expect(out).toMatch(/^A GPU program used an address/);
    expect(ending).toEqual(new Ending("found"));
  });

  test("at the keyboard, or twice, it is an error of usage", async () => {
    expect((await piped([], undefined)).ending).toMatchObject({ code: "usage" });
    expect((await piped(["-", "-"], [])).ending).toMatchObject({ code: "usage" });
  });
});
