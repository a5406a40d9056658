import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";
import { someTuning, tuningsFor } from "../../test/tunings.ts";
import { mergeTunings } from "../tunings/merge.ts";

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

const stored = mergeTunings(
  tuningsFor("Radeon RX 5600 XT", "radv: Mesa 25", someTuning("Conv a"), someTuning("Conv b")),
  tuningsFor("Another card", "driver", someTuning("Conv c")).devices,
);
const file = (name: string) => join(folder, name);
beforeEach(() => writeFile(file("stored.json"), JSON.stringify(stored)));

const tune = (...args: string[]) =>
  command(folder, ["tune", ...args], { env: { REKINDLE_TUNINGS: "stored.json" } });

test("--list tells device by device what is stored", async () => {
  const { code, out } = await tune("--list");
  expect(code).toBe(0);
  expect(out).toContain("Radeon RX 5600 XT, driver radv: Mesa 25: 2 tunings\n");
  expect(out).toContain("  Conv a\n    conv-gemm tileM=64 unroll=true: 1 ms, default 2 ms\n");
  expect(out).toContain("Another card, driver driver: 1 tuning\n");
  const one = await tune("--list", "--device", "another", "--json");
  expect(JSON.parse(one.out)).toEqual({ file: file("stored.json"), devices: [stored.devices[1]] });
});

test("--clear removes all, or one adapter's", async () => {
  const one = await tune("--clear", "--device", "5600");
  expect(one).toMatchObject({ code: 0, out: `removed 2 tunings from ${file("stored.json")}\n` });
  const all = await tune("--clear", "--json");
  expect(JSON.parse(all.out)).toMatchObject({ removed: 1 });
  expect((await tune("--list")).out).toBe(`nothing is stored in ${file("stored.json")}\n`);
});

test("--export writes what is stored", async () => {
  expect(await tune("--export", "out.json")).toMatchObject({
    code: 0,
    out: "wrote 3 tunings to out.json\n",
  });
  expect(JSON.parse(await readFile(file("out.json"), "utf8"))).toEqual(stored);
  const none = await tune("--export", "out.json", "--device", "Arc");
  expect(none.code).toBe(2);
  expect(none.err).toContain('nothing is stored for an adapter "Arc"');
});

test("--import refuses what another adapter measured, with both names", async () => {
  await writeFile(file("theirs.json"), JSON.stringify(stored));
  const { code, err } = await tune("--import", "theirs.json");
  expect(code).toBe(2);
  const theirs = '"Radeon RX 5600 XT", "Another card"';
  expect(err).toContain(`theirs.json holds tunings of ${theirs}, here is `);
  expect(JSON.parse(await readFile(file("stored.json"), "utf8"))).toEqual(stored);
});

test("--import refuses a file that holds none", async () => {
  await writeFile(file("else.json"), '{"format": "rekindle-tunings", "version": 7}');
  const { code, err } = await tune("--import", "else.json");
  expect(code).toBe(2);
  expect(err).toContain("else.json holds no tunings: Invalid input: expected 1 at version");
});

test("a damaged store is told of and counts as empty", async () => {
  await writeFile(file("stored.json"), '{"format"');
  const { code, out, err } = await tune("--list");
  expect(code).toBe(0);
  expect(err).toContain("stored.json holds no tunings: it is no JSON; it is ignored");
  expect(out).toMatch(/^nothing is stored in /);
});

test.each([
  ["nothing", [], "nothing to tune: no model was named"],
  ["two actions", ["--list", "--clear"], "--list and --clear do not go together"],
  ["an action with a model", ["resnet18", "--clear"], "--clear takes no model"],
  ["a name that is near", ["resnet5O"], 'did you mean "resnet50"'],
  ["a file that is not there", ["net.onnx"], "model net.onnx does not exist"],
  ["the CPU", ["espcn", "--device", "cpu"], "there are kernels to choose on a GPU only"],
  ["no time", ["espcn", "--seconds", "0"], "It must be a whole number of at least 1."],
])("usage: %s", async (_, args, message) => {
  const { code, err } = await tune(...args);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test("where tunings are turned off there is nothing to do", async () => {
  const env = { REKINDLE_TUNINGS: "off" };
  const { code, err } = await command(folder, ["tune", "--list"], { env });
  expect(code).toBe(2);
  expect(err).toContain("tunings are turned off: REKINDLE_TUNINGS is off");
});
