import type { Precision } from "../../session/index.ts";
import type { Size } from "../options.ts";

/** The options of `rekindle tune`, parsed. */
export interface TuneOptions {
  readonly device?: string;
  readonly precision: Precision;
  readonly batch?: number;
  readonly size?: Size;
  readonly seconds: number;
  readonly force?: boolean;
  readonly list?: boolean;
  readonly clear?: boolean;
  readonly export?: string;
  readonly import?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}
