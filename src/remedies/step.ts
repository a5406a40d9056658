import { z } from "zod";

/*
 * What a remedy does, as data: a plan is written into the journal before anything happens, so that
 * it can be gone on with, and taken back, by another process after a crash or a restart. All paths
 * are absolute. docs/adding-a-remedy.md explains how to choose.
 */

const path = z.string().regex(/^(?:\/|[A-Za-z]:[\\/])/, "must be an absolute path");
const hash = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");
const variables = z.record(z.string(), z.string().nullable());

/**
 * A word of a command: a text, or a path with what stands before it. Paths are told apart from
 * other words so that a plan can be carried out below another folder than "/".
 *
 * @example
 * ["install", "--target", { path: "/opt/x" }, { before: "--cache-dir=", path: "/var/cache/x" }]
 */
const argumentSchema = z.union([
  z.string(),
  z.strictObject({ path, before: z.string().exactOptional() }),
]);
export type Argument = z.infer<typeof argumentSchema>;

const commandSchema = z.strictObject({
  /** A name that is looked up on the PATH, or a path. Never a shell with a text to interpret. */
  program: argumentSchema,
  args: z.array(argumentSchema),
  /** Added to the environment; null takes a variable away. */
  env: variables.exactOptional(),
  /** Where it runs; the user's home by default. */
  folder: path.exactOptional(),
});
/** A program with its arguments; no shell reads it. */
export type StepCommand = z.infer<typeof commandSchema>;

const checkSchema = z.union([
  z.strictObject({ exists: path }),
  z.strictObject({ absent: path }),
  /** A file has this content. */
  z.strictObject({ file: path, sha256: hash }),
  z.strictObject({ file: path, contains: z.string() }),
  /** It ends with status 0, and prints what the regular expression describes. */
  z.strictObject({ command: commandSchema, prints: z.string().exactOptional() }),
]);
/** Whether something is so, by looking alone. */
export type Check = z.infer<typeof checkSchema>;

const needSchema = z.union([
  z.strictObject({ diskBytes: z.number(), folder: path }),
  z.strictObject({ memoryBytes: z.number() }),
  /** The host answers to HTTP; any status will do. */
  z.strictObject({ network: z.url() }),
  /** A package manager's lock, which must be free. */
  z.strictObject({ lock: path, heldBy: z.enum(["fcntl", "existence"]) }),
  z.strictObject({ program: z.string(), install: z.string() }),
  z.strictObject({ root: z.literal(true) }),
  /** Something that has to be so; `otherwise` says what to do. */
  z.strictObject({ check: checkSchema, otherwise: z.string() }),
]);
/** What must hold before a step begins; else nothing of it is done. */
export type Need = z.infer<typeof needSchema>;

const base = {
  /** Unique in its plan, words joined by hyphens. */
  id: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  /** A clause: "make a Python environment in ~/rekindle-torch". */
  does: z.string(),
  /**
   * Every file and folder that is made, changed or removed. Before the step begins, what is there
   * is kept with its metadata; to take the step back is to put it back. Undoing what lies elsewhere
   * needs `undo`.
   */
  touches: z.array(path).exactOptional(),
  needs: z.array(needSchema).exactOptional(),
  /** All hold afterwards. Where all hold before, nothing is done. */
  doneWhen: z.array(checkSchema).exactOptional(),
  /** A sentence: what cannot be taken back, or not as it was. Announced before anything happens. */
  irreversible: z.string().exactOptional(),
};

const runSchema = z.strictObject({
  kind: z.literal("run"),
  ...base,
  command: commandSchema,
  /** Takes back what it did outside of `touches`; run in order, before those are put back. */
  undo: z.array(commandSchema).exactOptional(),
  timeoutMs: z.number().exactOptional(),
  /** It and its children together. */
  memoryBytes: z.number().exactOptional(),
  /** It fetches something: tried again, with growing pauses, when the network fails. */
  network: z.literal(true).exactOptional(),
  /** Started again, it goes on with what is in `touches`: those are not put back first. */
  continues: z.literal(true).exactOptional(),
  /** A regular expression with the groups `done` and `total`: ninja's is "\\[(?<done>\\d+)/..." */
  progress: z.string().exactOptional(),
});

/** A whole file; its former content is what the plan was made from. */
const writeSchema = z.strictObject({
  kind: z.literal("write"),
  ...base,
  path,
  content: z.string(),
  /** What is there when the plan is made: it must still be so. Null: no file. */
  before: z.string().nullable(),
  /** Permission bits of a new file; one that is there keeps its own. */
  mode: z.number().exactOptional(),
});

/** A file, link or folder with all that is in it. */
const removeSchema = z.strictObject({
  kind: z.literal("remove"),
  ...base,
  path,
  /** It is made again when needed (a cache): not kept, so that the space is free at once. */
  regenerates: z.literal(true).exactOptional(),
});

/** A file or folder with its metadata, in place of what may be at `to`. */
const copySchema = z.strictObject({ kind: z.literal("copy"), ...base, from: path, to: path });

const downloadSchema = z.strictObject({
  kind: z.literal("download"),
  ...base,
  url: z.url(),
  to: path,
  sha256: hash,
  sizeBytes: z.number().exactOptional(),
});

/** The user restarts the machine; the plan goes on afterwards. */
const restartSchema = z.strictObject({ kind: z.literal("restart"), ...base });

const stepSchema = z.discriminatedUnion("kind", [
  runSchema,
  writeSchema,
  removeSchema,
  copySchema,
  downloadSchema,
  restartSchema,
]);
export type Step = z.infer<typeof stepSchema>;
export type RunStep = z.infer<typeof runSchema>;
export type DownloadStep = z.infer<typeof downloadSchema>;

const verificationSchema = z.discriminatedUnion("kind", [
  /** Code for the target is in these files. */
  z.strictObject({ kind: z.literal("inspect"), path, target: z.string() }),
  /** `rekindle trial`: the Conv2d experiments, then a small ResNet, each in a child process. */
  z.strictObject({
    kind: z.literal("trial"),
    target: z.enum(["torch", "engine", "ort"]),
    /** The interpreter, for torch. */
    python: path.exactOptional(),
    /** It has to run on a GPU; false where the remedy computes on the CPU. */
    onGpu: z.boolean(),
  }),
  /** For what runs where a trial does not reach, as containers: it ends with status 0. */
  z.strictObject({
    kind: z.literal("command"),
    does: z.string(),
    command: commandSchema,
    timeoutMs: z.number().exactOptional(),
  }),
  /** The machine is looked at again, and the remedy's `cured` is a yes. */
  z.strictObject({ kind: z.literal("facts") }),
]);
/** What proves that a remedy helped. */
export type Verification = z.infer<typeof verificationSchema>;

/** Everything that is about to happen. */
export const planSchema = z.strictObject({
  remedy: z.string(),
  options: z.record(z.string(), z.string()),
  steps: z.array(stepSchema),
  /** In order; the first that fails ends it. */
  verification: z.array(verificationSchema),
  /** Sentences to read before: what else is known of this plan. */
  notes: z.array(z.string()),
});
export type Plan = z.infer<typeof planSchema>;
