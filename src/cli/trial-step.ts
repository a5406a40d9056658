import { createInterface } from "node:readline";
import { Argument, type Command } from "commander";
import type { NodeOrder, Say } from "../trial/node-step.ts";
import type { NodeTaskOrder } from "../validate/node-order.ts";
import type { Io } from "./io.ts";

/**
 * `rekindle trial-step`: the process in which the engine or ONNX Runtime is tried. `rekindle trial`
 * starts it and speaks with it by lines; people have no use for it, so help leaves it out.
 */
export function addTrialStep(program: Command, io: Io): void {
  program
    .command("trial-step", { hidden: true })
    .description("run one step of a trial, as rekindle trial asks for it on standard input")
    .addArgument(new Argument("<TARGET>").choices(["engine", "ort"]))
    .action(async (target: "engine" | "ort") => {
      const say: Say = (message) => io.out.write(`\n@rekindle ${JSON.stringify(message)}\n`);
      say({ at: "load the engine" });
      const { runNodeStep } = await import("../trial/node-step.ts");
      const { runNodeTask } = await import("../validate/node-task.ts");
      say({ ready: {} });
      const lines = createInterface({ input: process.stdin });
      // When the trial that gives the order is gone, nobody waits for a result.
      const leave = () => process.exit(9);
      lines.once("close", leave);
      const order = await new Promise<NodeOrder | NodeTaskOrder>((resolve) => {
        lines.once("line", (line) => resolve(JSON.parse(line) as NodeOrder | NodeTaskOrder));
      });
      if ("kind" in order) await runNodeTask(target, order, say);
      else await runNodeStep(target, order, say);
      lines.off("close", leave);
      lines.close();
      process.stdin.destroy();
    });
}
