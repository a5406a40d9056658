import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, RekindleError } from "../errors.ts";

export interface DownloadOptions {
  /** Of the whole file, in hex. */
  readonly sha256: string;
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/** The network's fault: the same request may succeed later. */
export class ConnectionError extends Error {}

/** What was fetched is not what it should be: cut off on the way, or another file. */
export class ChecksumError extends RekindleError {}

/** A server that says nothing for so long says nothing any more. */
const silenceMs = 60_000;

/**
 * Fetches a file, or what is missing of it: a part that an earlier try left in `TO.part` is kept,
 * and the server asked for the rest. The file takes its place when its checksum is right.
 *
 * Throws `ConnectionError` where another try may help, `ChecksumError` for a wrong checksum (the
 * part is removed then), "file-invalid" for answers that will not change.
 */
export async function download(url: string, to: string, options: DownloadOptions): Promise<void> {
  const part = `${to}.part`;
  await mkdir(dirname(to), { recursive: true });
  await fetchRest(url, part, options);
  const found = await hashOf(part);
  if (found !== options.sha256) {
    await rm(part, { force: true });
    throw new ChecksumError("file-invalid", `${url} has another checksum: ${found}`, {
      fix: `expected ${options.sha256}; what was fetched is removed. Try again, or report it`,
    });
  }
  await rename(part, to);
}

async function fetchRest(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { onProgress, signal } = options;
  const have = await stat(part).then(
    ({ size }) => size,
    () => 0,
  );
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMs);
  const signals = signal ? [signal, silence.signal] : [silence.signal];
  try {
    const headers = have > 0 ? { range: `bytes=${have}-` } : {};
    const answer = await fetch(url, { headers, signal: AbortSignal.any(signals) });
    // Nothing is missing: all of it was there already.
    if (answer.status === 416 && have > 0) return;
    if (!answer.ok || !answer.body) refuse(url, answer.status);
    const isRest = answer.status === 206;
    const file = await open(part, isRest ? "a" : "w");
    try {
      let done = isRest ? have : 0;
      const length = Number(answer.headers.get("content-length") ?? Number.NaN);
      const total = Number.isFinite(length) ? done + length : undefined;
      for await (const chunk of answer.body!) {
        timer.refresh();
        await file.writeFile(chunk);
        done += chunk.length;
        onProgress?.(done, total);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof RekindleError || signal?.aborted || isOfDisk(error)) throw error;
    throw new ConnectionError(`${url}: ${reasonOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Servers that are busy or broken may recover; what is not there will not come. */
function refuse(url: string, status: number): never {
  if (status >= 500 || status === 429 || status === 408) {
    throw new ConnectionError(`${url}: status ${status}`);
  }
  throw new RekindleError("file-invalid", `${url}: the server answers with status ${status}`, {
    fix: "check the address",
  });
}

const isOfDisk = (error: unknown) =>
  ["ENOSPC", "EDQUOT", "EIO", "EACCES", "EROFS"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );

/** Node hides the reason behind "fetch failed". */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
