import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, run } from "./process.mjs";

/** Debian and its relatives, where packages can be looked up and installed. */
export const hasApt = () =>
  existsSync("/etc/debian_version") && capture("apt-get", ["-v"]).status === 0;

export const isRoot = () => process.getuid?.() === 0;

/** The installed version of a package, or undefined. */
export function versionOf(name) {
  const query = capture("dpkg-query", ["-W", `-f=\${db:Status-Status} \${Version}`, name]);
  const [status, version] = query.text.split(" ");
  return query.status === 0 && status === "installed" ? version : undefined;
}

/** The leading number of a version ("25.0.7-2~bpo12+1" gives 25), past the epoch. */
export const majorOf = (version) => Number.parseInt(version.replace(/^\d+:/, ""), 10);

/**
 * Installs packages, `{ name, major }` each, where `major` is the oldest that will do. Whatever the
 * release's own archive has too old is taken from its backports. The machine's sources, lists and
 * preferences stay as they are: the backports' address is read from the machine's own sources, and
 * lists are kept in a temporary folder. Resolves to true, or to a sentence that says what failed.
 */
export async function aptInstall(packages) {
  const folder = mkdtempSync(join(tmpdir(), "rekindle-apt-"));
  chmodSync(folder, 0o755); // apt drops its rights to download
  mkdirSync(join(folder, "lists/partial"), { recursive: true });
  try {
    return await installWith(folder, packages);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function installWith(folder, packages) {
  const options = [
    `-oDir::State::lists=${join(folder, "lists")}`,
    "-oDpkg::Use-Pty=0",
    "-oDPkg::Lock::Timeout=300",
    "-oAcquire::Retries=3",
  ];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = async (...args) => {
    console.log(`$ apt-get ${args.join(" ")}`);
    return (await run("apt-get", ["-qq", ...options, ...args], { env })) === 0;
  };
  if (!(await apt("update"))) return "apt-get update failed";
  const late = packages.filter((p) => p.major && candidateMajor(p.name, options) < p.major);
  const release = late.length > 0 && backports(folder, options);
  if (release?.added) {
    options.push(release.added);
    if (!(await apt("update"))) return "apt-get update failed with backports added";
  }
  const own = packages.filter((p) => !late.includes(p));
  for (const [some, from] of [
    [own, []],
    [late, release ? ["-t", release.suite] : []],
  ]) {
    const names = some.map((p) => p.name);
    if (names.length === 0) continue;
    if (!(await apt("install", "-y", "--no-install-recommends", ...from, ...names))) {
      return `apt-get could not install ${names.join(", ")}`;
    }
  }
  const old = packages.find((p) => p.major && !(majorOf(versionOf(p.name) ?? "0") >= p.major));
  return old ? `this release has no ${old.name} of version ${old.major} or later` : true;
}

function candidateMajor(name, options) {
  const { text } = capture("apt-cache", [...options, "policy", name]);
  const candidate = /^\s*Candidate: (\S+)/m.exec(text)?.[1];
  return candidate && candidate !== "(none)" ? majorOf(candidate) : 0;
}

/**
 * The release's backports: its suite name, and the option that adds it where it is not configured.
 * Undefined where there are none to be had.
 */
function backports(folder, options) {
  const codename = /^VERSION_CODENAME=(\S+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const suite = `${codename}-backports`;
  const format = "$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)";
  const { text } = capture("apt-get", [...options, "indextargets", "--format", format]);
  const sources = text.split("\n").map((line) => line.split(" "));
  const of = (name) => sources.find((s) => s[0] === "Packages" && s[1] === name && s[2] === "main");
  if (of(suite)) return { suite };
  const uri = of(codename)?.[3];
  if (!uri) return undefined;
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  const list = join(folder, "sources.list");
  const own = existsSync("/etc/apt/sources.list")
    ? readFileSync("/etc/apt/sources.list", "utf8")
    : "";
  writeFileSync(list, `${own}\ndeb ${signed}${uri} ${suite} main\n`);
  return { suite, added: `-oDir::Etc::sourcelist=${list}` };
}
