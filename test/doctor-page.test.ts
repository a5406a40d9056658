import { join } from "node:path";
import { expect, test } from "vitest";
import { doctorPage } from "./doctor-page.ts";
import { root } from "./sources.ts";

test("docs/doctor.md has every option, and every key of reports and facts", async () => {
  await expect(doctorPage()).toMatchFileSnapshot(join(root, "docs/doctor.md"));
});
