import { expect, test } from "vitest";
import { catalog } from "../src/remedies/index.ts";
import { waysOutPage } from "./ways-out-page.ts";

test("docs/ways-out.md is up to date", async () => {
  await expect(waysOutPage(catalog)).toMatchFileSnapshot("../docs/ways-out.md");
});
