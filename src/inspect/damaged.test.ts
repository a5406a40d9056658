import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import type { FileTree } from "../host/index.ts";
import { type FileReport, inspectAll } from "./index.ts";
import { bytesSource } from "./source.ts";

// Every fixture, cut off and with bytes changed: damage is told with its place, and nothing else
// happens: no crash, no hang, no memory beyond the file's own kind.

const fixtures = fileURLToPath(new URL("../../fixtures/inspect/", import.meta.url));
const names = readdirSync(fixtures, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith(".md"))
  .map((entry) => join(entry.parentPath, entry.name).slice(fixtures.length));

/** A machine with one file on it. */
function onlyFile(content: Uint8Array): FileTree {
  return {
    kind: async () => "file",
    target: async (path) => ({ path, kind: "file" }),
    entries: async () => [],
    open: async () => ({ ...bytesSource(content), close: async () => undefined }),
  };
}

async function read(name: string, content: Uint8Array): Promise<FileReport[]> {
  return await inspectAll(name, { files: onlyFile(content), symbols: true });
}

/** Xorshift (Marsaglia 2003): the same numbers on every machine. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function expectSound(reports: readonly FileReport[], size: number): void {
  for (const { problems, code } of reports) {
    for (const { code: kind, message, offset } of problems) {
      expect(["file-invalid", "skipped"]).toContain(kind);
      if (kind === "file-invalid") expect(message).toMatch(/at offset 0x[0-9a-f]+: \w/);
      if (offset !== undefined) expect(offset).toBeGreaterThanOrEqual(0);
    }
    for (const row of code) expect(row.bytes).toBeLessThan(2 ** 26 + size);
  }
}

describe.each(names)("%s", (name) => {
  const content = new Uint8Array(readFileSync(join(fixtures, name)));

  test("cut off", async () => {
    const random = randomNumbers(names.indexOf(name) + 1);
    for (let i = 0; i < 40; i++) {
      const length = i < 8 ? i * 8 : random(content.length);
      expectSound(await read(name, content.slice(0, length)), content.length);
    }
  });

  test("with bytes changed", async () => {
    const random = randomNumbers(names.indexOf(name) + 1001);
    for (let i = 0; i < 80; i++) {
      const damaged = content.slice();
      for (let flips = 1 + random(3); flips > 0; flips--) {
        // Headers are where sizes and offsets stand: half of the changes go there.
        const at = random(2) === 0 ? random(Math.min(256, content.length)) : random(content.length);
        damaged[at] = random(3) === 0 ? 0xff : random(256);
      }
      expectSound(await read(name, damaged), content.length);
    }
  });
});

test("a truncated library names the place and what is missing", async () => {
  const content = new Uint8Array(readFileSync(join(fixtures, "libcompressed.so")));
  const [report] = await read("lib.so", content.slice(0, 8000));
  expect(report!.problems[0]!.message).toMatch(/^at offset 0x\w+: .*the data ends at 0x1f40/);
});

test("a header that promises more than is there is an error, not an allocation", async () => {
  const content = new Uint8Array(readFileSync(join(fixtures, "version2-zstd.ccob")));
  new DataView(content.buffer).setUint32(12, 0xffff_ffff, true);
  const [report] = await read("a.ccob", content);
  expect(report!.problems[0]!.code).toBe("file-invalid");
});

test("a fault of the reader itself is not called damage", async () => {
  const broken: FileTree = {
    ...onlyFile(new Uint8Array(600)),
    open: async () => ({
      size: 600,
      read: () => Promise.reject(new TypeError("a mistake of ours")),
      close: async () => undefined,
    }),
  };
  const error = await inspectAll("x", { files: broken }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TypeError);
  expect(error).not.toBeInstanceOf(RekindleError);
});
