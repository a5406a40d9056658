import { type Pattern, sources } from "../pattern.ts";
import { hipOneByOne, kernelLog } from "../steps.ts";

export const hipTail: Pattern = {
  id: "generic-hip-tail",
  role: "tail",
  title: "PyTorch's closing lines after any GPU error",
  signs: [
    /Compile with `?TORCH_USE_HIP_DSA/,
    /For debugging consider passing AMD_SERIALIZE_KERNEL/,
    /(?:HIP|CUDA) kernel errors might be asynchronously reported/,
    /HIP error: unspecified launch failure/,
  ],
  cause: "PyTorch adds these lines to every error of HIP. The line above them names the error.",
  isNot: [
    "a cause",
    "advice to compile anything: device-side assertions find faults in programs, not missing code",
  ],
  certainty: "possible",
  steps: [hipOneByOne],
  sources: sources("pytorch/pytorch#132570 2024-08"),
};

export const died: Pattern = {
  id: "process-died",
  role: "tail",
  title: "The program was ended by the system",
  signs: [
    /Segmentation fault/,
    /Aborted \(core dumped\)/,
    /\bcore dumped\b/,
    /received signal SIG(?:SEGV|ABRT|BUS|ILL)/,
    /Fatal Python error: (?:Segmentation fault|Aborted)/,
    /killed by SIG(?:SEGV|ABRT|BUS|ILL)/,
  ],
  cause: "A native library crashed or gave up. The line does not say which, or why.",
  isNot: ["a cause"],
  certainty: "possible",
  steps: [
    {
      what: "Where it died: the native stack.",
      command:
        "coredumpctl gdb -A '-batch -ex bt' 2>/dev/null | tail -n 40; gdb -batch -ex run -ex " +
        "bt --args python your_program.py",
    },
    kernelLog,
  ],
  sources: sources("ROCm/ROCm#2527 2023-11", "lllyasviel/Fooocus#1288 2024-01"),
};

export const loaderCrash: Pattern = {
  id: "crash-in-hip-loader",
  role: "cause",
  title: "HIP crashed while it loaded GPU code",
  signs: [
    /in hip::FatBinaryInfo::(?:AddDevProgram|BuildProgram|ExtractFatBinary)/,
    /hip::StatCO::getStatFunc/,
  ],
  cause:
    "The stack lies in the part of HIP that picks the code object for the card. Older " +
    "releases crash there, without a message, when a library has none for it.",
  isNot: ["a fault in the kernel that was called: it was never found"],
  certainty: (seen) => (seen.override || seen.disguise ? "possible" : "likely"),
  steps: [
    {
      what: "What HIP looked for.",
      command:
        "AMD_LOG_LEVEL=1 python your_program.py 2>&1 | grep -iE 'CO |code object|ISA' | head -n 20",
    },
    { what: "What the libraries hold.", command: "rekindle doctor" },
  ],
  sources: sources("ROCm/ROCm#2270 2023-09"),
  explains: ["process-died"],
};
