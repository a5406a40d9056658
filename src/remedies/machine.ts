import type { Bindings, View } from "../doctor/condition.ts";
import type { Facts } from "../doctor/index.ts";

/** AMD's first card; an integrated GPU only where there is no other. By its place in the facts. */
export function mainCard({ gpus = [] }: Facts): number | undefined {
  const amd = gpus.flatMap((gpu, i) => (gpu.vendorId === "1002" ? [{ gpu, i }] : []));
  return (amd.find(({ gpu }) => gpu.kind !== "integrated") ?? amd[0])?.i;
}

/** The facts with the card that is meant, and the PyTorch that `python` starts, or the first. */
export function viewOf(facts: Facts): View {
  const card = mainCard(facts);
  const { torch = [] } = facts;
  const active = torch.findIndex(({ isActive }) => isActive);
  const pytorch = active >= 0 ? active : torch.length > 0 ? 0 : undefined;
  const at: Bindings = {
    ...(card !== undefined && { card }),
    ...(pytorch !== undefined && { pytorch }),
  };
  return { facts, at };
}
