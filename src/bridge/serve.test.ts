import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FrameReader, frameOf } from "./frames.ts";
import { serveBridge } from "./serve.ts";

let folder: string;
let memory: string;
let input: PassThrough;
let output: PassThrough;
let served: Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rekindle-bridge-"));
  memory = join(folder, "memory");
  writeFileSync(memory, new Uint8Array(0));
  input = new PassThrough();
  output = new PassThrough();
  served = serveBridge({ input, output });
});
afterEach(async () => {
  input.end();
  await served;
  rmSync(folder, { recursive: true });
});

interface Reply {
  readonly id: number;
  readonly ok?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Sends requests together; the replies in the order of their ids. */
async function ask(...requests: readonly object[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  const frames = new FrameReader();
  const all = new Promise<void>((resolve) => {
    output.on("data", (chunk: Buffer) => {
      for (const message of frames.push(chunk)) replies.push(message as Reply);
      if (replies.length === requests.length) resolve();
    });
  });
  for (const [id, request] of requests.entries()) input.write(frameOf({ id, ...request }));
  await all;
  output.removeAllListeners("data");
  return replies.sort((a, b) => a.id - b.id);
}

/** y = relu(x) + x, of a fixed shape. */
const graph = {
  inputs: [{ name: "x", dtype: "float32", dims: [2, 3] }],
  outputs: ["y"],
  nodes: [
    { op: "Relu", inputs: ["x"], outputs: ["r"], attributes: {} },
    { op: "Add", inputs: ["r", "x"], outputs: ["y"], attributes: {} },
  ],
};
const load = () => ({
  ...{ do: "load", model: 7, source: { graph }, memory },
  ...{ device: "cpu", precision: "f32" },
});
const run = (dims: readonly number[]) => ({
  ...{ do: "run", model: 7, outputsAt: 64 },
  inputs: [{ name: "x", dtype: "float32", dims, at: 0 }],
});

test("a described graph runs, and its tensors travel through shared memory", async () => {
  const [hello, loaded] = await ask({ do: "hello" }, load());
  expect(hello!.ok).toMatchObject({ protocol: 1 });
  expect(loaded!.ok).toMatchObject({ outputs: [{ name: "y" }], device: { kind: "cpu" } });
  writeFileSync(memory, Float32Array.of(-1, 2, -3, 4, 5, 6));
  const [ran] = await ask(run([2, 3]));
  expect(ran!.ok!.outputs).toEqual([{ name: "y", dtype: "float32", dims: [2, 3], at: 64 }]);
  const bytes = new Uint8Array(readFileSync(memory)).buffer;
  expect([...new Float32Array(bytes, 64, 6)]).toEqual([-1, 4, -3, 8, 10, 12]);
  const [unloaded, again] = await ask({ do: "unload", model: 7 }, run([2, 3]));
  expect(unloaded!.ok).toEqual({});
  expect(again!.error).toMatchObject({ code: "bridge", message: "no model 7 is loaded" });
});

test("what is wrong with a request is told in its reply", async () => {
  await ask(load());
  const replies = await ask(
    { do: "dance" },
    run([2, 3]),
    run([3, 3]),
    { ...load(), memory: join(folder, "nothing") },
    { ...load(), source: { path: join(folder, "model.onnx") } },
  );
  expect(replies.map(({ error }) => error?.code)).toEqual([
    "bridge",
    "bridge",
    "bridge",
    "bridge",
    "file-missing",
  ]);
});

test("a request that is given in pieces is put together", async () => {
  const frame = frameOf({ id: 3, do: "hello" });
  const reply = new Promise<Buffer>((resolve) => output.once("data", resolve));
  for (const byte of frame) input.write(Buffer.of(byte));
  const [message] = [...new FrameReader().push(await reply)];
  expect(message).toMatchObject({ id: 3, ok: { protocol: 1 } });
});

test("a stream that is no sequence of messages ends the engine", async () => {
  const other = new PassThrough();
  const ended = serveBridge({ input: other, output: new PassThrough() });
  other.end(Buffer.from("hello, engine"));
  await expect(ended).rejects.toMatchObject({ code: "bridge" });
});
