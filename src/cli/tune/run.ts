import { RekindleError } from "../../errors.ts";
import type { Io } from "../io.ts";
import type { TuneOptions } from "./options.ts";
import { searchModel } from "./search.ts";
import { clearStored, exportStored, importFile, listStored } from "./stored.ts";

const actions = { list: listStored, clear: clearStored, export: exportStored, import: importFile };
type Action = keyof typeof actions;

/** Searches for a model, or does what one option asks of what is stored. */
export async function runTune(
  model: string | undefined,
  options: TuneOptions,
  io: Io,
): Promise<void> {
  const asked = (Object.keys(actions) as Action[]).filter((name) => options[name] !== undefined);
  const [action, other] = asked;
  if (other !== undefined) {
    throw new RekindleError("usage", `--${action} and --${other} do not go together`, {
      fix: "pass one of them",
    });
  }
  if (action !== undefined) {
    if (model === undefined) return await actions[action](options, io);
    throw new RekindleError("usage", `--${action} takes no model, "${model}" was given`, {
      fix: `leave one of them out: rekindle tune --${action}, or rekindle tune ${model}`,
    });
  }
  if (model !== undefined) return await searchModel(model, options, io);
  throw new RekindleError("usage", "nothing to tune: no model was named", {
    fix: "name a file or a built-in network: rekindle tune resnet18",
  });
}
