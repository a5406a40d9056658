import type { ErrorCode } from "../errors.ts";
import type { FileTree } from "../host/index.ts";

/**
 * Where ROCm looks for device code: inside a library (fatbin), in a kpack archive beside it, in the
 * data folders of rocBLAS (tensile), hipBLASLt, AOTriton and MIOpen, or in a lone code object.
 */
export type Place =
  | "fatbin"
  | "kpack"
  | "tensile"
  | "hipblaslt"
  | "aotriton"
  | "miopen"
  | "code-object";

export type Compression = "none" | "zlib" | "zstd" | "xz";

/** What a file was recognized as; "unknown" where no format fits. */
export type Format =
  | "elf"
  | "pe"
  | "code-object"
  | "offload-bundle"
  | "compressed-bundle"
  | "offload-binary"
  | "kpack"
  | "tensile-index"
  | "aotriton-image"
  | "miopen-database"
  | "ar"
  | "deb"
  | "zip"
  | "tar"
  | "compressed"
  | "python-environment"
  | "folder"
  | "unknown";

/** A kernel by the name under which it is launched. Registers are undefined where no note tells. */
export interface KernelSymbol {
  readonly name: string;
  readonly vgprs?: number;
  readonly sgprs?: number;
  readonly agprs?: number;
  readonly vgprSpills?: number;
  readonly sgprSpills?: number;
  /** Static shared memory of a workgroup. */
  readonly ldsBytes?: number;
  /** Private memory of a work-item. */
  readonly scratchBytes?: number;
  readonly waveSize?: number;
}

/** Device code of one target in one file. */
export interface DeviceCode {
  /** LLVM's target ID: "gfx1010", "gfx90a:sramecc+:xnack-", "gfx10-1-generic". */
  readonly target: string;
  readonly place: Place;
  readonly compression: Compression;
  readonly codeObjects: number;
  /** Size of the code objects, decompressed. 0 where only a name or an index tells of them. */
  readonly bytes: number;
  /** Undefined where it is not known: LLVM bitcode, an index without its code. */
  readonly kernels?: number;
  /** With `InspectOptions.symbols` alone. */
  readonly symbols?: readonly KernelSymbol[];
}

/** Containers of one kind in a file: 214 CCOB version 2 bundles, say. */
export interface Container {
  readonly kind: "offload-bundle" | "ccob" | "offload-binary" | "code-object" | "kpack";
  /** Of the container's format, where it has one. */
  readonly version?: number;
  readonly compression: Compression;
  readonly count: number;
  /** As stored, and decompressed. */
  readonly storedBytes: number;
  readonly bytes: number;
}

/** A library whose device code was moved to kpack archives. */
export interface KpackReference {
  /** The library's name in the archives' table of contents. */
  readonly kernelName: string;
  /** Relative to the library's folder; "@GFXARCH@" stands for the target. */
  readonly searchPaths: readonly string[];
}

/** What an index or a file name of a data folder says about one target. */
export interface DataFile {
  readonly place: Exclude<Place, "fatbin" | "kpack" | "code-object">;
  /** "index" says what to load, "code" is loaded, "tuning" makes it faster and may be missing. */
  readonly role: "index" | "code" | "tuning";
  /** Targets by name or content; families as AOTriton writes them: "gfx11xx". */
  readonly targets: readonly string[];
  /** Whether the index serves all targets of the library together (not lazy, not separate). */
  readonly merged: boolean;
}

/** A build of PyTorch, or another package with device code, in a Python environment. */
export interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /**
   * By its version and files: "amd-multi-arch" has its device code in packages of their own;
   * "other" is no build of torch.
   */
  readonly build: "cpu" | "cuda" | "rocm" | "amd-multi-arch" | "unknown" | "other";
  /** "7.14.0" of "2.11.0+rocm7.14.0", or of torch/version.py. */
  readonly rocm?: string;
  readonly cuda?: string;
  /** Targets of installed device packages: amd-torch-device-gfx1010 gives gfx1010. */
  readonly devicePackages?: readonly string[];
}

/** Why a file, or a part of it, could not be read. */
export interface Problem {
  readonly code: ErrorCode | "permission" | "skipped";
  readonly message: string;
  /** Bytes from the start of the file (of the member, inside archives). */
  readonly offset?: number;
}

/** What one file, or one member of an archive ("a.whl!torch/lib/libtorch_hip.so"), holds. */
export interface FileReport {
  readonly path: string;
  readonly format: Format;
  /** One line for people: "ELF shared object, x86-64". */
  readonly description: string;
  /** Of the file or member as it lies in its folder or archive, decompressed. */
  readonly sizeBytes: number;
  readonly code: readonly DeviceCode[];
  readonly containers: readonly Container[];
  readonly kpack?: KpackReference;
  /** Of kpack archives: the targets of every library in it, by its kernel name. */
  readonly kpackBinaries?: Readonly<Record<string, readonly string[]>>;
  readonly data?: DataFile;
  readonly python?: { readonly path: string; readonly packages: readonly PythonPackage[] };
  /** True where the file carries code for NVIDIA GPUs (.nv_fatbin). */
  readonly hasNvidiaCode?: boolean;
  readonly problems: readonly Problem[];
}

export interface InspectOptions {
  /** List kernels with their registers (more memory). False by default. */
  readonly symbols?: boolean;
  /** Where files are read; this machine's by default. */
  readonly files?: FileTree;
  /** Called while files are read: the path, and bytes of it done. */
  readonly onProgress?: (path: string, doneBytes: number, sizeBytes: number) => void;
}

/** All code of one target. */
export interface TargetSummary {
  readonly target: string;
  readonly places: readonly Place[];
  readonly compression: readonly Compression[];
  readonly files: number;
  readonly codeObjects: number;
  readonly bytes: number;
  /** Those that could be counted. */
  readonly kernels: number;
}

/** Files that stand or fall together: a library with its kpack archives, a folder of Tensile. */
export interface Part {
  readonly path: string;
  readonly place: Place;
  /** Targets whose code is there to be loaded. */
  readonly targets: readonly string[];
  /** False where it may hold more than could be read, or its kpack archives were not looked at. */
  readonly complete: boolean;
  /** Why `complete` is false, or what is missing. */
  readonly remark?: string;
}

export interface InspectSummary {
  readonly files: number;
  readonly bytes: number;
  readonly unknownFiles: number;
  readonly targets: readonly TargetSummary[];
  readonly parts: readonly Part[];
  readonly pythonPackages: readonly PythonPackage[];
  readonly problems: readonly (Problem & { readonly path: string })[];
}

/** How one piece of code fits a GPU. */
export type Match = "exact" | "generic" | "superset" | "missing";

export interface PartAnswer {
  readonly path: string;
  readonly place: Place;
  readonly answer: "yes" | "conditional" | "no" | "unknown";
  readonly match: Match;
  /** The target that would be loaded. */
  readonly by?: string;
  readonly why: string;
}

/**
 * Whether a target's code would load. "partly": some parts have code for it and some do not;
 * "conditional": the hardware runs it, AMD's runtime takes it with the setting that `why` names.
 */
export interface LoadAnswer {
  readonly target: string;
  readonly answer: "yes" | "partly" | "conditional" | "no" | "unknown";
  /** One sentence, made from the parts. */
  readonly why: string;
  readonly parts: readonly PartAnswer[];
}
