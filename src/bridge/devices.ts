import { type OpenDevice, openDevice } from "../session/index.ts";

/** The devices that models run on, each opened once and kept open. */
export class Devices {
  private readonly opened = new Map<string, Promise<OpenDevice>>();

  /** The device of a name, as `openDevice` knows it; "" is its default. */
  open(wanted: string): Promise<OpenDevice> {
    const known = this.opened.get(wanted);
    if (known) return known;
    const opened = openDevice(wanted || undefined);
    this.opened.set(wanted, opened);
    opened.catch(() => this.opened.delete(wanted));
    return opened;
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.opened.values());
    for (const device of all) if (device.status === "fulfilled") device.value.gpu?.destroy();
    this.opened.clear();
  }
}
