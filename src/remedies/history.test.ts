import { basename } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { machineHost } from "../host/index.ts";
import { newFixFolder } from "./history.ts";

test("fixes that begin at the same moment have folders of their own, numbered", async () => {
  const { folder, remove } = await temporaryFolder();
  const host = machineHost({ XDG_STATE_HOME: folder }, folder);
  const now = new Date("2026-11-22T04:05:06Z");
  const made = await Promise.all([1, 2, 3, 4].map(() => newFixFolder(host, now)));
  expect(made.map((path) => basename(path)).sort()).toEqual(
    [1, 2, 3, 4].map((number) => `2026-11-22-${number}`),
  );
  await remove();
});
