import { basename, join } from "node:path";
import type { FileTree } from "../host/index.ts";
import type { FileReport, PythonPackage } from "./report.ts";

type Entries = Awaited<ReturnType<FileTree["entries"]>>;

/** Whether a folder is where Python keeps installed packages. */
export function isPythonFolder(folder: string, entries: Entries): boolean {
  const isNamed = /^(site|dist)-packages$/.test(basename(folder));
  return isNamed || entries.some(({ name }) => name.endsWith(".dist-info"));
}

/** Packages that hold device code, or tell which is wanted. */
const ofInterest = new RegExp(
  `^(${[
    "torch(vision|audio)?|.*triton.*|amd-.*|rocm.*|nvidia-.*|jax-?rocm.*|jaxlib|cupy.*",
    "bitsandbytes.*|onnxruntime.*|tensorflow.*|ctranslate2.*|xformers|vllm",
  ].join("|")})$`,
);

/** The packages of a Python environment, read from their metadata as text; nothing is imported. */
export async function readPythonEnvironment(folder: string, files: FileTree): Promise<FileReport> {
  const entries = await files.entries(folder).catch(() => []);
  const packages: PythonPackage[] = [];
  const devices = new Set<string>();
  for (const { name } of entries.filter((entry) => entry.name.endsWith(".dist-info"))) {
    const metadata = await textOf(join(folder, name, "METADATA"), files);
    const found = normalize(/^Name: *(\S+)$/m.exec(metadata)?.[1] ?? "");
    const version = /^Version: *(\S+)$/m.exec(metadata)?.[1];
    if (!version || !ofInterest.test(found)) continue;
    packages.push({ name: found, version, build: "other" });
    const device = /-device-(gfx\w+)$/.exec(found)?.[1];
    if (device && (await holdsCode(join(folder, name, "RECORD"), files))) devices.add(device);
  }
  const torch = packages.findIndex(({ name }) => name === "torch");
  if (torch >= 0) {
    packages[torch] = await torchBuild(folder, packages[torch]!, packages, files);
  }
  const devicePackages = [...devices];
  return {
    path: folder,
    format: "python-environment",
    description: `Python environment, ${packages.length} packages for GPUs`,
    sizeBytes: 0,
    code: [],
    containers: [],
    python: {
      path: folder,
      packages: packages.map((found) =>
        found.name === "torch" && devicePackages.length > 0 ? { ...found, devicePackages } : found,
      ),
    },
    problems: [],
  };
}

/** Public registries have empty packages of these names, which hold a place alone. */
async function holdsCode(record: string, files: FileTree): Promise<boolean> {
  return /\.(kpack|co|hsaco|dat|aks2|so)\b/.test(await textOf(record, files));
}

/** PEP 503: "AMD_torch.device" and "amd-torch-device" are one name. */
const normalize = (name: string) => name.toLowerCase().replace(/[-_.]+/g, "-");

/** Metadata start with what is wanted; descriptions that follow can be long. */
const maxTextBytes = 64 * 1024;

async function textOf(path: string, files: FileTree): Promise<string> {
  try {
    const file = await files.open(path);
    try {
      return Buffer.from(await file.read(0, maxTextBytes)).toString("utf8");
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
}

async function torchBuild(
  folder: string,
  torch: PythonPackage,
  packages: readonly PythonPackage[],
  files: FileTree,
): Promise<PythonPackage> {
  const text = await textOf(join(folder, "torch/version.py"), files);
  const value = (name: string) =>
    new RegExp(`^${name}\\b[^=\\n]*= *['"]([^'"]+)['"]`, "m").exec(text)?.[1];
  const [hip, cuda, full] = [value("hip"), value("cuda"), value("__version__") ?? torch.version];
  const rocm = /\+rocm([0-9a-z.]+)/.exec(full)?.[1] ?? hip;
  const isSplit =
    packages.some(({ name }) => /^amd-torch-device-/.test(name)) ||
    (await files.kind(join(folder, "torch/.kpack"))) === "folder" ||
    packages.some(({ name }) => name === "rocm-sdk-core" || name === "rocm-sdk-libraries");
  const build = rocm ? (isSplit ? "amd-multi-arch" : "rocm") : cuda ? "cuda" : undefined;
  const isCpu = text !== "" || /\+cpu/.test(full);
  return {
    ...torch,
    version: full,
    build: build ?? (isCpu ? "cpu" : "unknown"),
    ...(rocm && { rocm }),
    ...(cuda && { cuda }),
  };
}
