import type { Host } from "../../host/index.ts";
import type { DeviceFacts } from "../facts.ts";
import { known, linesOf, type Probe } from "./probe.ts";

/** Who runs this, and whether the GPU's device files may be opened. */
export const permissionsProbe: Probe = {
  name: "permissions",
  what: "device files and groups",
  systems: ["linux"],
  timeoutMs: 2000,
  byHand: "id; ls -l /dev/kfd /dev/dri",
  async learn(host) {
    const { user, userId, groups } = await host.system();
    const file = await groupsFile(host);
    const names = (await host.list("/dev/dri")).filter((name) => name.startsWith("renderD"));
    return {
      permissions: known({
        isRoot: userId === undefined ? undefined : userId === 0,
        user: user || undefined,
        groups: groups?.map((id) => file.nameOf(id)),
        assignedGroups: user ? file.groupsOf(user) : undefined,
        kfd: await deviceAt(host, "/dev/kfd", file),
        renderNodes: await Promise.all(names.map((n) => deviceAt(host, `/dev/dri/${n}`, file))),
      }),
    };
  },
};

interface GroupsFile {
  nameOf(id: number): string;
  groupsOf(user: string): string[];
}

/** /etc/group: "render:x:105:alice,bob". */
async function groupsFile(host: Host): Promise<GroupsFile> {
  const groups = linesOf(await host.readText("/etc/group")).map((line) => line.split(":"));
  return {
    nameOf: (id) => groups.find((fields) => fields[2] === String(id))?.[0] ?? String(id),
    groupsOf: (user) =>
      groups.filter((fields) => fields[3]?.split(",").includes(user)).map((fields) => fields[0]!),
  };
}

async function deviceAt(host: Host, path: string, file: GroupsFile): Promise<DeviceFacts> {
  const status = await host.status(path);
  if (!status) return { path, exists: false };
  return {
    path,
    exists: true,
    canUse: status.canRead && status.canWrite,
    group: file.nameOf(status.group),
    mode: status.mode.toString(8).padStart(4, "0"),
  };
}
