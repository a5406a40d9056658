import { wheelsFor } from "../amd-channels.ts";

/** What a container computes with. */
export interface Stack {
  readonly name: string;
  readonly title: string;
  /** The image that it is built on. */
  readonly base: string;
  /** Instructions of the Dockerfile after FROM. `gfx` and `index` are put in. */
  readonly lines: (choice: { readonly gfx: string; readonly index: string }) => readonly string[];
  /** ROCm's device beside the display's. */
  readonly needsKfd: boolean;
  /** A command line that proves a convolution on the GPU. */
  readonly check: readonly string[];
  /** The package index, where pip's own does not do. */
  readonly index: string;
  /** The package of Rekindle goes into the image. */
  readonly holdsRekindle: boolean;
  /** A repository with a Dockerfile that makes the base image. */
  readonly repository?: { readonly url: string; readonly commit: string };
  readonly notes: readonly string[];
}

const python = ["python3", "/opt/rekindle/check.py"];
const install = (...words: readonly string[]) =>
  `RUN python3 -m pip install --no-cache-dir ${words.map((word) => `"${word}"`).join(" ")}`;

/** A card: what emulates one is no proof. */
const onEngine = ["--target", "engine", "--device", "gpu"];

export const stacks: readonly Stack[] = [
  {
    name: "amd-wheels",
    title: "AMD's PyTorch wheels",
    base: "docker.io/library/python:3.12-slim",
    lines: ({ gfx, index }) => [
      install("--index-url", index, ...wheelsFor("stable", gfx, "").packages),
      "ENV AMDGCN_USE_BUFFER_OPS=0",
    ],
    needsKfd: true,
    check: python,
    index: wheelsFor("stable", "", "").index,
    holdsRekindle: false,
    notes: ["ROCm comes inside the wheels: the host needs the kernel's amdgpu driver alone."],
  },
  {
    name: "engine",
    title: "Rekindle's engine on Vulkan",
    base: "docker.io/library/debian:trixie-slim",
    lines: () => [
      "RUN apt-get update \\",
      "    && apt-get install --yes --no-install-recommends \\",
      "    libvulkan1 mesa-vulkan-drivers nodejs npm \\",
      "    && rm -rf /var/lib/apt/lists/*",
      "COPY rekindle-*.tgz /opt/rekindle/rekindle.tgz",
      "ENV ONNXRUNTIME_NODE_INSTALL=skip",
      "RUN npm install --global /opt/rekindle/rekindle.tgz",
    ],
    needsKfd: false,
    check: ["rekindle", "trial", ...onEngine, "--only", "/conv/minimal", "--no-search"],
    index: "",
    holdsRekindle: true,
    notes: ["It runs ONNX networks and needs no ROCm: the render node of the card is enough."],
  },
  {
    name: "community",
    title: "PyTorch 2.8 on ROCm 6.2 with ComfyUI, as KenshiN28rus builds it",
    base: "localhost/rekindle-community-base",
    lines: () => ["ENV PATH=/opt/venv/bin:$PATH"],
    needsKfd: true,
    check: python,
    index: "",
    holdsRekindle: false,
    repository: {
      url: "https://github.com/KenshiN28rus/comfyui-rocm-gfx1010",
      commit: "010f90258deceed6aa0112cac3cf1f011437cb63",
    },
    notes: [
      "Its base image compiles PyTorch: hours, and 16 GB of memory.",
      "ComfyUI starts with --force-fp32 --lowvram and listens on port 8188.",
    ],
  },
  {
    name: "rocm52",
    title: "PyTorch 1.13.1 on ROCm 5.2 (legacy)",
    base: "docker.io/library/python:3.10-slim",
    lines: ({ index }) => [
      install("numpy<2"),
      install("--index-url", index, "torch==1.13.1+rocm5.2", "torchvision==0.14.1+rocm5.2"),
      "# The last PyTorch that runs on RDNA1 as gfx1030; in this container alone.",
      "ENV HSA_OVERRIDE_GFX_VERSION=10.3.0",
    ],
    needsKfd: true,
    check: python,
    index: "https://download.pytorch.org/whl/rocm5.2",
    holdsRekindle: false,
    notes: [
      "32-bit floats alone: 16-bit ones fail (--precision full --no-half).",
      "The override stays inside the container: set anywhere else, it crashes newer programs.",
      "Nothing that needs PyTorch 2 runs: no torch.compile, no current ComfyUI.",
    ],
  },
];
