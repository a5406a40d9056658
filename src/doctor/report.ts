import { z } from "zod";
import type { Facts } from "./facts.ts";
import { factsSchema } from "./facts.ts";
import { type Case, diagnose, type Finding, type Rule, severities } from "./rule.ts";
import { rules as allRules } from "./rules/index.ts";
import { verdictOf } from "./verdict.ts";

const remedy = z.strictObject({
  does: z.string().describe('what it does, as in "the shortest way is to ..."'),
  commands: z.array(z.string()).describe("lines for a shell, in order"),
});

const deciding = z.strictObject({
  key: z.string().describe('key of a fact: "gpus.0.gfx"'),
  value: z.unknown().optional().describe("its value; absent where it is not known"),
});

const source = z.strictObject({
  title: z.string().describe("what it says"),
  at: z.string().describe('an address, or a thread: "ROCm/TheRock#7839"'),
  date: z.string().describe("when it was written or read"),
});

const finding = z.strictObject({
  rule: z.string().describe("id of the rule, never changed"),
  title: z.string().describe("in a few words"),
  severity: z.enum(severities).describe("what it does to Conv2d"),
  certainty: z
    .enum(["confirmed", "reported", "inferred"])
    .describe("read in sources, said by users, or concluded by us"),
  cases: z
    .array(
      z.strictObject({
        why: z.string().describe("a clause that names the deciding facts"),
        facts: z.array(deciding).describe("the facts that decided, or that are missing"),
        remedies: z.array(remedy).describe("ways out, the best one first"),
      }),
    )
    .describe("one for each card or PyTorch that it holds for"),
  howToFindOut: z.array(z.string()).describe("commands that show what the rule asks"),
  sources: z.array(source).describe("what the rule rests on"),
});

const result = z.strictObject({
  kind: z.enum(["trial", "validation"]).describe("made by `rekindle trial` or `validate`"),
  time: z.string().describe("when it began"),
  boot: z.string().describe("id of the start of the machine in which it began"),
  isThisBoot: z.boolean().describe("the machine was not restarted since"),
  target: z.string().describe('"torch", "engine" or "ort"'),
  subject: z.string().describe("what was tried, with its version"),
  device: z.string().optional().describe("what it ran on, as it says"),
  command: z.string().describe("the command that does it again"),
  sentence: z.string().describe("what came of it, in short"),
  lines: z
    .array(
      z.strictObject({
        name: z.string().describe("an experiment that failed, or a criterion"),
        outcome: z.string().describe("how it failed, or the verdict"),
      }),
    )
    .describe("what did not pass; of a validation all criteria"),
});

export const reportSchema = z
  .strictObject({
    version: z.literal(1).describe("version of this format"),
    verdict: z
      .strictObject({
        outcome: z.enum(["works", "fails", "unknown", "no-card"]).describe("does Conv2d work"),
        sentence: z.string().describe("whether, why, and the shortest way"),
        way: z.array(remedy).describe("what to do, in order"),
        because: z.array(z.string()).describe("ids of the rules that decided"),
      })
      .describe("Conv2d on the card, with the PyTorch that fares best"),
    findings: z.array(finding).describe("what was found, most severe first"),
    unknown: z.array(finding).describe("rules that lack facts, each shaped as a finding"),
    clear: z.array(z.string()).describe("ids of the rules that do not hold"),
    results: z
      .array(result)
      .describe("the newest trial and the newest validation that were made on this machine"),
    facts: factsSchema,
  })
  .describe("what `rekindle doctor --json` prints");

/** Everything that the doctor says of a machine, as plain data. */
export type DoctorReport = z.infer<typeof reportSchema>;
/** A trial or a validation that is kept on this machine. */
export type KeptResult = DoctorReport["results"][number];
export type ReportedFinding = DoctorReport["findings"][number];
export type ReportedRemedy = DoctorReport["verdict"]["way"][number];

/**
 * The report on a machine, with the results that are kept on it. Pure: the same facts give the same
 * report.
 *
 * @example
 * reportOf({ version: 1, gpus: [] }).verdict.outcome; // "no-card"
 */
export function reportOf(
  facts: Facts,
  results: readonly KeptResult[] = [],
  rules: readonly Rule[] = allRules,
): DoctorReport {
  const diagnosis = diagnose(facts, rules);
  const { outcome, sentence, way, because } = verdictOf(facts, diagnosis);
  return {
    version: 1,
    verdict: {
      outcome,
      sentence,
      way: way.map(({ does, commands }) => ({ does, commands: [...commands] })),
      because: [...because],
    },
    findings: diagnosis.found.map(reported),
    unknown: diagnosis.unknown.map(reported),
    clear: diagnosis.clear.map(({ id }) => id),
    results: [...results],
    facts,
  };
}

/** 0: Conv2d should work; 1: something is in the way, or there is no card; 2: it cannot be told. */
export function exitCodeOf({ verdict, findings }: DoctorReport): 0 | 1 | 2 {
  if (verdict.outcome === "works") return 0;
  const isFound = findings.some(({ severity }) => severity === "blocks");
  return verdict.outcome !== "unknown" || isFound ? 1 : 2;
}

function reported({ rule, cases }: Finding): ReportedFinding {
  return {
    rule: rule.id,
    title: rule.title,
    severity: rule.severity,
    certainty: rule.certainty,
    cases: cases.map(reportedCase),
    howToFindOut: [...rule.howToFindOut],
    sources: rule.sources.map(({ title, at, date }) => ({ title, at, date })),
  };
}

function reportedCase({ why, facts, remedies }: Case): ReportedFinding["cases"][number] {
  return {
    why,
    facts: facts.map(({ path, value }) => ({
      key: path,
      ...(value !== undefined && { value }),
    })),
    remedies: remedies.map(({ does, commands }) => ({ does, commands: [...commands] })),
  };
}
