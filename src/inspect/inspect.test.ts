import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type FileReport, inspectAll, summarize, wouldLoad } from "./index.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/inspect/", import.meta.url));

async function reportsOf(path: string, symbols = false): Promise<FileReport[]> {
  return await inspectAll(join(fixtures, path), { symbols });
}

/** "gfx1010 2" for each row of code: the target and its kernels. */
const rows = (report: FileReport) => report.code.map((row) => `${row.target} ${row.kernels}`);

const bundled = [
  "gfx906 2",
  "gfx90a:sramecc+:xnack- 2",
  "gfx10-1-generic 2",
  "gfx1010 2",
  "gfx1030 2",
];
/** Bundles of `two` and `one` in zstd, and of `two` in zlib. */
const compressed = bundled.flatMap((row) => [row.replace(/2$/, "3"), row]);

describe("code objects", () => {
  test("target, kernels and registers", async () => {
    const [report] = await reportsOf("two-gfx1010.co", true);
    expect(report).toMatchObject({ format: "code-object", problems: [], sizeBytes: 3672 });
    const [code] = report!.code;
    expect(code).toMatchObject({ target: "gfx1010", place: "code-object", bytes: 3672 });
    expect(code!.symbols).toEqual([
      {
        name: "scale",
        vgprs: 2,
        sgprs: 6,
        vgprSpills: 0,
        sgprSpills: 0,
        ldsBytes: 0,
        scratchBytes: 0,
        waveSize: 32,
      },
      expect.objectContaining({ name: "turn", ldsBytes: 1024, waveSize: 32 }),
    ]);
  });

  test.each([
    ["two-gfx10-1-generic.co", ["gfx10-1-generic 2"]],
    ["two-gfx90a.co", ["gfx90a:sramecc+:xnack- 2"]],
  ])("%s", async (path, expected) => {
    const [report] = await reportsOf(path);
    expect(rows(report!)).toEqual(expected);
  });
});

describe("bundles", () => {
  test("plain", async () => {
    const [report] = await reportsOf("two.bundle");
    expect(rows(report!)).toEqual(bundled);
    expect(report!.containers).toEqual([
      { kind: "offload-bundle", compression: "none", count: 1, storedBytes: 28248, bytes: 28248 },
    ]);
  });

  test.each([1, 2, 3].flatMap((version) => [`version${version}-zlib`, `version${version}-zstd`]))(
    "CCOB %s",
    async (name) => {
      const [report] = await reportsOf(`${name}.ccob`);
      expect(rows(report!)).toEqual(bundled);
      expect(report).toMatchObject({ format: "compressed-bundle", problems: [] });
      expect(report!.containers).toEqual([
        {
          kind: "ccob",
          version: Number(name.slice(7, 8)),
          compression: name.slice(9),
          count: 1,
          storedBytes: report!.sizeBytes,
          bytes: 28248,
        },
      ]);
    },
  );

  test("of LLVM's new driver", async () => {
    const [report] = await reportsOf("packed.bin");
    expect(rows(report!)).toEqual(["gfx1010 1", "gfx1030 1"]);
  });

  test("several in one section of a library", async () => {
    const [report] = await reportsOf("libcompressed.so");
    expect(report).toMatchObject({ format: "elf", description: "ELF shared object, x86-64" });
    expect(rows(report!)).toEqual(compressed);
    expect(report!.containers.map((c) => `${c.compression} ${c.count}`)).toEqual([
      "zstd 2",
      "zlib 1",
    ]);
  });
});

test("a DLL of Windows", async () => {
  const [report] = await reportsOf("compressed.dll");
  expect(report).toMatchObject({ format: "pe", problems: [] });
  expect(rows(report!)).toEqual(compressed);
});

describe("kpack", () => {
  test("code that is stored as it is", async () => {
    const [report] = await reportsOf("plain.kpack");
    expect(rows(report!)).toEqual(["gfx1010 3"]);
    expect(report!.kpackBinaries).toEqual({ "lib/a.so": ["gfx1010"] });
  });

  test("a library finds its archives beside it", async () => {
    const reports = await reportsOf("tree/lib/libsplit.so");
    expect(reports.map((report) => report.format)).toEqual(["elf", "kpack", "kpack"]);
    expect(reports[0]!.kpack).toEqual({
      kernelName: "lib/libsplit.so",
      searchPaths: ["../.kpack/split_@GFXARCH@.kpack"],
    });
    const summary = summarize(reports);
    expect(summary.parts).toMatchObject([{ place: "kpack", targets: ["gfx1010", "gfx1030"] }]);
    expect(wouldLoad(summary, "gfx1010").answer).toBe("yes");
    expect(wouldLoad(summary, "gfx1100").answer).toBe("no");
    expect(wouldLoad(summarize(reports.slice(0, 1)), "gfx1010")).toMatchObject({
      answer: "unknown",
      why: expect.stringMatching(/moved to kpack archives .*none was found/),
    });
  });
});

describe("archives", () => {
  test.each([
    ["gzip.deb", "data.tar.gz!usr/lib/libcompressed.so"],
    ["xz.deb", "data.tar.xz!usr/lib/libcompressed.so"],
    ["zstd.deb", "data.tar.zst!usr/lib/libcompressed.so"],
    ["libobjects.a", "an-object-file-with-a-long-name-1.o"],
    ["wheel.whl", "pkg/lib/libcompressed.so"],
  ])("%s", async (path, member) => {
    const reports = await reportsOf(path);
    expect(reports.flatMap((report) => report.problems)).toEqual([]);
    const found = reports.find((report) => report.path.endsWith(`${path}!${member}`));
    expect(rows(found!)).toEqual(compressed);
    expect(reports.at(-1)!.description).toMatch(/(package|archive) of \d files/);
  });

  test("deflated members are read as well", async () => {
    const reports = await reportsOf("wheel.whl");
    const found = reports.find((report) => report.path.endsWith("libmixed.so"));
    expect(found!.containers.map((c) => c.kind)).toEqual([
      "offload-bundle",
      "ccob",
      "ccob",
      "ccob",
    ]);
    expect(found!.code.filter((row) => row.target === "gfx1010")).toHaveLength(3);
  });
});

describe("folders of data", () => {
  test("rocBLAS: lazy indices with their code", async () => {
    const summary = summarize(await reportsOf("rocm"));
    const part = summary.parts.find((p) => p.place === "tensile")!;
    expect(part.path).toBe(join(fixtures, "rocm/lib/rocblas/library"));
    expect(part.targets).toEqual(["gfx1010", "gfx1030"]);
    expect(part.remark).toBe("listed without code: gfx900");
    const answer = wouldLoad(summary, "gfx1010").parts.find((p) => p.place === "tensile");
    expect(answer!.answer).toBe("yes");
  });

  test("rocBLAS: one index for all targets", async () => {
    const reports = await reportsOf("merged");
    expect(reports[0]!.data).toMatchObject({ merged: true, targets: ["gfx906", "gfx1010"] });
    expect(summarize(reports).parts[0]!.targets).toEqual(["gfx906", "gfx1010"]);
  });

  test("AOTriton's archives, whose folder names a family", async () => {
    const reports = await reportsOf("rocm/lib/aotriton.images");
    expect(reports[0]).toMatchObject({ format: "aotriton-image", problems: [] });
    expect(rows(reports[0]!)).toEqual(["gfx1100 3"]);
  });

  test("MIOpen's databases", async () => {
    const reports = await reportsOf("rocm/share");
    const targets = reports.map((report) => report.data!.targets);
    expect(targets).toEqual([["gfx1030"], ["gfx90a"]]);
    expect(summarize(reports).parts).toEqual([]);
  });
});

describe("walking", () => {
  test("passes over sources, says what is unknown, follows no link", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rekindle-inspect-"));
    try {
      await mkdir(join(folder, "inside"));
      await writeFile(join(folder, "inside/data.bin"), "nothing known");
      await writeFile(join(folder, "inside/code.py"), "print()");
      await symlink(fixtures, join(folder, "link"));
      const reports = await inspectAll(folder);
      expect(reports.map((report) => report.format)).toEqual(["unknown"]);
      expect(summarize(reports).unknownFiles).toBe(1);
      await expect(inspectAll(join(folder, "none"))).rejects.toThrow("not exist");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("what may not be read is told and passed", async () => {
    const denied = Object.assign(new Error("denied"), { code: "EACCES" });
    const entries = [
      { name: "a.so", kind: "file" as const },
      { name: "b", kind: "folder" as const },
    ];
    const files = {
      kind: async () => undefined,
      target: async (path: string) => ({ path, kind: "folder" as const }),
      entries: async (path: string) => (path === "top" ? entries : Promise.reject(denied)),
      open: () => Promise.reject(denied),
    };
    const reports = await inspectAll("top", { files });
    expect(reports.map(({ path, problems }) => [path, problems[0]!.code])).toEqual([
      ["top/a.so", "permission"],
      ["top/b", "permission"],
    ]);
  });
});
