import type { Progress, Session, SessionOptions } from "../session/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { ProgressLine } from "./progress.ts";
import { plural } from "./text.ts";

const stages: Readonly<Record<Progress["stage"], string>> = {
  load: "loading the model",
  optimize: "optimizing the network",
  pack: "packing weights",
  compile: "compiling shaders",
};

/** Opens a session on a model file and shows on `line` what is being done. */
export async function openSession(
  path: string,
  options: SessionOptions,
  line: ProgressLine,
): Promise<Session> {
  // Loaded when needed, so that help and errors in options come at once.
  const { Session } = await import("../session/index.ts");
  const onProgress = ({ stage, done, total }: Progress) => {
    line.show(`${stages[stage]}${total > 1 ? `: ${done} of ${plural(total, "step")}` : ""} ...`);
  };
  return await Session.create(path, { ...options, onProgress });
}

/** A run with named values as maps, which keep the order of the outputs. */
export async function runSession(
  session: Session,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  return new Map(Object.entries(await session.run(Object.fromEntries(feeds))));
}
