import type { RivalName } from "../../bench/rival.ts";
import type { Precision } from "../../session/types.ts";
import type { Size } from "../options.ts";

/** What can be measured. */
export type What = "conv" | "model" | "sweep";

/** The options of `rekindle bench`, parsed. */
export interface BenchOptions {
  readonly device?: string;
  readonly precision: Precision;
  readonly batch?: readonly number[];
  readonly size?: Size;
  readonly layers?: boolean;
  readonly against?: readonly RivalName[];
  readonly baseline?: readonly string[];
  readonly repeat?: number;
  readonly limit?: number;
  readonly seconds?: number;
  readonly seed?: number;
  readonly list?: boolean;
  /** The name of a card that need not be there. */
  readonly predict?: string;
  /** A file, or "-" for standard output. */
  readonly json?: string | true;
  readonly plot?: string;
  readonly quiet?: boolean;
}
