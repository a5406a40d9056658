import type { PlannedDispatch } from "../src/session/plan.ts";

/** The slots that a dispatch writes and those that it reads. */
export function accesses({ wgsl, bindings }: PlannedDispatch) {
  const written = new Set(
    [...wgsl.matchAll(/@binding\((\d+)\) var<storage, read_write>/g)].map((m) => Number(m[1])),
  );
  const slots = (keep: (at: number) => boolean) =>
    bindings.flatMap((b, at) => (b.kind === "slot" && keep(at) ? [b.slot] : []));
  return { writes: slots((at) => written.has(at)), reads: slots((at) => !written.has(at)) };
}
