import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command, temporaryFolder } from "../../test/command.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/inspect/", import.meta.url));
const inspect = (...argv: string[]) => command(fixtures, ["inspect", ...argv]);

let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterAll(() => remove());

describe("text", () => {
  test("a library: its bundles, and targets in a table", async () => {
    const { code, out, err } = await inspect("libcompressed.so");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^libcompressed\.so {2}ELF shared object, x86-64, 14\.4 kB\n/);
    expect(out).toMatch(/^ {2}2 compressed bundles \(version 2, zstd\): 3\.46 kB, 51\.6 kB /m);
    expect(out).toMatch(/^ {2}gfx1010 +3 +2 +6\.51 kB {2}zstd$/m);
    expect(out).toMatch(/^1 file read: device code in 1\.$/m);
  });

  test("kernels with their registers", async () => {
    const { out } = await inspect("--symbols", "two-gfx1010.co");
    expect(out).toMatch(/kernels of gfx1010\n +kernel +VGPRs +SGPRs +spills +LDS +scratch\n/);
    expect(out).toMatch(/^ +scale +2 +6 +0 +0 +0$/m);
    expect(out).toMatch(/^ +turn +3 +6 +0 +1024 +0$/m);
  });

  test("several files, and totals", async () => {
    const { out } = await inspect("two-gfx1010.co", "packed.bin");
    expect(out).toMatch(/^In total\n/m);
    expect(out).toMatch(/^ {2}gfx1010 +3 +2 +6\.51 kB +lone files, in libraries$/m);
  });

  test("a folder says what it lists, and what is damaged inside", async () => {
    await writeFile(join(folder, "broken.hsaco"), "CCOB\x02\x00\x01\x00");
    await writeFile(join(folder, "notes.bin"), "no format");
    await copyFile(join(fixtures, "two-gfx1010.co"), join(folder, "a.co"));
    const { code, out } = await command(folder, ["inspect", "."]);
    expect(code).toBe(0);
    expect(out).toMatch(/broken\.hsaco[\s\S]*damaged: at offset 0x8: /);
    expect(out).toMatch(/^3 files read: device code in 1, 1 of an unknown format\.$/m);
  });
});

describe("--for", () => {
  test.each([
    ["gfx1010", "two-gfx1010.co", 0, /\? yes: it has code for gfx1010\.$/m],
    ["gfx1010", "two-gfx10-1-generic.co", 0, /yes: .*gfx10-1-generic, the\ngeneric target/],
    ["gfx1012", "two-gfx1010.co", 1, /on a condition: [\s\S]*HSA_OVERRIDE_GFX_VERSION=10\.1\.0/],
    ["gfx1100", "two-gfx1010.co", 1, /no: no code for gfx1100: it has gfx1010/],
    ["gfx90a:xnack+", "two-gfx90a.co", 1, /no: no code for gfx90a:xnack\+/],
    ["gfx90a:xnack-", "two-gfx90a.co", 1, /on a condition: [\s\S]*sramecc\+/],
  ])("%s from %s", async (target, file, expected, text) => {
    const { code, out } = await inspect("--for", target, file);
    expect(out).toMatch(text);
    expect(code).toBe(expected);
  });

  test("a text that is no target", async () => {
    const { code, err } = await inspect("--for", "rx5600", "two-gfx1010.co");
    expect(code).toBe(2);
    expect(err).toMatch(/--for rx5600 is no GPU target\n +fix: .*--for gfx1010/);
  });
});

describe("failures", () => {
  test("a file that does not exist", async () => {
    const { code, err } = await inspect("none.so");
    expect([code, err]).toEqual([2, expect.stringMatching(/none\.so does not exist/)]);
  });

  test("a damaged file: what was found, the place, and exit code 2", async () => {
    await writeFile(join(folder, "cut.co"), "\x7fELF\x02\x01\x01");
    const { code, out, err } = await command(folder, ["inspect", "cut.co"]);
    expect(code).toBe(2);
    expect(out).toContain("cut.co");
    expect(err).toMatch(/^error: cut\.co: at offset 0x0: ELF header of 20 bytes does not fit/);
  });
});

test("--json is one document with a versioned schema", async () => {
  const { out } = await inspect("--json", "--for", "gfx1010", "two-gfx1010.co", "wheel.whl");
  const document = JSON.parse(out);
  expect(document).toMatchObject({
    schema: "rekindle-inspect/1",
    summary: { files: 4, unknownFiles: 0 },
    load: { target: "gfx1010", answer: "yes" },
  });
  expect(document.files.map((file: { path: string }) => file.path)).toEqual([
    "two-gfx1010.co",
    "wheel.whl!pkg/lib/libmixed.so",
    "wheel.whl!pkg/lib/libcompressed.so",
    "wheel.whl",
  ]);
});

test("progress is told on a terminal alone", async () => {
  const { err } = await inspect("two-gfx1010.co");
  expect(err).toBe("");
});
