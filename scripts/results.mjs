// What a run of tests came to, file by file, and the second try of files that failed in CI.

/** In CI more is demanded: what cannot run is a failure. */
export const inCi = !["", "0", "false", undefined].includes(process.env.CI);

/** So many files are given a second try: if more fail, something is broken. */
const filesMax = 3;

/** Adds one test to the results by file. */
export function count(files, file, outcome, name) {
  const results = files.get(file) ?? { passed: 0, skipped: 0, failures: [] };
  if (outcome === "failed") results.failures.push(name);
  else results[outcome]++;
  files.set(file, results);
}

/**
 * The results of a tier: `{ passed, skipped, failures, unsteady }`, the last two by name.
 *
 * `once(files)` runs the tests of these files, or all for none, and resolves to
 * `{ files, trouble }`: a Map of results by file, and what kept the command from its end.
 *
 * A test that fails now and then is a bug, of the test or of what it tests. In CI it must not keep
 * a change from being judged by all the others: its file is run once more, alone, and what passes
 * then is reported as unsteady.
 */
export async function resultsOf(once, hasSecondTry = inCi) {
  const { files, trouble } = await once([]);
  const failed = [...files].filter(([, { failures }]) => failures.length > 0);
  const first = total(files, trouble);
  if (trouble || !hasSecondTry || failed.length === 0 || failed.length > filesMax) return first;
  const names = failed.map(([file]) => file);
  console.log(`\n== once more, alone: ${names.join(", ")}`);
  const second = await once(names);
  if (second.trouble) return first;
  // A test that is skipped the second time, or not reached, has not passed.
  const whole = [...second.files].filter(([file, results]) => ran(results) >= ran(files.get(file)));
  const last = total(new Map([...files, ...whole]));
  const unsteady = first.failures.filter((name) => !last.failures.includes(name));
  return { ...last, unsteady };
}

const ran = ({ passed, failures }) => passed + failures.length;

function total(files, trouble) {
  const all = [...files.values()];
  const sum = (of) => all.reduce((so, results) => so + of(results), 0);
  const failures = all.flatMap((results) => results.failures);
  return {
    passed: sum(({ passed }) => passed),
    skipped: sum(({ skipped }) => skipped),
    failures: trouble ? [...failures, trouble] : failures,
    unsteady: [],
  };
}

/** Why a command's results cannot be trusted although no test of it failed; or undefined. */
export function troubleOf(files, command, status) {
  const all = [...files.values()];
  const passed = all.reduce((so, results) => so + results.passed, 0);
  const isTold = all.some(({ failures }) => failures.length > 0);
  if (status !== 124 && (isTold || (status === 0 && passed > 0))) return undefined;
  const why = status === 124 ? "killed, for its time was up" : `exit status ${status}`;
  return `${command}: ${why}, ${passed} tests passed`;
}
