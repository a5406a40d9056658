import { z } from "zod";
import { factsSchema } from "../src/doctor/facts.ts";
import { reportSchema } from "../src/doctor/report.ts";

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
}

/** The text of docs/doctor.md: what the doctor does, and every key of what it reads and writes. */
export function doctorPage(): string {
  const facts = z.toJSONSchema(factsSchema) as JsonSchema;
  const { facts: _, ...own } = (z.toJSONSchema(reportSchema) as JsonSchema).properties!;
  return `${prose}
## Report

\`rekindle doctor --json\` prints one object. \`version\` grows when a key changes its meaning or
goes; new keys may come without. \`[]\` stands for each item of a list; a key with \`?\` may be
absent.

${table({ properties: own, required: Object.keys(own) })}
| \`facts\` | object | the facts, as below |

## Facts

Under \`facts\` in the report, and what \`--save-facts\` writes. **Absent means not known, never
"no":** an empty list says that there is none, \`false\` that it is not so. Every key but
\`version\` may be absent. Sizes are in bytes; PCI ids are hex digits without "0x".

${table(facts)}
`;
}

function table(schema: JsonSchema): string {
  return ["| key | type | meaning |", "|---|---|---|", ...rowsOf(schema, "")].join("\n");
}

function rowsOf(schema: JsonSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const optional = path !== "" && !schema.required?.includes(name) ? "?" : "";
    const key = `${path}${name}`;
    const row = `| \`${key}${optional}\` | ${typeOf(child)} | ${cell(child.description ?? "")} |`;
    const inner = child.type === "array" ? child.items! : child;
    // Findings are told once.
    if (key === "unknown" && inner.properties?.cases) return [row];
    return [row, ...rowsOf(inner, child.type === "array" ? `${key}[].` : `${key}.`)];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "array") return `list of ${typeOf(schema.items!)}s`;
  const isRecord = typeof schema.additionalProperties === "object";
  return isRecord
    ? "object of texts"
    : ({ string: "text" }[schema.type ?? ""] ?? schema.type ?? "any");
}

const cell = (text: string) => text.replaceAll("|", "\\|");

const prose = `# rekindle doctor

Made by \`npx vitest run --project plain test/doctor-page.test.ts --update\`; a test checks that it
is up to date.

\`rekindle doctor\` looks at the machine and says whether Conv2d in PyTorch works on its AMD card,
why not, and what the shortest way is. It changes nothing, needs no rights, imports no torch and
loads no GPU library into its own process (WebGPU is asked in a child process). All it learns are
[facts](#facts); [rules](rules.md) judge them. What it cannot read stays unknown, with the command
that would tell.

| option | what it does |
|---|---|
| \`--json\` | prints the [report](#report) |
| \`--html FILE\` | also writes it as one HTML file, without scripts, that needs no other |
| \`--share\` | leaves out whose machine it is: see below |
| \`--explain RULE\` | tells all about one rule: the facts that decide it here, remedies, sources |
| \`--list\` | lists all rules |
| \`--save-facts FILE\` | writes the facts |
| \`--facts FILE\` | judges facts from a file, a report, or a recording, not this machine |
| \`--save-recording FILE\` | writes every file, folder and program output that was read |

**Exit codes.** 0: Conv2d should work. 1: something is in its way, or there is no AMD card. 2: it
cannot be told, or the command failed. With \`--list\` and \`--explain\` it is 0.

**What was tried.** The newest [trial](trial.md) and the newest [validation](validate.md) that are
kept on this machine are shown with their date, boot, target and command, as \`results\` in JSON;
not with \`--facts\`, which is about another machine.

**Sharing.** \`--share\` puts words in the place of: names of the user and of the host, home folders
and the names of folders in them (but for usual ones such as \`.venv\`), UUIDs, serial numbers, MAC,
IP and mail addresses; kernel parameters that have nothing to do with the GPU are left out.
Variables of the environment are read only if they touch ROCm, PyTorch or Vulkan, and never if their
names speak of a key, token, secret or password. Look at the file before you post it.

**Time.** Probes run side by side, each with a time limit; a program that hangs is killed with its
children. A second or two is usual; reading the GPU code of PyTorch for ROCm, a library of up to
gigabytes, may take some more.

**Recordings.** \`--save-recording\` keeps the answers of the machine to all that was asked, so that
the probes themselves run again with \`--facts\`, elsewhere: for faults of the probes. It is not
stripped of names.
`;
