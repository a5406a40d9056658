import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FileReport, inspectAll } from "../src/inspect/index.ts";
import { processors } from "../src/inspect/targets.ts";
import { root } from "./sources.ts";

// rekindle inspect against LLVM's own tools, on files that LLVM makes: the same targets, sizes,
// kernels and registers.

const llvm = process.env.REKINDLE_LLVM ?? "/usr/lib/llvm-19/bin";
const tool = (name: string, ...args: string[]) =>
  execFileSync(join(llvm, name), args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rekindle-llvm-"));
  execFileSync("python3", [join(root, "scripts/inspect-samples.py"), folder], { stdio: "ignore" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

async function only(name: string): Promise<FileReport> {
  const reports = await inspectAll(at(name), { symbols: true });
  expect(reports[0]!.problems).toEqual([]);
  return reports[0]!;
}

/** "gfx90a:sramecc+:xnack-" of readelf's "0xB3F, gfx90a, xnack-, sramecc+". */
function targetOfFlags(header: string): string {
  const flags = /Flags:\s+0x[0-9A-Fa-f]+, (.*)/.exec(header)![1]!.split(", ");
  const features = flags.slice(1).filter((flag) => /^(sramecc|xnack)[+-]$/.test(flag));
  return [flags[0]!, ...features.sort()].join(":");
}

/** Numbers of every kernel in readelf's print of the metadata note. */
function kernelsOfNotes(notes: string) {
  const values = (key: string) =>
    [...notes.matchAll(new RegExp(`^ {4}(?:[ -] )?\\.${key}: +(\\S+)$`, "gm"))].map((m) => m[1]!);
  const [vgprs, sgprs, lds] = [
    values("vgpr_count"),
    values("sgpr_count"),
    values("group_segment_fixed_size"),
  ];
  return values("name").map((name, i) => ({
    name,
    vgprs: Number(vgprs[i]),
    sgprs: Number(sgprs[i]),
    ldsBytes: Number(lds[i]),
  }));
}

test("code objects: llvm-readelf sees the same target, kernels and registers", async () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".co"));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const { code } = await only(name);
    expect([name, code.length]).toEqual([name, 1]);
    expect(code[0]!.target).toBe(targetOfFlags(tool("llvm-readelf", "-h", at(name))));
    const kernels = kernelsOfNotes(tool("llvm-readelf", "--notes", at(name)));
    expect(kernels.length).toBeGreaterThan(0);
    expect(code[0]!.kernels).toBe(kernels.length);
    expect(code[0]!.symbols).toMatchObject(kernels);
  }
});

describe("bundles", () => {
  test.each(["two.bundle", "one.bundle", "two.ccob", "one.ccob"])("%s", async (name) => {
    const list = tool("clang-offload-bundler", "--list", "--type=o", `--input=${at(name)}`);
    const ids = [...list.matchAll(/hipv4-amdgcn-amd-amdhsa--([\w:+-]+?)(?=\s|host-|$)/g)];
    const { code } = await only(name);
    expect(code.map((row) => row.target).sort()).toEqual(ids.map((m) => m[1]!).sort());
    for (const { target, bytes } of code) {
      const id = `hipv4-amdgcn-amd-amdhsa--${target}`;
      const from = [`--input=${at(name)}`, `--targets=${id}`, `--output=${at("out.co")}`];
      tool("clang-offload-bundler", "--unbundle", "--type=o", ...from);
      expect(bytes).toBe(statSync(at("out.co")).size);
    }
  });

  test("a section of a library holds each bundle that was put in", async () => {
    const { code, containers } = await only("libmixed.so");
    const sums = new Map<string, [number, number]>();
    for (const { target, codeObjects, kernels } of code) {
      const [objects, count] = sums.get(target) ?? [0, 0];
      sums.set(target, [objects + codeObjects, count + kernels!]);
    }
    expect(sums.size).toBe(5);
    // Three bundles of `two` and three of `one`.
    for (const sum of sums.values()) expect(sum).toEqual([6, 9]);
    expect(containers.reduce((sum, { count }) => sum + count, 0)).toBe(6);
  });

  test("llvm-objdump --offloading sees the same images", async () => {
    const dump = tool("llvm-objdump", "--offloading", at("libpacked.so"));
    const targets = [...dump.matchAll(/^arch\s+(\S+)/gm)].map((match) => match[1]!);
    const { code } = await only("libpacked.so");
    expect(code.map((row) => row.target)).toEqual(targets);
    expect(targets).toEqual(["gfx1010", "gfx1030"]);
  });
});

test("every processor that clang compiles for has its number", async () => {
  const source = at("empty.cl");
  writeFileSync(source, "kernel void nothing(void) {}\n");
  const seen = new Set<string>();
  for (const processor of processors) {
    const version = processor.endsWith("generic") ? 6 : 5;
    const output = at("processor.o");
    const flags = ["-x", "cl", "-target", "amdgcn-amd-amdhsa", "-nogpulib", "-c", source];
    try {
      tool(
        "clang",
        ...flags,
        `-mcpu=${processor}`,
        `-mcode-object-version=${version}`,
        "-o",
        output,
      );
    } catch {
      continue; // newer than this clang
    }
    const flagsText = tool("llvm-readelf", "-h", output);
    expect((await only("processor.o")).code[0]!.target).toBe(targetOfFlags(flagsText));
    seen.add(processor);
  }
  expect(seen.size).toBeGreaterThan(45);
});
