import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, test } from "vitest";
import type * as Rekindle from "../src/index.ts";
import { Session } from "../src/session/index.ts";
import { Tensor } from "../src/tensor/index.ts";
import { relativeError, seeded } from "./cases.ts";
import { root } from "./sources.ts";

// WebGPU on SwiftShader, and none of the connections that Chromium opens for itself.
const flags = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

const model = readFileSync(join(root, "examples/shapes/shapes.onnx"));

/** The page makes the library a global: what runs in it cannot import. */
interface InPage {
  readonly rekindle: typeof Rekindle;
}
const html = `<!doctype html><title>Rekindle</title><script type="module">
  globalThis.rekindle = await import("/rekindle.js");
</script>`;

let server: Server;
let browser: Browser;
let page: Page;

type Files = Map<string | undefined, [type: string, content: string | Uint8Array]>;

/** The library as a page's bundler makes it: a module, and others loaded when they are needed. */
async function bundle(): Promise<Files> {
  const input = { rekindle: join(root, "src/index.ts") };
  // What only Node has is left as it is, in modules that browsers never load.
  const external = [/^node:/, "onnxruntime-node"];
  const made = await rolldown({ input, platform: "browser", external });
  const { output } = await made.generate({ format: "esm" });
  const chunks = output.filter((o) => o.type === "chunk");
  return new Map(chunks.map((c) => [`/${c.fileName}`, ["text/javascript", c.code]]));
}

beforeAll(async () => {
  const files = await bundle();
  files.set("/", ["text/html", html]);
  files.set("/shapes.onnx", ["application/octet-stream", model]);
  server = createServer((request, response) => {
    const [type, content] = files.get(request.url) ?? ["text/plain", "nothing here"];
    response.writeHead(200, { "content-type": type }).end(content);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const executablePath = process.env.REKINDLE_CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: flags });
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => "rekindle" in globalThis);
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

test("a network gives in a browser what it gives on the CPU", async () => {
  const next = seeded(3);
  const values = Array.from({ length: 3 * 64 * 64 }, () => 2 * next() - 1);
  const image = Tensor.from("float32", values, [1, 3, 64, 64]);
  const cpu = await Session.create(model, { device: "cpu" });
  const { logits: expected } = await cpu.run({ image });
  await cpu.dispose();
  const actual = await page.evaluate(async (numbers) => {
    const { Session, Tensor } = (globalThis as unknown as InPage).rekindle;
    const bytes = new Uint8Array(await (await fetch("/shapes.onnx")).arrayBuffer());
    const session = await Session.create(bytes, { device: "software" });
    const x = Tensor.from("float32", numbers, [1, 3, 64, 64]);
    const first = await session.run({ image: x });
    const second = await session.run({ image: x });
    const { kind, backend } = session.device;
    await session.dispose();
    return {
      device: `${kind} ${backend}`,
      logits: [...(first.logits!.data as Float32Array)],
      again: [...(second.logits!.data as Float32Array)],
    };
  }, values);
  expect(actual.device).toBe("software webgpu");
  expect(actual.again).toEqual(actual.logits);
  const logits = Tensor.from("float32", actual.logits, expected!.dims);
  expect(relativeError(logits, expected!)).toBeLessThan(1e-4);
});

test("an error reads in a browser as it does in Node", async () => {
  const message = await page.evaluate(async () => {
    const { Session } = (globalThis as unknown as InPage).rekindle;
    return Session.create(new Uint8Array([1, 2, 3]), { device: "software" }).then(
      () => "no error",
      (error: Error & { code?: string }) => `${error.name} ${error.code}`,
    );
  });
  expect(message).toBe("RekindleError file-invalid");
});

test("tunings are an object in a browser; one that holds none is ignored, and told", async () => {
  const ignored = await page.evaluate(async () => {
    const { Session } = (globalThis as unknown as InPage).rekindle;
    const bytes = new Uint8Array(await (await fetch("/shapes.onnx")).arrayBuffer());
    const ignoredOf = async (tunings: object) => {
      const options = { device: "software", tunings: tunings as never };
      const session = await Session.create(bytes, options);
      const { ignored } = session.stats.tunings;
      await session.dispose();
      return ignored;
    };
    const format = "rekindle-tunings";
    const good = { format, version: 1, devices: [] };
    return [await ignoredOf(good), await ignoredOf({ ...good, version: 2 })];
  });
  expect(ignored[0]).toEqual([]);
  expect(ignored[1]).toEqual([expect.stringContaining("the object holds no tunings")]);
});
