import { open, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { messageOf, RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import type { ReadExternal } from "./external.ts";
import { type ReadOptions, readOnnx } from "./read.ts";

/**
 * Reads an ONNX file, and the files beside it that hold its data, of which only the bytes that
 * tensors need are read. Errors as `readOnnx`, and "file-missing".
 *
 * @example
 * const graph = await loadOnnx("resnet50.onnx", { supported: ops });
 */
export async function loadOnnx(
  file: string,
  options: Omit<ReadOptions, "readExternal"> = {},
): Promise<Graph> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(`the model "${file}"`, error);
  });
  try {
    return await readOnnx(bytes, { ...options, readExternal: externalFiles(path.dirname(file)) });
  } catch (error) {
    throw naming(file, error);
  }
}

/** The reader knows bytes alone and says "the file": here its name is known. */
function naming(file: string, error: unknown): unknown {
  const anonymous = /^the file\b/;
  if (!(error instanceof RekindleError) || !anonymous.test(error.message)) return error;
  const { code, fix, cause } = error;
  const message = error.message.replace(anonymous, `the file "${file}"`);
  return new RekindleError(code, message, { cause, ...(fix !== undefined && { fix }) });
}

/**
 * Reads external data from files in `folder`. A location that leaves the folder is refused: a
 * model must not read other files of its user. (Links in the folder are followed: the caches of
 * model hubs are made of them, and a model cannot make any.)
 */
function externalFiles(folder: string): ReadExternal {
  return async (location, offset, length) => {
    const file = path.resolve(folder, location);
    const [first] = path.relative(path.resolve(folder), file).split(path.sep);
    if (path.isAbsolute(location) || first === ".." || path.isAbsolute(first!)) {
      throw new RekindleError(
        "model-invalid",
        `the model wants data from "${location}", which is outside its folder`,
        { fix: "do not use this model unless you trust it; else move the data beside it" },
      );
    }
    const what = `"${location}", which holds data of the model,`;
    try {
      return await readRange(file, what, offset, length);
    } catch (error) {
      throw error instanceof RekindleError ? error : fileError(what, error);
    }
  };
}

async function readRange(
  file: string,
  what: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const { size } = await stat(file);
  // Before anything is allocated: the model may claim any size.
  if (offset + length > size) {
    throw new RekindleError(
      "file-invalid",
      `${what} has ${size} bytes, the model needs bytes ${offset} to ${offset + length}`,
      { fix: "the file is cut off or belongs to another model: download or export it again" },
    );
  }
  const handle = await open(file);
  try {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new Error(`ends after ${offset + done} bytes`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function fileError(what: string, cause: unknown): RekindleError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ENOENT") {
    return new RekindleError("file-missing", `${what} does not exist`, {
      fix: "check the path; data files must lie beside the model",
      cause,
    });
  }
  return new RekindleError("file-invalid", `${what} cannot be read: ${messageOf(cause)}`, {
    cause,
  });
}
