import { writeFile } from "node:fs/promises";
import { afterEach, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../test/command.ts";
import { machineHost } from "../host/index.ts";
import { journalsIn, newJournalPath } from "./journals.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("trials of the same moment have journals of their own, in their order", async () => {
  const { folder, remove } = await temporaryFolder();
  vi.useFakeTimers({ now: new Date("2026-11-22T04:05:06.999Z"), toFake: ["Date"] });
  const host = machineHost({}, folder);
  const paths: string[] = [];
  for (let i = 0; i < 3; i++) {
    const path = await newJournalPath(host, folder);
    await writeFile(path, "");
    paths.push(path);
  }
  expect(paths[0]).toMatch(/2026-11-22T04-05-06-999\.jsonl$/);
  expect(await journalsIn(host, folder)).toEqual(paths.reverse());
  await remove();
});
