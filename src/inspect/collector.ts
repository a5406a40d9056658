import { RekindleError } from "../errors.ts";
import { FormatError } from "./damage.ts";
import type { Compression, Container, DeviceCode, KernelSymbol, Place, Problem } from "./report.ts";
import { compareTargets } from "./targets.ts";

/** One piece of device code as it is found. */
export interface FoundCode {
  readonly target: string;
  readonly compression: Compression;
  readonly bytes: number;
  readonly kernels?: number | undefined;
  readonly symbols?: readonly KernelSymbol[] | undefined;
}

/** Gathers what a file holds while it is read: code by target, containers by kind. */
export class Collector {
  readonly place: Place;
  /** Whether kernels are wanted by name, with their registers. */
  readonly symbols: boolean;
  readonly problems: Problem[] = [];
  readonly #code = new Map<string, DeviceCode & { symbols?: KernelSymbol[] }>();
  readonly #containers = new Map<string, Container>();
  readonly #onRead: (offset: number) => void;

  constructor(place: Place, symbols: boolean, onRead: (offset: number) => void = () => undefined) {
    this.place = place;
    this.symbols = symbols;
    this.#onRead = onRead;
  }

  /** Tells how far the file is read. */
  progress(offset: number): void {
    this.#onRead(offset);
  }

  addCode({ target, compression, bytes, kernels, symbols }: FoundCode): void {
    const key = `${target} ${compression}`;
    const old = this.#code.get(key);
    const known = old?.kernels === undefined && kernels === undefined;
    const all = symbols && [...(old?.symbols ?? []), ...symbols];
    this.#code.set(key, {
      target,
      place: this.place,
      compression,
      codeObjects: (old?.codeObjects ?? 0) + 1,
      bytes: (old?.bytes ?? 0) + bytes,
      ...(!known && { kernels: (old?.kernels ?? 0) + (kernels ?? 0) }),
      ...(all && { symbols: all }),
    });
  }

  addContainer(found: Omit<Container, "count">): void {
    const key = `${found.kind} ${found.version} ${found.compression}`;
    const old = this.#containers.get(key);
    this.#containers.set(key, {
      ...found,
      count: (old?.count ?? 0) + 1,
      storedBytes: (old?.storedBytes ?? 0) + found.storedBytes,
      bytes: (old?.bytes ?? 0) + found.bytes,
    });
  }

  /** Notes an error as a problem of the file, so that what was found before it is kept. */
  addError(error: unknown): void {
    this.problems.push(problemOf(error));
  }

  get code(): DeviceCode[] {
    return [...this.#code.values()].sort((a, b) => compareTargets(a.target, b.target));
  }

  get containers(): Container[] {
    return [...this.#containers.values()];
  }
}

/** An error of reading as a problem; what is no such error is a fault of ours and thrown on. */
export function problemOf(error: unknown): Problem {
  if (error instanceof FormatError) {
    return { code: error.code, message: error.message, offset: error.offset };
  }
  if (error instanceof RekindleError) return { code: error.code, message: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM")
    return { code: "permission", message: "no permission" };
  if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return { code: "file-invalid", message };
  throw error;
}
