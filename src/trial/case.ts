/* What an experiment computes, as data that both Python and Node understand. */

export type CaseDType = "float32" | "float16" | "bfloat16";

/** How an experiment is judged: each against the same computation on the CPU in float64. */
export interface CaseBase {
  readonly dtype: CaseDType;
  /** Also computes the gradients (PyTorch). */
  readonly backward?: boolean;
}

export interface ConvCase extends CaseBase {
  readonly task: "conv";
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  /** Height and width of the input. */
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  readonly bias: boolean;
  readonly transposed: boolean;
  /** channels_last in PyTorch; the engine chooses its layout by itself. */
  readonly channelsLast: boolean;
}

export interface PoolCase extends CaseBase {
  readonly task: "pool";
  readonly kind: "max" | "average" | "global";
}

export interface BatchNormCase extends CaseBase {
  readonly task: "batch-norm";
  readonly training: boolean;
}

export interface NetworkCase extends CaseBase {
  readonly task: "network";
  /** "small" or a name of `rekindle models`. */
  readonly network: string;
  readonly imageSize: number;
  readonly batch: number;
  /** Steps of training; 0: forward alone. */
  readonly steps: number;
}

/** Everything that has no parameter beside its type. */
export interface PlainCase extends CaseBase {
  readonly task:
    | "device"
    | "create"
    | "copy"
    | "elementwise"
    | "reduce"
    | "select"
    | "matmul"
    | "compile";
}

export type Case = ConvCase | PoolCase | BatchNormCase | NetworkCase | PlainCase;

const plainConv: ConvCase = {
  task: "conv",
  dtype: "float32",
  batch: 2,
  channels: 16,
  filters: 24,
  size: [20, 18],
  kernel: [3, 3],
  stride: 1,
  padding: 1,
  dilation: 1,
  groups: 1,
  bias: true,
  transposed: false,
  channelsLast: false,
};

/** A usual 3x3 convolution, but for what is named. */
export function convCase(differences: Partial<ConvCase> = {}): ConvCase {
  return { ...plainConv, ...differences };
}

/** What rounding explains in one operator that sums up to some thousand products. */
const ofOperator: Readonly<Record<CaseDType, number>> = {
  float32: 1e-5,
  float16: 5e-3,
  bfloat16: 3e-2,
};

/** Errors grow through layers; normalization over few numbers and training amplify them. */
const factorOfNetwork = 20;

/**
 * The largest relative error (L2 norm of the difference by that of what is expected) that rounding
 * explains.
 */
export function toleranceFor({ task, dtype }: Case): number {
  return ofOperator[dtype] * (task === "network" ? factorOfNetwork : 1);
}
