import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./process.mjs";

/** Runs a vitest project; resolves to `{ passed, failed, skipped }`. */
export async function vitest(root, project, env) {
  const folder = mkdtempSync(join(tmpdir(), "rekindle-vitest-"));
  const file = join(folder, "results.json");
  const args = ["run", "--project", project, "--reporter=default", "--reporter=json"];
  try {
    const script = join(root, "node_modules/vitest/vitest.mjs");
    const status = await run(process.execPath, [script, ...args, `--outputFile.json=${file}`], {
      cwd: root,
      env: { ...process.env, ...env },
    });
    return countResults(
      existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined,
      status,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Counts the tests of vitest's JSON report. What went wrong outside of any test (a file that does
 * not load, a worker that crashed, a report that is missing, no test at all) counts as one failure.
 */
export function countResults(report, status) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report?.testResults ?? []) {
    const statuses = file.assertionResults.map((test) => test.status);
    for (const s of statuses) count[s === "passed" || s === "failed" ? s : "skipped"]++;
    if (file.status === "failed" && !statuses.includes("failed")) count.failed++;
  }
  const sound = status === 0 && count.passed > 0;
  if (!sound && count.failed === 0) count.failed = 1;
  return count;
}
