import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { readSettings } from "../../doctor/probes/environment.ts";
import { withVariables } from "./profile-lines.ts";

const override = "HSA_OVERRIDE_GFX_VERSION";
const without = (text: string, file = "~/.bashrc") =>
  withVariables(text, file, (name, value) => (name === override ? undefined : value));

const did = ": # rekindle took a variable out here";

test.each([
  [`export ${override}=10.3.0`, did],
  [`  ${override}=10.3.0`, `  ${did}`],
  [`export ${override}="10.3.0"; echo hello`, ":; echo hello"],
  [`export A=1 ${override}=10.3.0 B=2`, "export A=1 B=2"],
  [`${override}=10.3.0 && export ${override}`, ": && export HSA_OVERRIDE_GFX_VERSION"],
  [`set -gx ${override} 10.3.0`, did],
  [`# export ${override}=10.3.0`, `# export ${override}=10.3.0`],
  [`export MY_${override}=1`, `export MY_${override}=1`],
  ["alias ll='ls -l   -a'", "alias ll='ls -l   -a'"],
  [`alias comfy='${override}=10.3.0 python main.py'`, "alias comfy='python main.py'"],
  [`alias comfy="A=1 ${override}=10.3.0 python"`, 'alias comfy="A=1 python"'],
  [`export ${override}=10.3.0 # for SD`, `${did} # for SD`],
  [`export A=1 # ${override}=10.3.0 crashed`, `export A=1 # ${override}=10.3.0 crashed`],
  [`declare -x ${override}=10.3.0`, did],
  [`typeset -gx ${override}=10.3.0; echo hello`, ":; echo hello"],
])("%s", (line, expected) => {
  expect(without(`first\n${line}\nlast\n`)).toBe(`first\n${expected}\nlast\n`);
});

test.each([
  `if true; then\n  export ${override}=10.3.0\nfi\n`,
  `if true; then ${override}=10.3.0; export ${override}; fi\n`,
  `f() { export ${override}=10.3.0; }\n`,
  `true && export ${override}=10.3.0 || false\n`,
  `case $1 in\n  a) export ${override}=10.3.0;;\nesac\n`,
  `${override}=10.3.0 \\\n  true\n`,
  `export A=1 \\\n  ${override}=10.3.0 \\\n  B=2\n[ "$A$B" = 12 ]\n`,
  `export A=1 \\\n  ${override}=10.3.0\n[ "$A" = 1 ]\n`,
])("a script stays one: %s", (text) => {
  const changed = without(text);
  expect(changed).not.toContain("10.3.0");
  const ran = spawnSync("sh", ["-e"], { input: changed, encoding: "utf8" });
  expect(ran).toMatchObject({ status: 0, stderr: "", stdout: "" });
});

test.each([
  ["/etc/environment", `A=1\n${override}=10.3.0\n`, "A=1\n"],
  ["~/.pam_environment", `${override} DEFAULT=10.3.0\nA DEFAULT=1\n`, "A DEFAULT=1\n"],
  [
    "~/.config/fish/fish_variables",
    `SETUVAR --export ${override}:10\\x2e3\\x2e0\nSETUVAR A:1\n`,
    "SETUVAR A:1\n",
  ],
  [
    "/etc/systemd/system/comfy.service",
    `[Service]\nEnvironment="${override}=10.3.0" A=1\nEnvironment=${override}=10.3.0\nUser=x\n`,
    "[Service]\nEnvironment=A=1\nUser=x\n",
  ],
  [
    "~/.config/systemd/user/comfy.service.d/gpu.conf",
    `[Service]\nExecStart=\nExecStart=/usr/bin/env ${override}=10.3.0 python main.py\n`,
    "[Service]\nExecStart=\nExecStart=/usr/bin/env python main.py\n",
  ],
  ["/etc/systemd/system.conf", `[Manager]\nDefaultEnvironment=${override}=10.3.0\n`, "[Manager]\n"],
  ["/etc/default/comfyui", `export ${override}=10.3.0\nA=1\n`, "A=1\n"],
  [
    "~/.local/share/applications/comfy.desktop",
    `[Desktop Entry]\nExec=env ${override}=10.3.0 comfy %U\n`,
    "[Desktop Entry]\nExec=env comfy %U\n",
  ],
])("%s holds assignments alone", (file, text, expected) => {
  expect(without(text, file)).toBe(expected);
  // The doctor no longer sees it either.
  expect(readSettings(text, file).map(({ name }) => name)).toContain(override);
  expect(readSettings(expected, file).map(({ name }) => name)).not.toContain(override);
});

describe("values", () => {
  const change = (name: string, value: string) =>
    name === "LD_PRELOAD" ? value.replace("/x/shim.so:", "") : value;

  test("are changed where they stand", () => {
    const text = 'export LD_PRELOAD="/x/shim.so:/usr/lib/libjemalloc.so" A=1\n';
    const expected = 'export LD_PRELOAD="/usr/lib/libjemalloc.so" A=1\n';
    expect(withVariables(text, "~/.bashrc", change)).toBe(expected);
  });

  test("that stay leave every byte", () => {
    const text = "export   A=1\t;  B='x y'\r\n\n\tC=3   # D=4\n";
    expect(withVariables(text, "~/.bashrc", change)).toBe(text);
  });
});
