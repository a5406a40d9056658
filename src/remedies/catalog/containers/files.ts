import type { Stack } from "./stacks.ts";

/** Who may use the GPU inside. */
export interface Access {
  readonly engine: "docker" | "podman";
  /** Numbers of the groups that own the device files on the host. */
  readonly groups: readonly number[];
}

/** Names of the image and the service. */
export const imageOf = (stack: Stack) => `localhost/rekindle-${stack.name}`;

const devicesOf = ({ needsKfd }: Stack) => [...(needsKfd ? ["/dev/kfd"] : []), "/dev/dri"];

/** A Dockerfile for Docker and Podman. */
export function dockerfile(stack: Stack, base: string, choice: { gfx: string; index: string }) {
  const check = JSON.stringify(stack.check);
  return [
    `# ${stack.title}, for ${choice.gfx}. Written by rekindle fix container.`,
    `FROM ${base}`,
    ...stack.lines(choice),
    ...(stack.check.includes("/opt/rekindle/check.py")
      ? ["COPY check.py /opt/rekindle/check.py"]
      : []),
    "WORKDIR /work",
    "# A convolution on the GPU, compared with the same on the CPU.",
    "HEALTHCHECK --interval=5m --timeout=3m --start-period=2m --retries=1 \\",
    `    CMD ${check}`,
    "",
  ].join("\n");
}

/** A compose file: device files, groups, shared memory. */
export function composeFile(stack: Stack, { engine, groups }: Access): string {
  const grouped = engine === "podman" ? ["keep-groups"] : groups.map((group) => `${group}`);
  const list = (items: readonly string[]) => items.map((item) => `      - ${JSON.stringify(item)}`);
  return [
    `# ${stack.title}. Written by rekindle fix container.`,
    "services:",
    `  ${stack.name}:`,
    "    build: .",
    `    image: ${imageOf(stack)}`,
    "    devices:",
    ...list(devicesOf(stack).map((device) => `${device}:${device}`)),
    ...(grouped.length > 0 ? ["    group_add:", ...list(grouped)] : []),
    "    security_opt:",
    ...list(["seccomp=unconfined"]),
    "    shm_size: 8gb",
    "    volumes:",
    ...list(["./work:/work"]),
    ...(stack.name === "community" ? ["    ports:", ...list(["127.0.0.1:8188:8188"])] : []),
    "    healthcheck:",
    `      test: ${JSON.stringify(["CMD", ...stack.check])}`,
    "      interval: 5m",
    "      timeout: 3m",
    "      start_period: 2m",
    "      retries: 1",
    "    stdin_open: true",
    "    tty: true",
    "",
  ].join("\n");
}

/** Arguments that give a container the GPU, on the command line. */
export function runFlags(stack: Stack, { engine, groups }: Access): string[] {
  const grouped = engine === "podman" ? ["keep-groups"] : groups.map((group) => `${group}`);
  return [
    ...devicesOf(stack).map((device) => `--device=${device}`),
    ...grouped.map((group) => `--group-add=${group}`),
    "--security-opt=seccomp=unconfined",
    "--shm-size=8g",
  ];
}

/** Notes for whoever runs it. */
export function readme(stack: Stack, access: Access): string {
  const { engine } = access;
  const run = [engine, "run", "--rm", "-it", ...runFlags(stack, access), imageOf(stack)].join(" ");
  const compose = engine === "podman" ? "podman-compose" : "docker compose";
  return `# ${stack.title} in a container

${stack.notes.map((note) => `- ${note}`).join("\n")}
- The host's kernel driver does the work: amdgpu has to be loaded, and no other program of the host
  has to be installed. Rootless containers see a GPU that the user may use (groups video, render).
- A container that hangs the GPU hangs the host's GPU: containers share it.

## Start

    ${run}
    ${compose} up

What lies in \`work\` is at /work inside.

## Health

\`${stack.check.join(" ")}\` computes a convolution on the GPU and on the CPU and compares them. The
container is "unhealthy" where that fails; ${engine} runs it every five minutes, by hand:

    ${engine} inspect --format '{{.State.Health.Status}}' CONTAINER

## On another machine

The groups that own /dev/kfd and /dev/dri/renderD* have other numbers there (\`stat -c %g\`): change
\`group_add\`. \`${engine} save ${imageOf(stack)}\` writes the image to a file.
`;
}

/** The health check of images with PyTorch. */
export const checkScript = `"""A Conv2d on the GPU against the CPU, in a process that may die."""

import subprocess
import sys

STEP = """
import torch
if not torch.cuda.is_available():
    raise SystemExit("PyTorch sees no GPU")
torch.manual_seed(1)
layer = torch.nn.Conv2d(16, 32, 3, padding=1)
x = torch.randn(2, 16, 32, 32)
wanted = layer(x)
found = layer.cuda()(x.cuda()).cpu()
error = ((found - wanted).norm() / wanted.norm()).item()
print(torch.cuda.get_device_name(), "relative error", error)
raise SystemExit(0 if error < 1e-3 else "the result is wrong")
"""

try:
    ended = subprocess.run([sys.executable, "-c", STEP], timeout=150)
except subprocess.TimeoutExpired:
    sys.exit("the convolution hangs")
sys.exit(ended.returncode if ended.returncode >= 0 else f"ended by signal {-ended.returncode}")
`;
