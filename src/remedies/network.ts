/** How programs say that the network failed, not they. */
const ofNetwork = new RegExp(
  [
    "connection (?:reset|refused|aborted|broken|timed out)|timed? ?out|temporary failure",
    "could not resolve|name or service not known|network is (?:unreachable|down)",
    "failed to connect to|handshake.* failed|TLS packet|EOF occurred in violation",
    "incomplete[- ]?(?:read|download)|not enough bytes|remote end closed",
    "unexpected disconnect|early EOF|RPC failed",
    "max retries exceeded|NewConnectionError|ProtocolError|50[234] (?:server|bad|service|gateway)",
    "returned error: (?:429|5\\d\\d)",
  ].join("|"),
  "i",
);

/** pip and apt: what came is not what the index says. */
const ofChecksum = /DO NOT MATCH THE HASHES|hash sum mismatch/i;

/** Some programs do not see that a download was cut off, and find a wrong checksum instead. */
const mismatchesMax = 3;

/** What came of one try after the other, judged by what programs write. */
export class NetworkTries {
  #mismatches = 0;

  /** Why another try may help; undefined where it cannot. To be asked once after each failure. */
  reasonAfter(output: string): string | undefined {
    if (ofChecksum.test(output)) return this.afterMismatch();
    return ofNetwork.test(output) ? "the network failed" : undefined;
  }

  /** The same for what was fetched without a program, and has another checksum. */
  afterMismatch(): string | undefined {
    this.#mismatches++;
    return this.#mismatches < mismatchesMax ? "what came has another checksum" : undefined;
  }

  /** A download that is wrong twice may have come from a cache. */
  get shallAvoidCache(): boolean {
    return this.#mismatches === mismatchesMax - 1;
  }

  /** What is wrong every time is so on the server. */
  get verdict(): string | undefined {
    if (this.#mismatches < mismatchesMax) return undefined;
    return `what was downloaded had another checksum than it should, ${this.#mismatches} times`;
  }
}
