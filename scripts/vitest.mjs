import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "./process.mjs";

/** Runs a vitest project; resolves to `{ passed, skipped, failures }`, failures by name. */
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
    const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    return resultsOf(root, report, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The results in vitest's JSON report. What went wrong outside of any test (a file that does not
 * load, a worker that crashed, a report that is missing, no test at all) counts as one failure.
 */
function resultsOf(root, report, status) {
  const results = { passed: 0, skipped: 0, failures: [] };
  for (const file of report?.testResults ?? []) {
    const name = relative(root, file.name);
    const failed = file.assertionResults.filter((test) => test.status === "failed");
    const passed = file.assertionResults.filter((test) => test.status === "passed");
    results.passed += passed.length;
    results.skipped += file.assertionResults.length - passed.length - failed.length;
    results.failures.push(...failed.map((test) => `${name} > ${test.fullName}`));
    if (file.status === "failed" && failed.length === 0)
      results.failures.push(`${name}, outside of tests`);
  }
  return sound(results, "vitest", status);
}

/** Results with a failure at least where the command failed or ran no test. */
export function sound(results, command, status) {
  if (results.failures.length > 0 || (status === 0 && results.passed > 0)) return results;
  const why = status === 124 ? "killed, for its time was up" : `exit status ${status}`;
  return { ...results, failures: [`${command}: ${why}, ${results.passed} tests passed`] };
}
