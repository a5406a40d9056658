import { rm } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import {
  at,
  calls,
  debian,
  does,
  files,
  fix,
  machine,
  machineForEachTest,
  plan,
  text,
  tool,
  tree,
} from "../../../test/remedies/clean-up.ts";
import type { Facts } from "../../doctor/index.ts";
import { remedyNamed, viewOf } from "../index.ts";

machineForEachTest();

const grub = 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet amdgpu.mtype_local=1"\n';

const option = { name: "mtype_local", value: "1" };
const inLine = { ...option, where: "kernel command line" };
const inFile = { ...option, where: "/etc/modprobe.d/amdgpu.conf:2" };
const withOptions = (...options: (typeof option & { where: string })[]): Facts => ({
  ...debian,
  amdgpu: { options },
});

describe("clear-parameters", () => {
  test("makes initramfs and menu anew on Debian and Ubuntu", async () => {
    await files({
      "etc/modprobe.d/amdgpu.conf":
        "# notes\noptions amdgpu mtype_local=1\noptions amdgpu gttsize=8192 mtype_local=1\n",
      "etc/default/grub": grub,
      "etc/default/grub.d/50-gpu.cfg":
        "GRUB_CMDLINE_LINUX=amdgpu.mtype_local=1\n" +
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT amdgpu.mtype_local=1" # mine\n',
      "boot/grub/grub.cfg": "old menu",
      "boot/initrd.img-6.12": "old image",
      "var/lib/initramfs-tools/6.12": "old state",
      "usr/sbin/update-initramfs": "",
      "usr/sbin/update-grub": "",
    });
    const { result, undone } = await does("clear-parameters", withOptions(inFile, inLine));
    expect(result.failure).toBeUndefined();
    expect(await text("etc/modprobe.d/amdgpu.conf")).toBe("# notes\noptions amdgpu gttsize=8192\n");
    expect(await text("etc/default/grub")).toContain('LINUX_DEFAULT="quiet"');
    expect(await text("etc/default/grub.d/50-gpu.cfg")).toBe(
      'GRUB_CMDLINE_LINUX=\nGRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT" # mine\n',
    );
    expect(await text("boot/initrd.img-6.12")).toBe("anew\n");
    expect(await text("var/lib/initramfs-tools/6.12")).toBe("anew\n");
    expect(await calls()).toBe("update-initramfs -u -k all\nupdate-grub \n");
    await undone();
  });

  test("edits Fedora's boot entries beside its menu", async () => {
    await files({
      "etc/modprobe.d/amdgpu.conf": "#\noptions amdgpu mtype_local=1\n",
      "etc/default/grub": 'GRUB_CMDLINE_LINUX="rhgb amdgpu.mtype_local=1"\n',
      "boot/grub2/grub.cfg": "old menu",
      "boot/grub2/grubenv": "old environment",
      "boot/loader/entries/one.conf": "options root=/dev/sda1 amdgpu.mtype_local=1 quiet\n",
      "boot/initramfs-6.12.9-200.fc41.x86_64.img": "old image",
      "usr/bin/dracut": "",
    });
    const { result, undone } = await does("clear-parameters", withOptions(inFile, inLine));
    expect(result.failure).toBeUndefined();
    expect(await text("boot/loader/entries/one.conf")).toBe("options root=/dev/sda1 quiet\n");
    expect(await text("boot/initramfs-6.12.9-200.fc41.x86_64.img")).toBe("anew\n");
    expect(await calls()).toBe(
      "dracut --regenerate-all --force\ngrub2-mkconfig -o /boot/grub2/grub.cfg\n",
    );
    await undone();
  });

  test("makes Arch's images anew, which hold their command line", async () => {
    await files({
      "etc/kernel/cmdline": "amdgpu.mtype_local=1 root=UUID=1 rw\n",
      "boot/initramfs-linux.img": "old image",
      "efi/EFI/Linux/arch-linux.efi": "old image",
      "efi/loader/entries/arch.conf": "options root=UUID=1 rw amdgpu.mtype_local=1\n",
      "usr/bin/mkinitcpio": "",
      // What an earlier boot loader left.
      "etc/default/grub": grub,
    });
    const { result, undone } = await does("clear-parameters", withOptions(inLine));
    expect(result.failure).toBeUndefined();
    expect(await text("etc/kernel/cmdline")).toBe(" root=UUID=1 rw\n");
    expect(await text("efi/loader/entries/arch.conf")).toBe("options root=UUID=1 rw\n");
    expect(await text("efi/EFI/Linux/arch-linux.efi")).toBe("anew\n");
    expect(await text("etc/default/grub")).toBe(grub);
    expect(await calls()).toBe("mkinitcpio -P\n");
    await undone();
  });

  test("says where it finds nothing, and refuses what it could not take back", async () => {
    const nowhere = await plan("clear-parameters", withOptions(inLine));
    expect(nowhere.steps).toEqual([]);
    expect(nowhere.notes[1]).toMatch(/kept elsewhere/);
    await files({ "etc/modprobe.d/amdgpu.conf": "#\noptions amdgpu mtype_local=1\n" });
    await files({ "usr/bin/dracut": "" });
    await expect(plan("clear-parameters", withOptions(inFile))).rejects.toThrow("initramfs");
  });

  test("is for chips on which the driver does not read them", () => {
    const answer = (gfx: string) => {
      const facts = { ...withOptions(inFile), gpus: [{ ...debian.gpus![0]!, gfx }] };
      const { requires } = remedyNamed("clear-parameters");
      return requires.map(({ when }) => when(viewOf(facts)).answer);
    };
    expect(answer("gfx1010")).toEqual(["yes", "yes", "yes"]);
    expect(answer("gfx942")).toEqual(["yes", "no", "yes"]);
  });
});

describe("try-parameter", () => {
  const menu = `if [ "\${next_entry}" ] ; then set default="\${next_entry}" ; fi
menuentry 'Debian GNU/Linux' --class debian {
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/vmlinuz-6.12 root=UUID=1 ro quiet
	initrd	/initrd.img-6.12
}
if [ -f $prefix/custom.cfg ]; then source $prefix/custom.cfg; fi
`;
  const parameter = "amdgpu.cwsr_enable=0";

  beforeEach(() =>
    files({
      "boot/grub/grub.cfg": menu,
      "boot/grub/grubenv": "# GRUB Environment Block\n",
      "etc/default/grub": grub,
      "usr/sbin/update-grub": "",
      "proc/self/mounts": "/dev/nvme0n1p2 / ext4 rw 0 0\n/dev/nvme0n1p1 /boot/efi vfat rw 0 0\n",
      "proc/cmdline": "root=UUID=1 ro quiet\n",
      "sys/module/amdgpu/version": "",
      "dev/dri/renderD128": "",
    }),
  );

  test("one start with it, then the setting", async () => {
    const { result, undone } = await does("try-parameter", debian, { parameter });
    expect(result.outcome).toBe("restart");
    const entry = await text("boot/grub/custom.cfg");
    expect(entry).toMatch(/^menuentry 'rekindle: one start with .*' --id rekindle-trial \{\n/);
    expect(entry).toContain(`root=UUID=1 ro quiet ${parameter}\n`);
    expect(await text("boot/grub/grubenv")).toContain("next_entry=rekindle-trial");
    // Nothing lasting before it came up.
    expect(await text("etc/default/grub")).toBe(grub);
    const early = await fix();
    expect((await early.run()).outcome).toBe("restart");
    early.close();

    await files({ "proc/cmdline": `root=UUID=1 ro quiet ${parameter}\n` });
    const next = await fix(machine("second"));
    expect((await next.run()).outcome).toBe("worked");
    next.close();
    expect(await text("etc/default/grub")).toContain(`mtype_local=1 ${parameter}"`);
    expect(await text("boot/grub/grub.cfg")).toContain(parameter);
    await expect(text("boot/grub/custom.cfg")).rejects.toThrow("ENOENT");
    await undone();
    expect(await text("etc/default/grub")).toBe(grub);
  });

  test("a machine that did not come up with it is as it was", async () => {
    const before = await tree();
    expect((await does("try-parameter", debian, { parameter })).result.outcome).toBe("restart");
    // It hung, was switched off, and started as usual.
    const next = await fix(machine("second"));
    const result = await next.run();
    next.close();
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/cmdline does not contain " amdgpu/);
    expect(await tree()).toEqual(before);
  });

  test("another value that begins the same is not taken for it", async () => {
    const mask = "amdgpu.ppfeaturemask=0xffff";
    await files({
      "boot/grub/grub.cfg": menu.replace("quiet", `${mask}ffff quiet`),
      "proc/cmdline": `root=UUID=1 ro quiet ${mask}ffff\n`,
      "sys/bus/pci/drivers/amdgpu/0000:03:00.0": "",
    });
    const gpus = [{ ...debian.gpus![0]!, pciAddress: "0000:03:00.0" }];
    const { result } = await does("try-parameter", { ...debian, gpus }, { parameter: mask });
    // It was not said to be tried already.
    expect(result.outcome).toBe("restart");
    expect(await text("boot/grub/custom.cfg")).toContain(`root=UUID=1 ro quiet ${mask}\n`);
    await files({ "proc/cmdline": `root=UUID=1 ro quiet ${mask}\n` });
    await rm(at("sys/bus"), { recursive: true });
    const next = await fix(machine("second"));
    const second = await next.run();
    next.close();
    // The machine came up without the card.
    expect(second.outcome).toBe("rolled-back");
    expect(second.failure?.why).toMatch(/0000:03:00\.0 is missing/);
    expect(await text("etc/default/grub")).toBe(grub);
  });

  test("a setting that another file overrides is no success", async () => {
    await does("try-parameter", debian, { parameter });
    await files({ "proc/cmdline": `root=UUID=1 ro quiet ${parameter}\n` });
    await tool("update-grub", "exit 0");
    const next = await fix(machine("second"));
    const result = await next.run();
    next.close();
    expect(result.outcome).toBe("rolled-back");
    expect(result.failure?.why).toMatch(/grub\.cfg does not contain/);
    expect(await text("etc/default/grub")).toBe(grub);
  });

  test("not where GRUB cannot forget the entry", async () => {
    await files({ "proc/self/mounts": "/dev/mapper/vg-root / ext4 rw 0 0\n" });
    await expect(plan("try-parameter", debian, { parameter })).rejects.toThrow("cannot write to");
    await expect(plan("try-parameter", debian, { parameter: "a b" })).rejects.toThrow("no kernel");
  });
});
