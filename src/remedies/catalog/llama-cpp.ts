import { fact, not } from "../../doctor/condition.ts";
import type { Source } from "../../doctor/rule.ts";
import { inWsl } from "../../doctor/rules/common.ts";
import type { Remedy } from "../remedy.ts";
import { linuxOrWindows } from "./common.ts";

const onVulkan: Source = {
  title: "An RX 5700 XT with llama.cpp on Vulkan: 468 tokens a second read, 65 written (7B, Q4_0)",
  at: "ggml-org/llama.cpp#13324",
  date: "2025-05-08",
};

/** Not our program, and installed in many ways; but where users with such cards end up. */
export const llamaCpp: Remedy = {
  id: "llama-cpp",
  title: "llama.cpp on Vulkan, for language models",
  kind: "way",
  standsOn: "vulkan",
  gives: "language models on the card through Vulkan, without ROCm and without PyTorch",
  serves: { llm: "well" },
  fp16: "yes",
  certainty: "reported",
  evidence:
    "the owner of an RX 5700 XT reports 468 tokens a second read and 65 written, with a model of " +
    "7 billion weights in 4 bits",
  sources: [onVulkan],
  requires: [
    linuxOrWindows,
    { when: not(inWsl), otherwise: "WSL has no Vulkan driver for the card" },
    {
      when: fact("gpus", (gpus) => gpus.some(({ kind }) => kind !== "virtual")),
      otherwise: "there is no GPU here",
    },
  ],
  cost: () => ({ minutes: [5, 30], downloadBytes: 5e9, diskBytes: 5e9, root: false }),
  changes: ["A folder with a program and a model."],
  risks: [
    "A card with 6 GB holds models of about 7 billion weights in 4 bits, and no larger ones.",
  ],
  byHand: [
    "Take a build with Vulkan from https://github.com/ggml-org/llama.cpp/releases, or compile it: " +
      "cmake -B build -DGGML_VULKAN=ON, then cmake --build build",
    "Take a model in the format GGUF that fits into the card's memory",
    "llama-bench -m MODEL.gguf -ngl 99 tells whether it runs on the card, and how fast",
  ],
};
