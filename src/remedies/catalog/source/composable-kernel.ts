import type { Step } from "../../step.ts";

/*
 * composable_kernel chooses by target how buffers are described and which instructions it may use,
 * and older copies do not know gfx101x (ROCm/composable_kernel#775). Their copies in PyTorch differ
 * in their lines from release to release, so a program changes them by what they say.
 */

const script = `"""Teaches composable_kernel the targets gfx1010, gfx1011 and gfx1012.

Buffers are described as on gfx103x; of its instructions only v_fmac_f32 is used: gfx1010 has no
dot products. What knows these targets already stays as it is.
"""

import pathlib
import re
import sys

RDNA1 = " || ".join(f"defined(__gfx{n}__)" for n in (1010, 1011, 1012))
CONDITION = r"#elif ((?:[^\\n]*\\\\\\n)*[^\\n]*)\\n"
BUFFER = re.compile(CONDITION + r"(#define CK\\w*_3RD_DWORD 0x31014000)")
DOT = re.compile(CONDITION + r"#define CK_USE_AMD_V_FMAC_F32\\n#define CK_USE_AMD_V_DOT")

for name in sys.argv[1:]:
    file = pathlib.Path(name)
    old = file.read_text()
    buffer = BUFFER.search(old)
    if buffer is None:
        sys.exit(f"error: {name}: found no place to add gfx101x")
    if "gfx101" in buffer[1]:
        print(f"{name} knows gfx101x")
        continue
    new = old.replace(buffer[0], f"#elif {RDNA1} || {buffer[1]}\\n{buffer[2]}", 1)
    dot = DOT.search(new)
    if dot:
        only = f"#elif {RDNA1}\\n#define CK_USE_AMD_V_FMAC_F32\\n"
        new = new.replace(dot[0], only + dot[0], 1)
    file.write_text(new)
    print(f"{name}: gfx101x added")
`;

/** Its configuration, below the sources of PyTorch. */
const files = [
  "third_party/composable_kernel/include/ck/ck.hpp",
  "third_party/composable_kernel/include/ck_tile/core/config.hpp",
];

/** Steps that change it. Done again, they change nothing more. */
export function patchComposableKernel(
  sourceFolder: string,
  python: string,
  scriptPath: string,
): Step[] {
  return [
    {
      kind: "write",
      id: "write-patch",
      does: "write a program that adds gfx101x to composable_kernel",
      path: scriptPath,
      content: script,
      before: null,
    },
    {
      kind: "run",
      id: "patch-device-code",
      does: "add gfx101x to composable_kernel",
      command: {
        program: { path: python },
        args: [{ path: scriptPath }, ...files.map((file) => ({ path: `${sourceFolder}/${file}` }))],
      },
      continues: true,
    },
  ];
}
