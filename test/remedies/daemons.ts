import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { onTestFinished } from "vitest";

/** Daemons do not run as root. */
export const user = process.getuid?.() === 0 ? "nobody" : userInfo().username;

/** Starts a daemon for the time of a test; what it writes. */
export function daemon(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): () => string {
  const child = spawn(program, args, {
    env: { ...process.env, TMPDIR: tmpdir(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  }
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  return () => Buffer.concat(chunks).toString();
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for something that has to come: as long as the test may take. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
