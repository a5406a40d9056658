import { z } from "zod";
import { factsSchema } from "../src/doctor/facts.ts";
import { type Diagnosis, diagnose } from "../src/doctor/rule.ts";
import { rules } from "../src/doctor/rules/index.ts";
import { files, readText } from "./sources.ts";

const machineSchema = z.strictObject({
  /** "posted: ADDRESS (DATE); what it shows", or "derived from NAME: what was changed". */
  source: z.string(),
  facts: factsSchema,
  expected: z.strictObject({
    outcome: z.enum(["works", "fails", "unknown", "no-card"]),
    found: z.array(z.string()),
    unknown: z.array(z.string()),
  }),
});

export interface Machine extends z.infer<typeof machineSchema> {
  readonly name: string;
  readonly diagnosis: Diagnosis;
}

/** The recorded machines of fixtures/machines, with what the doctor's rules say of them. */
export const machines: readonly Machine[] = files
  .filter((path) => /^fixtures\/machines\/[^/]+\.json$/.test(path))
  .map((path) => {
    const machine = machineSchema.parse(JSON.parse(readText(path)));
    const name = path.replace(/^.*\/|\.json$/g, "");
    return { ...machine, name, diagnosis: diagnose(machine.facts, rules) };
  });

export const idsOf = (findings: Diagnosis["found"]) => findings.map(({ rule }) => rule.id);
