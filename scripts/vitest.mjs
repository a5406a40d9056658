import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "./process.mjs";
import { count, resultsOf, troubleOf } from "./results.mjs";

/** Runs a vitest project; resolves to the results of results.mjs. */
export function vitest(root, project, env) {
  return resultsOf((files) => once(root, project, env, files));
}

async function once(root, project, env, files) {
  const folder = mkdtempSync(join(tmpdir(), "rekindle-vitest-"));
  const file = join(folder, "results.json");
  const args = ["run", "--project", project, "--reporter=default", "--reporter=json", ...files];
  try {
    const script = join(root, "node_modules/vitest/vitest.mjs");
    const status = await run(process.execPath, [script, ...args, `--outputFile.json=${file}`], {
      cwd: root,
      env: { ...process.env, ...env },
    });
    const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    const results = byFile(root, report);
    return { files: results, trouble: troubleOf(results, "vitest", status) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The results in vitest's JSON report. What went wrong outside of any test (a file that does not
 * load, a worker that crashed) counts as one failure of its file.
 */
function byFile(root, report) {
  const files = new Map();
  for (const { name, status, assertionResults } of report?.testResults ?? []) {
    const file = relative(root, name);
    for (const test of assertionResults) {
      const outcome = ["passed", "failed"].includes(test.status) ? test.status : "skipped";
      count(files, file, outcome, `${file} > ${test.fullName}`);
    }
    const isTold = assertionResults.some((test) => test.status === "failed");
    if (status === "failed" && !isTold) count(files, file, "failed", `${file}, outside of tests`);
  }
  return files;
}
