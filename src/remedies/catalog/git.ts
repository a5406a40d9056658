import type { RunStep, Step } from "../step.ts";
import { gitScript } from "./git-script.ts";

/** Sources at one commit. */
export interface Sources {
  /** Begins the ids of its steps: "sources". */
  readonly id: string;
  readonly url: string;
  /** What is fetched: "refs/tags/v2.10.0". */
  readonly ref: string;
  /** What it has to be; absent: whatever the ref is. */
  readonly commit?: string;
  readonly folder: string;
  readonly hasSubmodules: boolean;
}

/** Sources that change under a tag, and questions for passwords, are errors. */
const env = { GIT_TERMINAL_PROMPT: "0", GIT_ADVICE: "0" };
const hours = 3600_000;

/** Writes what the other steps run: once in a plan. */
export function writeGitScript(path: string): Step {
  return {
    kind: "write",
    id: "write-git-script",
    does: "write a program that goes on with interrupted fetches",
    path,
    content: gitScript,
    before: null,
  };
}

/**
 * Steps that fetch sources, each of which goes on after an interruption. The commit is checked by
 * checking it out: a tag that was moved fails.
 */
export function fetchSources(sources: Sources, python: string, script: string): Step[] {
  const { id, url, ref, commit, folder, hasSubmodules } = sources;
  const git = (name: string, does: string, args: readonly string[]): RunStep => ({
    kind: "run",
    id: `${name}-${id}`,
    does,
    command: {
      program: python.startsWith("/") ? { path: python } : python,
      args: [{ path: script }, { path: folder }, ...args],
      env,
    },
    continues: true,
    timeoutMs: 6 * hours,
  });
  const need = { program: "git", install: "install git with the system's package manager" };
  const network = /^https?:/.test(url) ? [{ network: url }] : [];
  const isAtCommit = {
    command: { program: "git", args: ["-C", { path: folder }, "rev-parse", "HEAD"] },
    prints: `^${commit}`,
  };
  const steps: Step[] = [
    {
      ...git(`fetch`, `fetch ${ref} from ${url}`, ["fetch", "--progress", "--depth=1", url, ref]),
      needs: [need, ...network],
      network: true,
    },
    {
      ...git(`check-out`, commit ? `check out ${commit}` : "check out what was fetched", [
        ...["checkout", "--quiet", "--detach"],
        // Over what an interrupted one left.
        "--force",
        commit ?? "FETCH_HEAD",
      ]),
      ...(commit && { doneWhen: [isAtCommit] }),
    },
  ];
  if (!hasSubmodules) return steps;
  const submodules = git("fetch-parts-of", "fetch what it contains of other projects", [
    ...["submodule", "update", "--init", "--recursive", "--depth=1", "--jobs=4", "--progress"],
    "--force",
  ]);
  return [...steps, { ...submodules, network: true }];
}
