/*
 * Which chip a PCI id stands for, and what the revision sells it as.
 *
 * Chips and their ids: the kernel's drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c; from RDNA3 on, which
 * the kernel finds by asking the chip, libdrm's data/amdgpu.ids. Names: amdgpu.ids. Targets: the
 * kernel's kfd_device.c and LLVM's AMDGPUUsage. Compute units and memory: AMD's product pages.
 */

export interface Chip {
  /** "Navi 10" */
  readonly chip: string;
  /** "RDNA1" */
  readonly family: string;
  /** "gfx1010"; absent where one id stands for chips with different targets. */
  readonly gfx?: string;
  readonly kind: "discrete" | "integrated";
}

/** Name of the chip, family, target, kind, device ids. */
const chips: readonly (readonly [string, string, string, Chip["kind"], string])[] = [
  ["Hawaii", "GCN2", "gfx701", "discrete", "67a0 67a1 67b0 67b1 67b9"],
  ["Fiji", "GCN3", "gfx803", "discrete", "7300 730f"],
  ["Tonga", "GCN3", "gfx802", "discrete", "6920 6921 6928 6929 692b 692f 6930 6938 6939"],
  [
    "Polaris 10",
    "GCN4",
    "gfx803",
    "discrete",
    "67c0 67c1 67c2 67c4 67c7 67c8 67c9 67ca 67cc 67cf 67d0 67df 6fdf",
  ],
  ["Polaris 11", "GCN4", "gfx803", "discrete", "67e0 67e1 67e3 67e7 67e8 67e9 67eb 67ef 67ff"],
  ["Polaris 12", "GCN4", "gfx803", "discrete", "6980 6981 6985 6986 6987 6995 6997 699f"],
  [
    "Vega 10",
    "GCN5",
    "gfx900",
    "discrete",
    "6860 6861 6862 6863 6864 6867 6868 6869 686a 686b 686c 686d 686e 686f 687f",
  ],
  ["Vega 12", "GCN5", "gfx904", "discrete", "69a0 69a1 69a2 69a3 69af"],
  ["Vega 20", "GCN5", "gfx906", "discrete", "66a0 66a1 66a2 66a3 66a4 66a7 66af"],
  ["Raven", "GCN5", "gfx902", "integrated", "15dd"],
  ["Picasso or Raven 2", "GCN5", "", "integrated", "15d8"],
  ["Renoir or Cezanne", "GCN5", "gfx90c", "integrated", "15e7 1636 1638 164c"],
  ["Arcturus", "CDNA1", "gfx908", "discrete", "738c 7388 738e 7390"],
  ["Aldebaran", "CDNA2", "gfx90a", "discrete", "7408 740c 740f 7410"],
  ["MI300", "CDNA3", "gfx942", "discrete", "74a0 74a1 74a5 74a9 74b5 74b9"],
  ["MI350", "CDNA4", "gfx950", "discrete", "75a0 75a3"],
  ["Navi 10", "RDNA1", "gfx1010", "discrete", "7310 7312 7318 7319 731a 731b 731e 731f"],
  ["Navi 12", "RDNA1", "gfx1011", "discrete", "7360 7362"],
  ["Navi 14", "RDNA1", "gfx1012", "discrete", "7340 7341 7347 734f"],
  ["Cyan Skillfish", "RDNA1", "gfx1013", "integrated", "13fe"],
  [
    "Navi 21",
    "RDNA2",
    "gfx1030",
    "discrete",
    "73a0 73a1 73a2 73a3 73a5 73a8 73a9 73ab 73ac 73ad 73ae 73af 73bf",
  ],
  ["Navi 22", "RDNA2", "gfx1031", "discrete", "73c0 73c1 73c3 73da 73db 73dc 73dd 73de 73df"],
  [
    "Navi 23",
    "RDNA2",
    "gfx1032",
    "discrete",
    "73e0 73e1 73e2 73e3 73e8 73e9 73ea 73eb 73ec 73ed 73ef 73ff",
  ],
  ["Navi 24", "RDNA2", "gfx1034", "discrete", "7420 7421 7422 7423 7424 743f"],
  ["Van Gogh", "RDNA2", "gfx1033", "integrated", "163f 1435"],
  ["Rembrandt", "RDNA2", "gfx1035", "integrated", "164d 1681"],
  ["Raphael", "RDNA2", "gfx1036", "integrated", "164e 13c0"],
  ["Mendocino", "RDNA2", "gfx1037", "integrated", "1506"],
  ["Navi 31", "RDNA3", "gfx1100", "discrete", "7448 744a 744b 744c 745e"],
  ["Navi 32", "RDNA3", "gfx1101", "discrete", "7460 7461 7470 747e"],
  ["Navi 33", "RDNA3", "gfx1102", "discrete", "7480 7481 7483 7487 7489 748b 7499 749f"],
  ["Phoenix", "RDNA3", "gfx1103", "integrated", "15bf 15c8 1900 1901"],
  ["Strix Point", "RDNA3.5", "gfx1150", "integrated", "150e"],
  ["Strix Halo", "RDNA3.5", "gfx1151", "integrated", "1586"],
  ["Krackan Point", "RDNA3.5", "gfx1152", "integrated", "1114"],
  ["Navi 44", "RDNA4", "gfx1200", "discrete", "7590"],
  ["Navi 48", "RDNA4", "gfx1201", "discrete", "7550 7551"],
];

const chipById = new Map<string, Chip>(
  chips.flatMap(([chip, family, gfx, kind, ids]) =>
    ids.split(" ").map((id) => [id, { chip, family, ...(gfx && { gfx }), kind }] as const),
  ),
);

/** The chip of one of AMD's PCI device ids; undefined where it is not in the table. */
export function chipOf(deviceId: string): Chip | undefined {
  return chipById.get(deviceId.toLowerCase());
}

export interface Card {
  /** Without "AMD": "Radeon RX 5600 XT". */
  readonly name: string;
  readonly computeUnits?: number;
  /** Where the card is sold with one size alone. */
  readonly vramGiB?: number;
}

/** "device:revision" or, where no revision tells it apart, "device"; then name, CUs, GiB. */
const cards: Readonly<Record<string, readonly [string, number?, number?]>> = {
  "7312:00": ["Radeon Pro W5700", 36, 8],
  "731e:c6": ["Radeon RX 5700XTB"],
  "731e:c7": ["Radeon RX 5700B"],
  "731f:c0": ["Radeon RX 5700 XT 50th Anniversary", 40, 8],
  "731f:c1": ["Radeon RX 5700 XT", 40, 8],
  "731f:c2": ["Radeon RX 5600M", 36, 6],
  "731f:c3": ["Radeon RX 5700M", 36, 8],
  "731f:c4": ["Radeon RX 5700", 36, 8],
  "731f:c5": ["Radeon RX 5700 XT", 40, 8],
  "731f:ca": ["Radeon RX 5600 XT", 36, 6],
  "731f:cb": ["Radeon RX 5600 OEM"],
  "7340:c1": ["Radeon RX 5500M", 22],
  "7340:c3": ["Radeon RX 5300M", 22],
  "7340:c5": ["Radeon RX 5500 XT", 22],
  "7340:c7": ["Radeon RX 5500", 22],
  "7340:c9": ["Radeon RX 5500XTB"],
  "7340:cf": ["Radeon RX 5300"],
  "7341:00": ["Radeon Pro W5500", 22, 8],
  "7347:00": ["Radeon Pro W5500M"],
  "7360:41": ["Radeon Pro 5600M", 40, 8],
  "7360:c3": ["Radeon Pro V520", 36, 8],
  "7362:c1": ["Radeon Pro V540"],
  "7362:c3": ["Radeon Pro V520"],
  "66a1:02": ["Instinct MI60 / MI50"],
  "66a1:06": ["Radeon Pro VII", 60, 16],
  "66af:c1": ["Radeon VII", 60, 16],
  "687f": ["Radeon RX Vega"],
  "6863": ["Radeon Vega Frontier Edition", 64, 16],
  "67df": ["Radeon RX 470 / 480 / 570 / 580 / 590"],
  "738c:01": ["Instinct MI100", 120, 32],
  "740f:02": ["Instinct MI210", 104, 64],
  "7408:00": ["Instinct MI250X"],
  "740c:01": ["Instinct MI250X / MI250"],
  "74a0:00": ["Instinct MI300A"],
  "74a1:00": ["Instinct MI300X", 304, 192],
  "73a3:00": ["Radeon Pro W6800", 60, 32],
  "73a5:c0": ["Radeon RX 6950 XT", 80, 16],
  "73af:c0": ["Radeon RX 6900 XT", 80, 16],
  "73bf:c0": ["Radeon RX 6900 XT", 80, 16],
  "73bf:c1": ["Radeon RX 6800 XT", 72, 16],
  "73bf:c3": ["Radeon RX 6800", 60, 16],
  "73df:c0": ["Radeon RX 6750 XT", 40, 12],
  "73df:c1": ["Radeon RX 6700 XT", 40, 12],
  "73df:c5": ["Radeon RX 6700 XT", 40, 12],
  "73df:df": ["Radeon RX 6700", 36, 10],
  "73df:ff": ["Radeon RX 6700", 36, 10],
  "73df:c2": ["Radeon RX 6800M", 40, 12],
  "73df:c3": ["Radeon RX 6800M", 40, 12],
  "73df:cf": ["Radeon RX 6700M", 36, 10],
  "73e3:00": ["Radeon Pro W6600", 28, 8],
  "73ef:c1": ["Radeon RX 6650 XT", 32, 8],
  "73ff:c1": ["Radeon RX 6600 XT", 32, 8],
  "73ff:c3": ["Radeon RX 6600M", 28, 8],
  "73ff:c7": ["Radeon RX 6600", 28, 8],
  "743f:c1": ["Radeon RX 6500 XT", 16],
  "743f:c7": ["Radeon RX 6400", 12, 4],
  "744c:c8": ["Radeon RX 7900 XTX", 96, 24],
  "744c:cc": ["Radeon RX 7900 XT", 84, 20],
  "744c:ce": ["Radeon RX 7900 GRE", 80, 16],
  "744c:cf": ["Radeon RX 7900M", 72, 16],
  "7448:00": ["Radeon Pro W7900", 96, 48],
  "745e:cc": ["Radeon Pro W7800"],
  "747e:c8": ["Radeon RX 7800 XT", 60, 16],
  "747e:ff": ["Radeon RX 7700 XT", 54, 12],
  "7480:c0": ["Radeon RX 7600 XT", 32, 16],
  "7480:cf": ["Radeon RX 7600", 32, 8],
  "7550:c0": ["Radeon RX 9070 XT", 64, 16],
  "7550:c3": ["Radeon RX 9070", 56, 16],
  "7551:c0": ["Radeon AI PRO R9700", 64, 32],
  "7590:c0": ["Radeon RX 9060 XT", 32],
  "15dd": ["Radeon Vega Graphics (Ryzen 2000)"],
  "15d8": ["Radeon Vega Graphics (Ryzen 3000)"],
  "1636": ["Radeon Graphics (Ryzen 4000)"],
  "1638": ["Radeon Graphics (Ryzen 5000)"],
  "163f": ["Custom GPU (Steam Deck)", 8],
  "1435": ["Custom GPU (Steam Deck OLED)", 8],
  "1506": ["Radeon 610M", 2],
  "164e": ["Radeon Graphics (Ryzen 7000)", 2],
  "13c0": ["Radeon Graphics (Ryzen 9000)", 2],
  "1681": ["Radeon 660M / 680M"],
  "15bf": ["Radeon 740M / 760M / 780M"],
  "15c8": ["Radeon 740M"],
  "150e": ["Radeon 880M / 890M"],
  "1586": ["Radeon 8050S / 8060S"],
};

/**
 * The card of one of AMD's PCI ids.
 *
 * @example
 * cardOf("731f", "ca"); // { name: "Radeon RX 5600 XT", computeUnits: 36, vramGiB: 6 }
 */
export function cardOf(deviceId: string, revision: string): Card | undefined {
  const device = deviceId.toLowerCase();
  const found = cards[`${device}:${revision.toLowerCase()}`] ?? cards[device];
  if (!found) return undefined;
  const [name, computeUnits, vramGiB] = found;
  return { name, ...(computeUnits && { computeUnits }), ...(vramGiB && { vramGiB }) };
}

/**
 * LLVM's name of the target behind the kernel's gfx_target_version; the stepping is hexadecimal.
 *
 * @example
 * targetOfVersion(100100); // "gfx1010"
 * targetOfVersion(90010); // "gfx90a"
 */
export function targetOfVersion(version: number): string {
  const major = Math.floor(version / 10_000);
  const minor = Math.floor(version / 100) % 100;
  return `gfx${major}${minor.toString(16)}${(version % 100).toString(16)}`;
}

/** Vendors of display controllers, by PCI id. */
const vendors: Readonly<Record<string, string>> = {
  "1002": "AMD",
  "1022": "AMD",
  "10de": "NVIDIA",
  "8086": "Intel",
};

/** Vendors whose display controllers belong to a virtual machine. */
const virtualVendors = new Set(["1234", "1af4", "15ad", "80ee", "1414", "1b36", "1013"]);

export function vendorOf(vendorId: string): string | undefined {
  return vendors[vendorId];
}

export function isVirtual(vendorId: string): boolean {
  return virtualVendors.has(vendorId);
}
