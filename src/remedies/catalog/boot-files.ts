import { RekindleError } from "../../errors.ts";
import type { Situation } from "../remedy.ts";
import type { RunStep } from "../step.ts";

/*
 * Files of the boot loader and the initial file system, which are made anew from settings. What
 * was there is kept, so that taking back brings the same bytes and needs no program.
 */

const run = (
  id: string,
  does: string,
  [program, ...args]: readonly [string, ...string[]],
  touches: string[],
): RunStep => ({
  kind: "run",
  id,
  does,
  command: { program, args },
  touches,
  needs: [{ root: true }, { program, install: "it belongs to the distribution's boot packages" }],
  timeoutMs: 20 * 60_000,
});

/** Makes the initial file systems anew, which hold copies of what /etc/modprobe.d says. */
export async function remakeInitramfs({ host, facts }: Situation): Promise<RunStep> {
  const images = (await host.list("/boot"))
    .filter((name) => /^(?:initrd\.img|initramfs)-/.test(name))
    .map((name) => `/boot/${name}`);
  const id = facts.os?.id ?? "";
  const command: readonly [string, ...string[]] | undefined = /debian|ubuntu|mint|pop/.test(id)
    ? ["update-initramfs", "-u", "-k", "all"]
    : /arch|manjaro|endeavouros|cachyos/.test(id)
      ? ["mkinitcpio", "-P"]
      : /fedora/.test(id)
        ? ["dracut", "--regenerate-all", "--force"]
        : undefined;
  if (command) {
    return run("remake-initramfs", "make the initial file system anew", command, images);
  }
  throw new RekindleError("remedy-impossible", "how this system makes its initramfs is unknown", {
    fix: "edit the file by hand, and make the initramfs as your distribution does",
  });
}

/** Makes GRUB's menu anew from /etc/default/grub. */
export async function remakeGrubMenu({ host }: Situation, id: string): Promise<RunStep> {
  const menu = await grubMenu(host);
  const folders = ["/usr/sbin", "/sbin", "/usr/bin"];
  const found = async (name: string) => {
    for (const folder of folders) if (await host.exists(`${folder}/${name}`)) return true;
    return false;
  };
  // Debian's own name for the same.
  const command: readonly [string, ...string[]] = (await found("update-grub"))
    ? ["update-grub"]
    : [menu.startsWith("/boot/grub2") ? "grub2-mkconfig" : "grub-mkconfig", "-o", menu];
  return run(id, "make GRUB's menu anew", command, [menu]);
}

/** Where GRUB's menu lies. Throws "remedy-impossible" where there is none. */
export async function grubMenu(host: Situation["host"]): Promise<string> {
  for (const menu of ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"]) {
    if (await host.exists(menu)) return menu;
  }
  throw new RekindleError("remedy-impossible", "no menu of GRUB was found in /boot", {
    fix: "other boot loaders keep the kernel's command line elsewhere: change it by hand",
  });
}

/** The kernel's words in a line of settings: GRUB_CMDLINE_LINUX="quiet splash". */
const words = /^(\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?=)(["'])(.*)\2(.*)$/;

/** /etc/default/grub with other words for the kernel. */
export function withGrubWords(
  text: string,
  change: (words: readonly string[], name: string) => readonly string[],
): string {
  return text
    .split("\n")
    .map((line) => {
      const [, name, quote, inside, rest] = words.exec(line) ?? [];
      if (name === undefined) return line;
      const before = inside!.split(/\s+/).filter(Boolean);
      const after = change(before, name.trim().slice(0, -1));
      const isSame = after.length === before.length && after.every((word, i) => word === before[i]);
      return isSame ? line : `${name}${quote}${after.join(" ")}${quote}${rest}`;
    })
    .join("\n");
}
