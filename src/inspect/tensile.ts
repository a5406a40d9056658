import type { Source } from "../host/index.ts";
import type { DataFile } from "./report.ts";
import { latin1 } from "./source.ts";
import { compareTargets, parseTarget } from "./targets.ts";

/**
 * What a file of rocBLAS (`rocblas/library/`), hipBLASLt (`hipblaslt/library/`) or hipSPARSELt is,
 * by its path; undefined where it is none of theirs. Names carry their target:
 * "TensileLibrary_lazy_gfx1010.dat", "Kernels.so-000-gfx906-xnack-.hsaco", or a folder does
 * ("library/gfx942/TensileLibrary.dat"); "TensileLibrary.dat" alone serves every target.
 */
export function tensileFile(path: string): DataFile | undefined {
  const name = path.split(/[/!]/).at(-1)!;
  const library = /(rocblas|hipblaslt|hipsparselt)\/library\//.exec(path)?.[1];
  const isNamed = /^(TensileLibrary|Kernels\.so-\d+|extop|hipblasltExtOp|hipblasltTransform)/.test(
    name,
  );
  if (!isNamed || !/\.(dat|yaml|co|hsaco)$/.test(name)) return undefined;
  const isLt = library ? library !== "rocblas" : /^(extop|hipblaslt)/.test(name);
  const role = /\.(dat|yaml)$/.test(name) ? "index" : "code";
  const folder = /\/library\/(gfx[0-9a-z-]+)\//.exec(path)?.[1];
  const target = targetIn(name) ?? folder;
  return {
    place: isLt ? "hipblaslt" : "tensile",
    role,
    targets: target === undefined ? [] : [target],
    merged: role === "index" && target === undefined && /^TensileLibrary\.(dat|yaml)$/.test(name),
  };
}

/** The target in a file name, where settings stand behind a dash: "gfx90a-xnack+". */
function targetIn(name: string): string | undefined {
  const found = /gfx[0-9]+[a-z]?(?:-[0-9]+-generic|-generic)?((?:[-:](?:xnack|sramecc)[+-])*)/.exec(
    name,
  );
  if (!found) return undefined;
  const settings = found[1]!;
  const processor = found[0].slice(0, found[0].length - settings.length);
  const text = processor + settings.replace(/[-:](xnack|sramecc)/g, ":$1");
  return parseTarget(text) ? text : undefined;
}

/** An index may list this many bytes; a merged one of rocBLAS has about 100 MB. */
const scanBytes = 2 ** 20;
const overlap = 32;

/**
 * The targets that a merged index names: "Processor" predicates hold names such as "gfx906".
 * Texts are stored as they are in msgpack and YAML, so they are found by looking for them.
 */
export async function targetsInIndex(
  source: Source,
  onRead: (offset: number) => void,
): Promise<string[]> {
  const found = new Set<string>();
  for (let at = 0; at < source.size; at += scanBytes - overlap) {
    const text = latin1(await source.read(at, scanBytes));
    onRead(at);
    for (const [name] of text.matchAll(/(?<![\w-])gfx[0-9]{3,4}[a-z]?(?![0-9a-z])/g))
      found.add(name);
    if (text.length < scanBytes) break;
  }
  return [...found].sort(compareTargets);
}
