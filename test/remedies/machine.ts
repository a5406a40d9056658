import { chmod, chown, link, lutimes, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../src/remedies/edit-file.ts";
import type { Plan, Step } from "../../src/remedies/index.ts";

/* A machine in a folder, and a plan that does to it all that plans can do. */

export const environment = "PATH=/usr/bin\nHSA_OVERRIDE_GFX_VERSION=10.3.0\n";

/** Files of every kind: links, two names for one, folders that may not be written, old times. */
export async function makeMachine(root: string): Promise<void> {
  const files: Record<string, string> = {
    "etc/environment": environment,
    "etc/profile.d/rocm.sh": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
    "etc/twice": "one file, two names\n",
    "opt/rocm/lib/libhsa.so.1": "patched by hand",
    "opt/rocm/patched/readme": "keep out",
    "opt/rocm/patched/closed/inner": "in a folder that may not be written",
    "opt/backup/libhsa.so.1": "as the package installed it",
    "people/alice/project/source.c": "int main;",
    "var/db/packages": "base\n",
    // A system tool of this machine: it installs something, or removes it again.
    "usr/bin/tool": tool,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await mkdir(join(root, "tmp"));
  await link(join(root, "etc/twice"), join(root, "etc/other-name"));
  await symlink("libhsa.so.1", join(root, "opt/rocm/lib/libhsa.so"));
  await symlink("/nowhere", join(root, "opt/rocm/patched/broken"));
  await chmod(join(root, "etc/environment"), 0o640);
  await chmod(join(root, "opt/rocm/lib/libhsa.so.1"), 0o4755);
  if (process.getuid?.() === 0) {
    await chown(join(root, "etc/environment"), 12, 34);
    await chown(join(root, "opt/rocm/patched/readme"), 56, 78);
  }
  await lutimes(join(root, "opt/rocm/lib/libhsa.so"), 1.5e9, 1.5e9);
  for (const path of [...Object.keys(files), "opt/rocm/patched", "opt/rocm/lib", "etc", "var/db"]) {
    await utimes(join(root, path), 1_600_000_000.123_456, 1_600_000_000.123_456);
  }
  await chmod(join(root, "opt/rocm/patched/closed"), 0o555);
}

const tool = `#!/bin/sh
set -eu
root=$2
case $1 in
  install)
    touch -r "$root/var/db/packages" "$root/tmp/stamp"
    echo "half" >> "$root/var/db/packages"
    echo "changed" > "$root/people/alice/project/source.c"
    mkdir -p "$root/people/alice/project/new/deep"
    echo "made" > "$root/people/alice/project/new/deep/file"
    rm -rf "$root/opt/rocm/lib/libhsa.so"
    echo "[1/2] half way"; echo "[2/2] all"
    echo "whole" >> "$root/var/db/packages" ;;
  remove)
    if [ -e "$root/tmp/stamp" ]; then
      printf 'base\\n' > "$root/var/db/packages"
      touch -r "$root/tmp/stamp" "$root/var/db/packages"
      rm "$root/tmp/stamp"
    fi ;;
  build)
    mkdir -p "$root/people/alice/build"
    for part in a b c; do
      [ -e "$root/people/alice/build/$part" ] || echo "$part" >> "$root/people/alice/built"
      echo "$part" > "$root/people/alice/build/$part"
    done ;;
esac
`;

export const payload = "payload ".repeat(20_000);

const toolStep = (verb: string) => ({
  program: "sh",
  args: [{ path: "/usr/bin/tool" }, verb, { path: "/", before: "" }],
  folder: "/",
});

/** Steps of every kind. */
export function everything(url: string): Step[] {
  return [
    {
      kind: "write",
      id: "edit",
      does: "take a line out of /etc/environment",
      path: "/etc/environment",
      before: sha256(environment),
      content: "PATH=/usr/bin\n",
    },
    {
      kind: "write",
      id: "make",
      does: "make a file in new folders",
      path: "/etc/new/folders/file.conf",
      before: null,
      content: "options\n",
      mode: 0o600,
    },
    {
      kind: "write",
      id: "two-names",
      does: "change a file that has two names",
      path: "/etc/twice",
      before: sha256("one file, two names\n"),
      content: "changed\n",
      touches: ["/etc/other-name"],
    },
    { kind: "remove", id: "remove", does: "remove a folder", path: "/opt/rocm/patched" },
    {
      kind: "copy",
      id: "restore",
      does: "restore an old backup",
      from: "/opt/backup/libhsa.so.1",
      to: "/opt/rocm/lib/libhsa.so.1",
    },
    {
      kind: "download",
      id: "fetch",
      does: "fetch a file",
      url,
      to: "/people/alice/downloads/file",
      sha256: sha256(payload),
    },
    {
      kind: "run",
      id: "install",
      does: "install something",
      command: toolStep("install"),
      undo: [toolStep("remove")],
      touches: ["/people/alice/project", "/opt/rocm/lib/libhsa.so", "/tmp"],
      progress: "\\[(?<done>\\d+)/(?<total>\\d+)\\]",
    },
    {
      kind: "run",
      id: "build",
      does: "build something",
      command: toolStep("build"),
      touches: ["/people/alice/build", "/people/alice/built"],
      continues: true,
      doneWhen: [{ exists: "/people/alice/build/c" }],
    },
  ];
}

export const planOf = (steps: Step[]): Plan => ({
  remedy: "test",
  options: {},
  steps,
  verification: [],
  notes: [],
});
