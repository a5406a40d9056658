import { any, not } from "../../doctor/condition.ts";
import { gfxIs, onLinux, onWindows } from "../../doctor/rules/common.ts";
import { RekindleError } from "../../errors.ts";
import type { Requirement, Situation } from "../remedy.ts";
import type { RunStep, Step } from "../step.ts";

/*
 * What several remedies share: requirements, and steps that make Python environments.
 */

export const GB = 1e9;

export const hasDeviceCode: Requirement = {
  when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
  otherwise: 'AMD publishes no device package for {card.gfx|"this card"} by this route',
};

export const linuxOnly: Requirement = {
  when: onLinux,
  otherwise: "its steps are written for Linux",
};

export const linuxOrWindows: Requirement = {
  when: any(onLinux, onWindows),
  otherwise: "there is neither Linux nor Windows here",
};

export const notOnWindows: Requirement = {
  when: not(onWindows),
  otherwise: "its steps are written for Linux and macOS",
};

/** The card's own target, which planning needs in names of packages. */
export function gfxOf({ facts, at }: Situation): string {
  const gfx = at.card === undefined ? undefined : facts.gpus?.[at.card]?.gfx;
  if (gfx !== undefined) return gfx;
  throw new RekindleError("remedy-impossible", "the card's target (gfx1010 ...) is not known", {
    fix: "rekindle doctor says what is missing",
  });
}

/** An absolute path from what the user wrote: "~" is the home folder. */
export function folderOf({ home, host }: Situation, text: string): string {
  return host.resolve(text.replace(/^~(?=\/|$)/, home));
}

/** Throws "usage" where something is there already: nobody's environment is overwritten. */
export async function mustBeNew({ host }: Situation, folder: string): Promise<void> {
  if (!(await host.exists(folder))) return;
  throw new RekindleError("usage", `${folder} exists`, {
    fix: "name another folder, --set folder=PATH, or remove it",
  });
}

/** The interpreter of an environment. */
export const pythonIn = (folder: string, platform: string) =>
  platform === "win32" ? `${folder}\\Scripts\\python.exe` : `${folder}/bin/python`;

/** A new virtual environment with pip. Taking it back removes all that was installed into it. */
export function makeEnvironment(
  situation: Situation,
  folder: string,
  python: string,
  diskBytes: number,
): RunStep {
  // Windows has it by another name.
  const program = python === "python3" && situation.host.platform === "win32" ? "python" : python;
  const command = { program, args: ["-c", "import venv, ensurepip"] };
  return {
    kind: "run",
    id: "make-environment",
    does: `make a Python environment in ${folder}`,
    command: { program, args: ["-m", "venv", { path: folder }] },
    touches: [folder],
    needs: [
      { diskBytes, folder },
      {
        check: { command },
        otherwise: `${program} needs the modules venv and ensurepip: apt install python3-venv`,
      },
    ],
    doneWhen: [{ exists: pythonIn(folder, situation.host.platform) }],
    timeoutMs: 5 * 60_000,
  };
}

/** Packages from an index. What was fetched is kept until the end, in case of an interruption. */
export function installPackages(
  situation: Situation,
  folder: string,
  packages: readonly string[],
  index: string,
): Step[] {
  const cache = `${folder}/.pip-cache`;
  const python = pythonIn(folder, situation.host.platform);
  return [
    {
      kind: "run",
      id: "install-packages",
      does: `install ${packages.join(", ")} from ${index}`,
      command: {
        program: { path: python },
        args: [
          ...["-m", "pip", "--disable-pip-version-check", "--no-input", "install"],
          ...[{ before: "--cache-dir=", path: cache }, "--index-url", index],
          ...packages,
        ],
      },
      needs: [{ network: index }],
      network: true,
      continues: true,
      timeoutMs: 4 * 3600_000,
    },
    {
      kind: "remove",
      id: "drop-downloads",
      does: "drop the copies of what was downloaded",
      path: cache,
      regenerates: true,
    },
  ];
}
