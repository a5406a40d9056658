import { RekindleError } from "../../errors.ts";
import type { Situation } from "../remedy.ts";
import type { RunStep } from "../step.ts";

/*
 * Files of the boot loader and the initial file system, which are made anew from settings. What
 * was there is kept, so that taking back brings the same bytes and needs no program.
 */

type Host = Situation["host"];

const run = (
  id: string,
  does: string,
  [program, ...args]: readonly [string, ...RunStep["command"]["args"]],
  touches: string[],
): RunStep => ({
  kind: "run",
  id,
  does,
  command: { program: program as string, args },
  touches,
  needs: [
    { root: true },
    { program: program as string, install: "it belongs to the distribution's boot packages" },
  ],
  timeoutMs: 20 * 60_000,
});

async function isInstalled(host: Host, program: string): Promise<boolean> {
  for (const folder of ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]) {
    if (await host.exists(`${folder}/${program}`)) return true;
  }
  return false;
}

/** Where a boot partition may be mounted; one of them may be a link to another. */
async function bootFolders(host: Host): Promise<string[]> {
  const real = await Promise.all(["/boot", "/efi", "/boot/efi"].map((one) => host.realPath(one)));
  return [...new Set(real.filter((path) => path !== undefined))];
}

const below = async (host: Host, folder: string, name: RegExp) =>
  (await host.list(folder)).filter((one) => name.test(one)).map((one) => `${folder}/${one}`);

/** Images of Linux that hold their initial file system and their command line. */
export async function unifiedImages(host: Host): Promise<string[]> {
  const boots = await bootFolders(host);
  const found = boots.map((boot) => below(host, `${boot}/EFI/Linux`, /\.efi$/i));
  return (await Promise.all(found)).flat();
}

/** Every initial file system: beside the kernels, or by machine and release as kernel-install. */
async function initialFileSystems(host: Host): Promise<string[]> {
  const found = await below(host, "/boot", /^(?:initrd\.img|initramfs)-/);
  for (const boot of await bootFolders(host)) {
    for (const machine of await below(host, boot, /^[0-9a-f]{32}$/)) {
      for (const release of await below(host, machine, /./)) {
        found.push(...(await below(host, release, /^initrd/)));
      }
    }
  }
  return [...found, ...(await unifiedImages(host))];
}

/** What makes initial file systems: that of Debian's family, of Arch's, and of all others. */
const makers = [
  ["update-initramfs", "-u", "-k", "all"],
  ["mkinitcpio", "-P"],
  ["dracut", "--regenerate-all", "--force"],
] as const;

/** Makes the initial file systems anew, which hold copies of what /etc/modprobe.d says. */
export async function remakeInitramfs({ host }: Situation): Promise<RunStep> {
  const images = await initialFileSystems(host);
  for (const command of makers) {
    if (images.length === 0 || !(await isInstalled(host, command[0]))) continue;
    // Where Debian's tool writes down which image it made.
    const state = "/var/lib/initramfs-tools";
    const touches = [...images, ...((await host.exists(state)) ? [state] : [])];
    return run("remake-initramfs", "make the initial file system anew", command, touches);
  }
  throw new RekindleError("remedy-impossible", "how this system makes its initramfs is unknown", {
    fix: "edit the file by hand, and make the initramfs as your distribution does",
  });
}

/** Makes GRUB's menu anew from /etc/default/grub. */
export async function remakeGrubMenu({ host }: Situation, id: string): Promise<RunStep> {
  const menu = await grubMenu(host);
  // Debian's own name for the same.
  const command = (await isInstalled(host, "update-grub"))
    ? (["update-grub"] as const)
    : ([
        menu.startsWith("/boot/grub2") ? "grub2-mkconfig" : "grub-mkconfig",
        "-o",
        { path: menu },
      ] as const);
  // Fedora's also writes there; its environment may be a link to the boot partition.
  const environment = await host.realPath(environmentOf(menu));
  const entries = "/boot/loader/entries";
  return run(id, "make GRUB's menu anew", command, [
    menu,
    ...(environment === undefined ? [] : [environment]),
    ...((await host.exists(entries)) ? [entries] : []),
  ]);
}

/** GRUB's environment block beside its menu. */
export const environmentOf = (menu: string) => menu.replace(/grub\.cfg$/, "grubenv");

const menus = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

/** Where GRUB's menu lies. Throws "remedy-impossible" where there is none. */
export async function grubMenu(host: Host): Promise<string> {
  for (const menu of menus) if (await host.exists(menu)) return menu;
  throw new RekindleError("remedy-impossible", "no menu of GRUB was found in /boot", {
    fix: "press e in your boot loader's menu and add it there: that holds for one start",
  });
}

/** Files that GRUB's menu is made from; none where GRUB does not start this machine. */
export async function grubSettings(host: Host): Promise<string[]> {
  const isThere = await Promise.all(menus.map((menu) => host.exists(menu)));
  if (!isThere.includes(true)) return [];
  const folder = "/etc/default/grub.d";
  return ["/etc/default/grub", ...(await below(host, folder, /\.cfg$/))];
}

/** Entries of systemd-boot, and of Fedora's GRUB. */
export async function bootEntries(host: Host): Promise<string[]> {
  const boots = await bootFolders(host);
  const found = boots.map((boot) => below(host, `${boot}/loader/entries`, /\.conf$/));
  return (await Promise.all(found)).flat();
}

/** Where the command line of entries and images to come is written down. */
export const commandLineFiles = async (host: Host): Promise<string[]> => [
  "/etc/kernel/cmdline",
  ...(await below(host, "/etc/cmdline.d", /\.conf$/)),
];

/** The kernel's words in a line of settings: GRUB_CMDLINE_LINUX="quiet splash". */
const words = /^(\s*(?:export\s+)?(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=)(["']?)(.*?)\3(\s*(?:#.*)?)$/;

/** /etc/default/grub with other words for the kernel. */
export function withGrubWords(
  text: string,
  change: (words: readonly string[], name: string) => readonly string[],
): string {
  return text
    .split("\n")
    .map((line) => {
      const [, head, name, mark, inside, rest] = words.exec(line) ?? [];
      if (head === undefined) return line;
      const before = inside!.split(/\s+/).filter(Boolean);
      const after = change(before, name!);
      const isSame = after.length === before.length && after.every((word, i) => word === before[i]);
      const quote = mark === "" && after.length > 1 ? '"' : mark;
      return isSame ? line : `${head}${quote}${after.join(" ")}${quote}${rest}`;
    })
    .join("\n");
}
