import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decompressed, type Method } from "./decompress.ts";
import { bytesSource } from "./source.ts";
import { streamSource } from "./stream-source.ts";

/** 100 kB that repeat only in part. */
const content = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) % 251);

function countedStream(windowBytes: number) {
  const count = { opened: 0, longest: 0 };
  async function* open() {
    count.opened++;
    for (let at = 0; at < content.length; at += 1000) yield content.subarray(at, at + 1000);
  }
  return { count, source: streamSource(open, content.length, { windowBytes }) };
}

describe("random access over a stream", () => {
  test.each([
    [0, 10],
    [50_000, 3000],
    [99_990, 50],
    [12, 99_000],
    [49_999, 2],
  ])("%d bytes in, %d long", async (offset, length) => {
    const { source } = countedStream(5000);
    await source.read(70_000, 100);
    expect(await source.read(offset, length)).toEqual(content.slice(offset, offset + length));
  });

  test("a little way back costs nothing, further back a new pass", async () => {
    const { source, count } = countedStream(5000);
    await source.read(50_000, 100);
    await source.read(47_000, 100);
    expect(count.opened).toBe(1);
    await source.read(1000, 100);
    expect(count.opened).toBe(2);
  });

  test("an order that would take passes without end is an error", async () => {
    const { source } = countedStream(1000);
    const jump = async () => {
      for (let i = 0; i < 100; i++) await source.read(i % 2 === 0 ? 90_000 : 0, 10);
    };
    await expect(jump()).rejects.toThrow(/in an order that takes \d+ passes/);
  });
});

describe("decompression", () => {
  async function all(packed: Uint8Array, method: Method, maxBytes = content.length) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of decompressed(bytesSource(packed), method, maxBytes)) {
      chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
  }

  const packed = [
    ["zlib", deflateSync(content)],
    ["deflate", deflateRawSync(content)],
    ["gzip", gzipSync(content)],
  ] as const;

  test.each(packed)("%s", async (method, bytes) => {
    expect(await all(bytes, method)).toEqual(content);
  });

  test.each(packed)("%s that is cut off, or holds more than was said", async (method, bytes) => {
    await expect(all(bytes.subarray(0, 500), method)).rejects.toThrow(/at offset 0x0: .* damaged/);
    await expect(all(bytes, method, 5000)).rejects.toThrow(/more than the 5000 bytes/);
  });

  test("zstd that asks for more memory than a file may", async () => {
    const header = new Uint8Array(32);
    header.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8]);
    await expect(all(header, "zstd")).rejects.toThrow(/a window of \d+ bytes|damaged/);
  });
});
