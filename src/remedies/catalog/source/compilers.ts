import { RekindleError } from "../../../errors.ts";
import type { Situation } from "../../remedy.ts";
import type { Need, Step } from "../../step.ts";
import { shellWord } from "../shell-word.ts";

/*
 * Compilers behind a cache, so that an interrupted or repeated build goes on where it was, and over
 * several machines, by engines that exist. PyTorch's build takes launchers for the compilers of the
 * processor; device code is compiled by hipcc, which looks for clang in HIP_CLANG_PATH.
 */

export const caches = ["ccache", "sccache", "none"] as const;
export const engines = ["none", "icecream", "distcc", "sccache-dist"] as const;
type Cache = (typeof caches)[number];
type Engine = (typeof engines)[number];

/** How compilers are started. */
export interface Compilers {
  readonly env: Readonly<Record<string, string>>;
  readonly needs: readonly Need[];
  /** Writes wrappers of clang. */
  readonly steps: readonly Step[];
  readonly isSpread: boolean;
  readonly notes: readonly string[];
}

const packages: Readonly<Record<string, string>> = { icecc: "icecc", distcc: "distcc" };
const programOf = { icecream: "icecc", distcc: "distcc" } as const;
const need = (program: string): Need => ({
  program,
  install: `install the package ${packages[program] ?? program}`,
});

/**
 * Compilers for a build, with wrappers in `folder`. Throws "usage" for an engine that does not go
 * with the cache.
 */
export function compilersFor({ options }: Situation, rocm: string, folder: string): Compilers {
  const [cache, engine] = [options.cache as Cache, options.spread as Engine];
  if (engine === "sccache-dist" && cache !== "sccache") {
    throw new RekindleError("usage", "sccache-dist is a part of sccache", {
      fix: "--set cache=sccache --set spread=sccache-dist",
    });
  }
  if (cache === "sccache" && (engine === "icecream" || engine === "distcc")) {
    throw new RekindleError("usage", `sccache cannot pass work on to ${engine}`, {
      fix: "--set cache=ccache, or spread=sccache-dist",
    });
  }
  const client = engine === "icecream" || engine === "distcc" ? programOf[engine] : undefined;
  const launcher = cache === "none" ? client : cache;
  const needs = [...(cache === "none" ? [] : [need(cache)]), ...(client ? [need(client)] : [])];
  return {
    env: {
      ...(launcher && {
        CMAKE_C_COMPILER_LAUNCHER: launcher,
        CMAKE_CXX_COMPILER_LAUNCHER: launcher,
      }),
      ...(cache === "ccache" && client && { CCACHE_PREFIX: client }),
      ...(engine === "distcc" && options.hosts && { DISTCC_HOSTS: options.hosts }),
      ...(cache !== "none" && { HIP_CLANG_PATH: folder }),
    },
    needs: engine === "distcc" && !options.hosts ? [...needs, knowsHosts] : needs,
    steps: cache === "none" ? [] : wrappers(cache, rocm, folder),
    isSpread: engine !== "none",
    notes: engine === "none" ? [] : [spreadNote],
  };
}

const spreadNote =
  "Code for the processor is spread over machines; code for the GPU is compiled on this one.";

const knowsHosts: Need = {
  check: { command: { program: "distcc", args: ["--show-hosts"] }, prints: "\\S" },
  otherwise: 'name the machines that compile: --set hosts="localhost builder1/8 builder2/8"',
};

/** Device code goes to the cache and never to other machines, which lack ROCm's libraries. */
const wrappers = (cache: Cache, rocm: string, folder: string): Step[] =>
  ["clang", "clang++"].map((name) => ({
    kind: "write",
    id: `write-${name.replace("++", "-cxx")}`,
    does: `write a ${name} that asks ${cache} first`,
    path: `${folder}/${name}`,
    content: wrapper(`${cache} ${shellWord(`${rocm}/llvm/bin/${name}`)}`),
    before: null,
    mode: 0o755,
  }));

const wrapper = (program: string) => `#!/bin/sh\nunset CCACHE_PREFIX\nexec ${program} "$@"\n`;
