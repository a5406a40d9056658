import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { root } from "../sources.ts";

/*
 * A package index and git repositories on this machine's own network, which can be made to fail.
 */

/** Says whether it has answered itself. */
export type Trouble = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface Loopback {
  /** "http://127.0.0.1:PORT" */
  readonly url: string;
  /** What is asked for, in order. */
  readonly asked: string[];
  /** Asked before each answer. */
  trouble: Trouble | undefined;
  close(): void;
}

/** A server of packages below /simple/ and repositories below /git/. */
export async function serveLoopback(folder: string): Promise<Loopback> {
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://x").pathname);
    loopback.asked.push(path);
    if (loopback.trouble?.(request, response)) return;
    if (path.startsWith("/git/")) gitBackend(join(folder, "git"), request, response);
    else servePackages(join(folder, "wheels"), path, response);
  });
  // A client that is kept waiting may else use a connection that is being closed.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const loopback: Loopback = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    trouble: undefined,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return loopback;
}

const normal = (name: string) => name.toLowerCase().replace(/[-_.]+/g, "-");
const nameOf = (wheel: string) => normal(wheel.split("-")[0]!);

/** The simple repository of Python packages: https://peps.python.org/pep-0503/ */
function servePackages(folder: string, path: string, response: ServerResponse): void {
  const wheels = readdirSync(folder).filter((name) => name.endsWith(".whl"));
  const file = wheels.find((name) => path === `/files/${name}`);
  if (file) {
    response.writeHead(200, { "content-length": statSync(join(folder, file)).size });
    createReadStream(join(folder, file)).pipe(response);
    return;
  }
  const asked = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
  const found = wheels.filter((name) => asked !== undefined && nameOf(name) === normal(asked));
  if (path !== "/simple/" && found.length === 0) {
    response.writeHead(404).end();
    return;
  }
  const links = found.map((name) => {
    const hash = createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
    return `<a href="/files/${encodeURIComponent(name)}#sha256=${hash}">${name}</a>`;
  });
  response.writeHead(200, { "content-type": "text/html" });
  response.end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`);
}

/** Git's own server program, by the common gateway interface. */
function gitBackend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url!, "http://x");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: pathname.slice("/git".length),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: `${request.headers["git-protocol"] ?? ""}`,
      GIT_CONFIG_COUNT: "2",
      GIT_CONFIG_KEY_0: "uploadpack.allowAnySHA1InWant",
      GIT_CONFIG_VALUE_0: "true",
      GIT_CONFIG_KEY_1: "safe.directory",
      GIT_CONFIG_VALUE_1: "*",
    },
  });
  request.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  backend.on("close", () => {
    const out = Buffer.concat(chunks);
    const end = out.indexOf("\r\n\r\n");
    const head = out.subarray(0, end).toString().split("\r\n");
    const headers = head.map((line) => line.split(/: (.*)/) as [string, string]);
    const status = headers.find(([name]) => name === "Status")?.[1] ?? "200";
    for (const [name, value] of headers) if (name !== "Status") response.setHeader(name, value);
    response.writeHead(Number.parseInt(status, 10));
    response.end(out.subarray(end + 4));
  });
}

/** A wheel to be made: texts and copies of files by their paths inside. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly texts?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
  readonly extras?: readonly string[];
}

/** Real wheels in the folder that `serveLoopback` serves. */
export function makeWheels(folder: string, wheels: readonly Wheel[]): void {
  mkdirSync(join(folder, "wheels"), { recursive: true });
  const script = join(root, "test/remedies/wheelwriter.py");
  const input = JSON.stringify(wheels);
  const made = spawnSync("python3", [script, join(folder, "wheels")], { input, encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
}

/** Runs git for a fixture, with a name and a date that are always the same. */
export function git(folder: string, ...args: readonly string[]): string {
  const name = { NAME: "test", EMAIL: "test@localhost", DATE: "2026-01-01T00:00:00Z" };
  const who = (role: string) =>
    Object.fromEntries(Object.entries(name).map(([key, value]) => [`GIT_${role}_${key}`, value]));
  const ran = spawnSync("git", ["-C", folder, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...who("AUTHOR"), ...who("COMMITTER"), GIT_CONFIG_GLOBAL: "/dev/null" },
  });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
}
