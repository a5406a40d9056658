import { describe, expect, test } from "vitest";
import { cardOf, chipOf, targetOfVersion } from "./cards.ts";
import { identified } from "./identity.ts";

describe("PCI ids", () => {
  test.each([
    ["731F", "CA", "Radeon RX 5600 XT", "gfx1010", 36],
    ["731f", "c1", "Radeon RX 5700 XT", "gfx1010", 40],
    ["731f", "c2", "Radeon RX 5600M", "gfx1010", 36],
    ["7360", "41", "Radeon Pro 5600M", "gfx1011", 40],
    ["7340", "c5", "Radeon RX 5500 XT", "gfx1012", 22],
    ["7341", "00", "Radeon Pro W5500", "gfx1012", 22],
    ["73bf", "c1", "Radeon RX 6800 XT", "gfx1030", 72],
    ["744c", "c8", "Radeon RX 7900 XTX", "gfx1100", 96],
  ])("%s:%s is an %s, %s", (device, revision, name, gfx, computeUnits) => {
    expect(cardOf(device, revision)).toMatchObject({ name, computeUnits });
    expect(chipOf(device)?.gfx).toBe(gfx);
  });

  test("an id with an unknown revision gives the chip alone", () => {
    const gpu = identified({ vendorId: "1002", deviceId: "731b", revision: "00" });
    expect(gpu).toMatchObject({ chip: "Navi 10", gfx: "gfx1010" });
    expect(gpu.name).toBeUndefined();
  });

  test("one id for two targets gives none", () => {
    expect(chipOf("15d8")).toEqual({
      chip: "Picasso or Raven 2",
      family: "GCN5",
      kind: "integrated",
    });
  });

  test("what was measured wins over what is sold", () => {
    const gpu = identified({ vendorId: "1002", deviceId: "731f", revision: "ca", vramBytes: 1 });
    expect(gpu.vramBytes).toBe(1);
    expect(identified({ vendorId: "1002", deviceId: "731f", revision: "ca" }).vramBytes).toBe(
      6 * 2 ** 30,
    );
  });

  test("others are no AMD cards", () => {
    expect(identified({ vendorId: "10de", deviceId: "2684" })).toMatchObject({
      kind: "discrete",
      name: "GPU of NVIDIA",
    });
    expect(identified({ vendorId: "1234", deviceId: "1111" }).kind).toBe("virtual");
  });
});

test.each([
  [100100, "gfx1010"],
  [100102, "gfx1012"],
  [90010, "gfx90a"],
  [90400, "gfx940"],
  [110501, "gfx1151"],
  [80003, "gfx803"],
])("gfx_target_version %d is %s", (version, gfx) => {
  expect(targetOfVersion(version)).toBe(gfx);
});
