// A step that misbehaves as it is told: it speaks as the steps of `rekindle trial` do, and touches
// no device. Its order is {"fault": NAME}; with "log" it notes in that file that it ran; "replay"
// prints what programs on real cards printed, and ends as they did.
import { spawn } from "node:child_process";
import { appendFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const say = (message) => writeSync(1, `\n@rekindle ${JSON.stringify(message)}\n`);
const result = (error) => say({ result: { device: "none", error, output: "y" } });

const faults = {
  none: () => result(1e-7),
  wrong: () => result(0.5),
  "not finite": () => result("not finite"),
  error() {
    console.error("Traceback (most recent call last):");
    console.error("RuntimeError: HIP error: invalid device function");
    say({ failed: { type: "RuntimeError", message: "HIP error: invalid device function" } });
    process.exitCode = 1;
  },
  silent: () => process.exit(3),
  unavailable: () => say({ unavailable: "no such device" }),
  segfault: () => process.kill(process.pid, "SIGSEGV"),
  abort: () => process.abort(),
  "crash after the result"() {
    result(1e-7);
    process.kill(process.pid, "SIGSEGV");
  },
  hang() {
    process.on("SIGTERM", () => undefined);
    setInterval(() => undefined, 1000);
  },
  async slow() {
    for (let i = 0; i < 15; i++) {
      say({ at: `place ${i}` });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    result(1e-7);
  },
  "hang in a loop"() {
    for (;;);
  },
  flood() {
    const line = Buffer.from(`${"x".repeat(999)}\n`.repeat(1000));
    for (let i = 0; i < 50; i++) writeSync(1, line);
    result(1e-7);
  },
  "no text"() {
    writeSync(2, Buffer.from([0xff, 0xfe, 0, 0x80, 10]));
    writeSync(1, "@rekindle {broken\n@rekindle 7\n");
    process.exitCode = 1;
  },
  replay({ prints, built, ending }) {
    if (built) say({ built });
    writeSync(2, prints);
    if (ending.startsWith("SIG")) process.kill(process.pid, ending);
    else if (ending === "hang") setInterval(() => undefined, 1000);
    else {
      say({ failed: { type: "RuntimeError", message: ending } });
      process.exitCode = 1;
    }
  },
  fork() {
    // It keeps the output open, and ends with its group alone.
    spawn("sleep", ["100"], { stdio: "inherit" }).unref();
    result(1e-7);
  },
  escape() {
    // It leaves the group as well.
    spawn("sleep", ["100"], { stdio: "inherit", detached: true }).unref();
    result(1e-7);
  },
  memory() {
    const held = [];
    const grow = () => {
      held.push(Buffer.alloc(20e6, 1));
      setTimeout(grow, 10);
    };
    grow();
  },
};

say({ at: "load" });
say({ ready: {} });
const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit(9));
lines.once("line", (line) => {
  lines.removeAllListeners("close");
  lines.close();
  process.stdin.destroy();
  const order = JSON.parse(line);
  const { fault, log, name } = order;
  if (log) appendFileSync(log, `${name}\n`);
  say({ at: `do ${fault}` });
  faults[fault](order);
});
