import { join } from "node:path";
import type { KeptResult } from "../doctor/index.ts";
import { type Host, parseLines } from "../host/index.ts";
import {
  bootIdOf,
  commandOf,
  countsOf,
  isFailure,
  journalsIn,
  orderSchema,
  stateFolder,
  stateOfText,
} from "../trial/index.ts";
import { criterionIds, titles } from "./criteria.ts";
import { readEntries } from "./history.ts";

/**
 * The newest trial and the newest validation that are kept on this machine; what cannot be read is
 * left out.
 *
 * @example
 * (await keptResults(machineHost())).map(({ kind }) => kind); // ["trial", "validation"]
 */
export async function keptResults(host: Host): Promise<KeptResult[]> {
  const boot = await bootIdOf(host);
  const found = [await newestTrial(host, boot), await newestValidation(host, boot)];
  return found.filter((one) => one !== undefined);
}

async function newestTrial(host: Host, boot: string): Promise<KeptResult | undefined> {
  for (const path of await journalsIn(host, await stateFolder(host, "trials"))) {
    const found = trialIn((await host.readText(path)) ?? "", path, boot);
    if (found) return found;
  }
  return undefined;
}

/** What a journal tells; undefined where it is damaged, of another version, or holds no result. */
function trialIn(text: string, path: string, boot: string): KeptResult | undefined {
  try {
    const { order, begun, results, isDone } = stateOfText(text, path);
    const { data } = orderSchema.safeParse(order);
    // Steps under a change are no experiments of their own.
    const steps = [...results].filter(([id]) => !id.includes("+"));
    if (!data || !begun || steps.length === 0) return undefined;
    const { passed, failed } = countsOf(steps.map(([, { outcome }]) => outcome));
    const device = steps.find(([, step]) => step.device !== undefined)?.[1].device;
    return {
      kind: "trial",
      ...begun,
      isThisBoot: begun.boot === boot,
      target: data.target,
      subject: data.subject,
      ...(device !== undefined && { device }),
      command: commandOf(data),
      sentence: `${passed} passed, ${failed} failed${isDone ? "" : ", not at its end"}`,
      lines: steps
        .filter(([, { outcome }]) => isFailure(outcome))
        .map(([name, { outcome, detail }]) => ({ name, outcome: `${outcome}: ${detail}` })),
    };
  } catch {
    return undefined;
  }
}

async function newestValidation(host: Host, boot: string): Promise<KeptResult | undefined> {
  const path = join(await stateFolder(host, "validations"), "history.jsonl");
  const text = await host.readText(path);
  const newest = text === undefined ? undefined : entriesIn(text, path).at(-1);
  if (!newest) return undefined;
  const { time, target, subject, device, command, verdicts } = newest;
  const judged = criterionIds.flatMap((id) => {
    const verdict = verdicts[id];
    return verdict ? [{ name: titles[id], outcome: verdict }] : [];
  });
  const count = (verdict: string) => judged.filter(({ outcome }) => outcome === verdict).length;
  return {
    kind: "validation",
    time,
    boot: newest.boot,
    isThisBoot: newest.boot === boot,
    target,
    subject,
    device,
    command,
    sentence: `${count("met")} met, ${count("not met")} not met, ${count("not shown")} not shown`,
    lines: judged,
  };
}

function entriesIn(text: string, path: string) {
  try {
    return readEntries(parseLines(text, path));
  } catch {
    return [];
  }
}
