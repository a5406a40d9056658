import { existsSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import {
  files,
  functionsOf,
  importsOf,
  isGenerated,
  isTest,
  parseProject,
  readText,
  root,
} from "./sources.ts";

// CONTRIBUTING.md explains the rules that this file checks. Each test lists every offence at once,
// as "file:line: what is wrong, what to do".

const isCode = (path: string) => /\.(ts|mjs|py|html|css)$/.test(path) && !isGenerated(path);
const isProse = (path: string) => path.endsWith(".md");
const isText = (path: string) =>
  isCode(path) || isProse(path) || (/\.(json|ya?ml)$/.test(path) && !isGenerated(path));
const project = parseProject();
const sources = [...project.keys()].filter((path) => path.startsWith("src/"));

/** `offence(line)` for every line of the chosen files, as "file:line: offence". */
function offences(chosen: (path: string) => boolean, offence: (line: string) => string | false) {
  return files.filter(chosen).flatMap((path) =>
    readText(path)
      .split("\n")
      .flatMap((line, i) => {
        const found = offence(line);
        return found ? [`${path}:${i + 1}: ${found}`] : [];
      }),
  );
}

describe("length", () => {
  test("lines have at most 100 columns", () => {
    const breakable = (line: string) => !/https?:\/\/|^\s*\|/.test(line);
    const isLong = (line: string) =>
      [...line].length > 100 && breakable(line) && `${[...line].length} columns, break it`;
    expect(offences((path) => isCode(path) || isProse(path), isLong)).toEqual([]);
  });

  test("files have at most 400 lines", () => {
    const long = files.filter(isCode).flatMap((path) => {
      const lines = readText(path).split("\n").length;
      return lines > 400 ? [`${path}: ${lines} lines, split it by idea`] : [];
    });
    expect(long).toEqual([]);
  });

  test("functions have at most 70 lines", () => {
    const long = [...project].flatMap(([path, file]) =>
      functionsOf(file)
        .filter((f) => f.lines > 70)
        .map((f) => `${path}:${f.line}: ${f.name} has ${f.lines} lines, take a part out`),
    );
    expect(long).toEqual([]);
  });
});

/** src's folders and top files in the order in which docs/architecture.md lists them. */
function documentedOrder(): string[] {
  const block = /```\nsrc\/\n([\s\S]*?)```/.exec(readText("docs/architecture.md"))![1]!;
  return [...block.matchAll(/^ {2}(\S+)/gm)].map((match) => match[1]!.replace(/\/$/, ""));
}

/** The part of src that a file belongs to: a folder, or a file at the top. */
const partOf = (path: string) => path.split("/")[1]!;

describe("imports", () => {
  const order = documentedOrder();
  const graph = new Map([...project].map(([path, file]) => [path, importsOf(path, file)]));

  test("docs/architecture.md lists every part of src, and no other", () => {
    const parts = new Set(sources.map(partOf));
    expect([...order].sort()).toEqual([...parts].sort());
  });

  test("go upwards only, in the order of docs/architecture.md", () => {
    const wrong = sources.flatMap((path) =>
      graph
        .get(path)!
        .filter((to) => rankOf(to) > (isTest(path) ? Infinity : rankOf(path)))
        .map((to) => `${path} imports ${to}, which stands below it`),
    );
    expect(wrong).toEqual([]);
  });

  function rankOf(path: string): number {
    return path.startsWith("src/") ? order.indexOf(partOf(path)) : order.length;
  }

  test("make no cycle", () => {
    expect(cyclesOf(graph)).toEqual([]);
  });

  test("reach every file from src/index.ts, src/cli/main.ts or a test", () => {
    const reached = new Set(["src/index.ts", "src/cli/main.ts", ...files.filter(isTest)]);
    for (const path of reached) for (const to of graph.get(path) ?? []) reached.add(to);
    const dead = [...project.keys()].filter((path) => !reached.has(path) && !isConfig(path));
    expect(dead.map((path) => `${path}: nothing imports it, remove it`)).toEqual([]);
  });

  const isConfig = (path: string) => /\.config\.ts$/.test(path);

  test("use every function, class and constant that a file exports", () => {
    const mentions = new Map<string, Set<string>>();
    for (const path of project.keys()) {
      for (const [word] of readText(path).matchAll(/\w+/g)) {
        mentions.set(word, (mentions.get(word) ?? new Set()).add(path));
      }
    }
    const idle = sources.flatMap((path) =>
      [...readText(path).matchAll(/^export (?:async )?(?:function\*?|class|const) (\w+)/gm)]
        .filter(([, name]) => mentions.get(name!)!.size === 1)
        .filter(() => !isListedWhole(path, graph))
        .map(([, name]) => `${path}: nothing else names ${name}, do not export it`),
    );
    expect(idle).toEqual([]);
  });
});

/** Whether some file imports all of this one's exports at once, as src/ops/index.ts does. */
function isListedWhole(path: string, graph: ReadonlyMap<string, readonly string[]>): boolean {
  const whole = new RegExp(`import \\* as \\w+ from "[^"]*/${basename(path)}"`);
  return [...graph].some(([from, to]) => to.includes(path) && whole.test(readText(from)));
}

/** One import path for each cycle: "a.ts -> b.ts -> a.ts". */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (done.has(path) || trail.includes(path)) return;
    for (const to of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** Words that we do not write, where, and what to do instead. */
const bannedWords: readonly [RegExp, (path: string) => boolean, string][] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, isText, "do it now, or file it"],
  [/\u2014/, isText, "an em dash: use a comma or a colon"],
  [/\b(master|slave|whitelist|blacklist)\b/i, isText, "say main, replica, allowed, denied"],
  [
    /\b(blazing|seamless|world-class|cutting-edge|lightning-fast)/i,
    isText,
    "praise: give a figure",
  ],
  [/\b(simply|just|obviously|of course|easily)\b/i, isProse, "leave it out"],
  [/\b(utili[sz]e|leverag(e|es|ing))\b/i, isText, 'say "use"'],
  [/\b(prior to|in order to)\b/i, isText, 'say "before", "to"'],
];

/** Names that say nothing of what a file holds. */
const emptyNames = /^(utils?|helpers?|misc|stuff|manager)$/;

describe("words", () => {
  test.each(bannedWords)("%s", (pattern, where, remedy) => {
    const chosen = (path: string) => where(path) && path !== "test/tidy.test.ts";
    const found = offences(chosen, (line) => {
      const word = pattern.exec(line);
      return word !== null && `"${word[0]}": ${remedy}`;
    });
    expect(found).toEqual([]);
  });

  test("files are named after their idea", () => {
    const stem = (path: string) => basename(path).split(".")[0]!;
    const vague = files.filter((path) => isCode(path) && emptyNames.test(stem(path)));
    expect(vague.map((path) => `${path}: name the idea that it holds`)).toEqual([]);
  });
});

describe("places", () => {
  test("no registry and no path of one machine", () => {
    const hosts = /registry\.npmjs|pypi\.org|pythonhosted|\bdeb\.debian|(security|archive)\.debian/;
    const folders = /(?<![\w.$}])\/(work|root|home|tmp)\//;
    const found = offences(
      (path) => path !== "test/tidy.test.ts" && (isText(path) || isGenerated(path)),
      (line) => {
        const found = hosts.exec(line) ?? folders.exec(line);
        return found !== null && `"${found[0]}" belongs to one machine, find it at run time`;
      },
    );
    expect(found).toEqual([]);
  });

  test("links in documents lead somewhere", () => {
    const broken = files.filter(isProse).flatMap((path) =>
      [...readText(path).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(root, normalize(join(dirname(path), target)))))
        .map((target) => `${path}: ${target} is not there`),
    );
    expect(broken).toEqual([]);
  });
});
