import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import { decodeText } from "./decode.ts";
import { linesOf } from "./lines.ts";

async function read(...chunks: Uint8Array[]): Promise<string[]> {
  const texts: string[] = [];
  for await (const lines of linesOf(decodeText(chunks, "a.log"))) {
    for (const { number, text } of lines) texts.push(`${number} ${text}`);
  }
  return texts;
}

const text = (value: string) => read(Buffer.from(value));
const bigEndian = (value: string) => Buffer.from(value, "utf16le").swap16();

describe("encodings", () => {
  const log = "HIP error: invalid device function\r\nzweite Zeile äöü €\r\n";
  const lines = ["1 HIP error: invalid device function", "2 zweite Zeile äöü €"];

  test.each([
    ["UTF-8", Buffer.from(log)],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${log}`)],
    ["UTF-16, as PowerShell writes it", Buffer.from(`\ufeff${log}`, "utf16le")],
    ["UTF-16 without a mark", Buffer.from(log.repeat(9), "utf16le")],
    ["UTF-16, the other way round", bigEndian(`\ufeff${log}`)],
    ["the same without a mark", bigEndian(log.repeat(9))],
  ])("%s", async (_, bytes) => {
    expect((await read(bytes)).slice(0, 2)).toEqual(lines);
  });

  test("bytes may come one at a time", async () => {
    const bytes = Buffer.from(log);
    expect(await read(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(lines);
  });

  test("Latin-1 letters and broken bytes do no harm", async () => {
    const bytes = Buffer.concat([Buffer.from([0xe4, 0xff, 0xc3]), Buffer.from("x\nGPU Hang\n")]);
    expect((await read(bytes))[1]).toBe("2 GPU Hang");
  });
});

describe("what is no text", () => {
  test.each([
    ["7f454c46020101", /an ELF file/, "rekindle inspect a.log"],
    ["1f8b0800", /gzip/, "zcat a.log | rekindle explain -"],
    ["28b52ffd00", /zstd/, "zstdcat a.log | rekindle explain -"],
    ["4c504b5348485248", /systemd journal/, "journalctl --file a.log | rekindle explain -"],
    ["89504e470d0a1a0a", /a picture/, /copy the text/],
    ["504b0304", /zip archive/, /unpack/],
    ["0001020304050607".repeat(9), /binary/, /what the program printed/],
  ])("%s is refused, with what to do", async (hex, why, fix) => {
    const error = await read(Buffer.from(hex, "hex")).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RekindleError);
    expect(error).toMatchObject({ code: "file-invalid", message: expect.stringMatching(why) });
    expect((error as RekindleError).fix).toEqual(
      typeof fix === "string" ? fix : expect.stringMatching(fix),
    );
  });

  test("an empty log is empty", async () => {
    expect(await read()).toEqual([]);
    expect(await text("")).toEqual([]);
  });
});

describe("lines", () => {
  test("lose colours, window titles and control characters", async () => {
    const line = "\u001b[1;31mHIP error\u001b[0m:\u001b]0;title\u0007 invalid\u0000\u202e function";
    expect(await text(line)).toEqual(["1 HIP error: invalid function"]);
  });

  test("a progress bar overwrites its line", async () => {
    expect(await text("10%\r50%\rGPU Hang\nnext")).toEqual([
      "1 10%",
      "1 50%",
      "1 GPU Hang",
      "2 next",
    ]);
  });

  test("quotes of forum posts, HTML breaks and escaped breaks", async () => {
    expect(await text("> > GPU Hang")).toEqual(["1 GPU Hang"]);
    expect(await text("one<br>two<br/>three")).toEqual(["1 one", "1 two", "1 three"]);
    expect(await text('{"log": "one\\nTwo"}')).toEqual(['1 {"log": "one', '1 Two"}']);
    expect(await text("C:\\new\\name")).toEqual(["1 C:\\new\\name"]);
  });

  test("a long line comes in pieces that overlap, so that no message is cut in two", async () => {
    for (const at of [0, 3000, 4080, 4096, 8000, 100_000]) {
      const long = `${"x".repeat(at)} Memory access fault by GPU node-1 ${"y".repeat(9000)}\nend`;
      const lines = await text(long);
      expect(lines.some((line) => line.includes("Memory access fault by GPU node-1"))).toBe(true);
      expect(lines.at(-1)).toBe("2 end");
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(5000);
    }
  });

  test("the same where the line arrives in chunks", async () => {
    const long = `${"x".repeat(50_000)} GPU Hang ${"y".repeat(50_000)}\nend`;
    const chunks = long.match(/.{1,999}|\n/gs)!.map((part) => Buffer.from(part));
    const lines = await read(...chunks);
    expect(lines.some((line) => line.includes("GPU Hang"))).toBe(true);
    expect(lines.at(-1)).toBe("2 end");
  });
});
