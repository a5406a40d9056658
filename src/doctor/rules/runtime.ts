import { dirname } from "node:path";
import { all, any, type Condition, fact, some } from "../condition.ts";
import type { LibraryFacts } from "../facts.ts";
import { libraryFolders } from "../probes/probe.ts";
import type { Rule } from "../rule.ts";
import { isRdna1 } from "./common.ts";
import { sources } from "./sources.ts";

/*
 * Runtimes and drivers that somebody changed, and parameters that change nothing.
 */

const isRuntime = fact("library.name", (name) => name !== "libMIOpen");

/**
 * Of a package, or put where other programs find it. A ROCm that stands whole in a folder of its
 * own, compiled or unpacked, is no patch: no library in it has a package.
 */
const isAmongPackages: Condition = ({ facts, at }) => {
  const { libraries = [] } = facts;
  const library = libraries[at.library ?? -1];
  const folder = library && dirname(library.path);
  const isAmong = (one: LibraryFacts) => one.isOwned === true && dirname(one.path) === folder;
  const isHere =
    library?.isOwned !== false ||
    libraryFolders.includes(folder!) ||
    libraries.some((one) => isAmong(one));
  const because = [{ path: `libraries.${at.library}.path`, value: library?.path }];
  return { answer: isHere ? "yes" : "no", because };
};

export const patchedRuntime: Rule = {
  id: "patched-runtime",
  title: "ROCm's runtime is not as a package installed it",
  severity: "blocks",
  about: ["library"],
  when: all(
    isRuntime,
    any(
      fact("library.isModified", (is) => is),
      fact("library.isOwned", (is) => !is),
    ),
    isAmongPackages,
  ),
  why:
    "{library.path} differs from what its package installed, or belongs to none (package: " +
    '{library.owner|"none known"}): what it does with memory and with the GPU nobody can ' +
    "say, in every program that loads it (wheels of PyTorch bring their own)",
  certainty: "inferred",
  howToFindOut: ["dpkg -V hsa-rocr hip-runtime-amd", "rpm -V hsa-rocr hip-runtime-amd"],
  remedies: [
    {
      does: "put the package's own file back; a file of no package is moved away",
      commands: [
        "dpkg -S {library.path} || sudo mv {library.path} {library.path}.foreign",
        "sudo apt-get install --reinstall hsa-rocr hip-runtime-amd",
        "sudo ldconfig",
      ],
    },
  ],
  sources: [sources.fineGrain, sources.hazards],
};

/** Names of libraries that stand between programs and ROCm. */
const meddles = /hsa|hip|roc|miopen|amdgpu|amdkfd|gfx\d|svm|shim/i;
/** Well-known ones that have nothing to do with it. */
const harmless =
  /jemalloc|tcmalloc|mimalloc|gamemode|MangoHud|libfaketime|stderred|libc\+\+|gtk|nss/i;

export const preloadShim: Rule = {
  id: "preload-shim",
  title: "A library is forced in front of ROCm",
  severity: "blocks",
  about: [],
  when: some("preloads", ({ library }) => {
    if (meddles.test(library)) return true;
    return harmless.test(library) ? false : "unknown";
  }),
  why:
    "{seen.preloads.library} is loaded into every program before its own libraries (set in " +
    "{seen.preloads.where}): it stands between programs and ROCm",
  certainty: "inferred",
  howToFindOut: [
    'echo "$LD_PRELOAD"',
    "cat /etc/ld.so.preload",
    "nm -D --defined-only {seen.preloads.library} | grep -iE ' (hsa|hip|ioctl|mmap)'",
  ],
  remedies: [
    {
      does: "take it out, here and where it is set",
      commands: [
        "unset LD_PRELOAD",
        "grep -rn LD_PRELOAD ~/.bashrc ~/.profile /etc/environment; cat /etc/ld.so.preload",
      ],
    },
  ],
  sources: [sources.fineGrain, sources.hazards],
};

export const idleParameter: Rule = {
  id: "parameter-without-effect",
  title: "A parameter of amdgpu that does nothing on this card",
  severity: "note",
  about: ["card"],
  when: all(
    isRdna1,
    some("amdgpu.options", ({ name }) => name === "mtype_local"),
  ),
  why:
    "mtype_local is set for amdgpu; the driver reads it for GC 9.4.3, 9.4.4 and 9.5.0 alone, " +
    "never for {card.gfx}",
  certainty: "confirmed",
  howToFindOut: ["cat /proc/cmdline", "grep -rn mtype_local /etc/modprobe.d"],
  remedies: [
    {
      does: "take it out of the file or of the kernel's command line",
      commands: ["grep -rn mtype_local /etc/modprobe.d /etc/default/grub"],
    },
  ],
  sources: [sources.mtypeLocal],
};
