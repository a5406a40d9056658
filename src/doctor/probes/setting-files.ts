import type { Host } from "../../host/index.ts";
import { environmentPrefixes } from "./python-environments.ts";

/** A file that may set variables; `shown` is its name for people: "~/.bashrc". */
export interface SettingFile {
  readonly path: string;
  readonly shown: string;
}

const homeFiles = [
  ".profile",
  ".bash_profile",
  ".bash_login",
  ".bashrc",
  ".bash_aliases",
  ".zshenv",
  ".zprofile",
  ".zshrc",
  ".zlogin",
  ".xprofile",
  ".xsessionrc",
  ".pam_environment",
  ".config/fish/config.fish",
  ".config/fish/fish_variables",
];
const homeFolders = [
  ".config/fish/conf.d",
  ".config/environment.d",
  ".bashrc.d",
  ".config/plasma-workspace/env",
  // Starters of programs: Exec=env LD_PRELOAD=...
  ".local/share/applications",
  ".config/autostart",
];
/** Folders of systemd's units, whose changes lie in folders of their own: x.service.d. */
const homeUnits = [".config/systemd/user"];
const systemUnits = ["/etc/systemd/system", "/etc/systemd/user"];
const systemFiles = [
  "/etc/environment",
  "/etc/profile",
  "/etc/bash.bashrc",
  "/etc/bashrc",
  ...["zshenv", "zprofile", "zshrc"].flatMap((name) => [`/etc/zsh/${name}`, `/etc/${name}`]),
  "/etc/fish/config.fish",
  "/etc/systemd/system.conf",
  "/etc/systemd/user.conf",
];
const systemFolders = [
  "/etc/profile.d",
  "/etc/environment.d",
  "/usr/lib/environment.d",
  "/etc/fish/conf.d",
  "/usr/local/share/applications",
];

/** Profiles, lists of variables, starters, services, and what Python environments run. */
export async function settingFiles(host: Host): Promise<SettingFile[]> {
  const { home } = await host.system();
  const shown = (path: string) =>
    path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
  const own = (names: readonly string[]) => names.map((name) => `${home}/${name}`);
  const units = await unitFiles(host, [...own(homeUnits), ...systemUnits]);
  const files = [
    ...own(homeFiles),
    ...systemFiles,
    ...(await inFolders(host, [...own(homeFolders), ...systemFolders])),
    ...units,
    ...(await environmentFiles(host, units)),
    ...(await activationFiles(host)),
  ];
  return [...new Set(files)].map((path) => ({ path, shown: shown(path) }));
}

async function inFolders(host: Host, folders: readonly string[]): Promise<string[]> {
  const listed = folders.map(async (folder) =>
    (await host.list(folder)).map((name) => `${folder}/${name}`),
  );
  return (await Promise.all(listed)).flat();
}

async function unitFiles(host: Host, folders: readonly string[]): Promise<string[]> {
  const direct = await inFolders(host, folders);
  const changes = direct.filter((path) => path.endsWith(".d"));
  return [...direct.filter((path) => !path.endsWith(".d")), ...(await inFolders(host, changes))];
}

/** Files of variables that services name: EnvironmentFile=-/etc/default/comfyui. */
async function environmentFiles(host: Host, units: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(units.map((path) => host.readText(path)));
  return texts.flatMap((text) =>
    [...(text ?? "").matchAll(/^EnvironmentFile=-?(\/[^\s%*]+)/gm)].map(([, path]) => path!),
  );
}

/** What is run when a Python environment is activated. */
async function activationFiles(host: Host): Promise<string[]> {
  const prefixes = [...(await environmentPrefixes(host))];
  const of = (wanted: string) =>
    prefixes.flatMap(([path, kind]) => (kind === wanted ? [path] : []));
  return [
    ...of("venv").map((prefix) => `${prefix}/bin/activate`),
    ...(await inFolders(
      host,
      of("conda").map((prefix) => `${prefix}/etc/conda/activate.d`),
    )),
  ];
}
