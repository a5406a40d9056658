import { describe, expect, test } from "vitest";
import {
  clocksOf,
  loadWaitsOf,
  loopsOf,
  mixOf,
  parseAssembly,
} from "../tools/navi10/machine-code.ts";

/** A loop as RADV prints it: a prologue, two loads, multiplications, a branch back. */
const assembly = `
BB0:
	s_mov_b32 s0, 0                                             ; be800380
BB1:
	buffer_load_dwordx4 v[8:11], v1, s[8:11], 0 offen           ; e0381000 80020801
	ds_read_b128 v[4:7], v2 offset:16                           ; d9fc0010 04000002
	v_mac_f32_e32 v12, v4, v8                                   ; 3e181104
	(then repeated 118 times)
	v_pk_fma_f16 v16, v37, v44, v16 op_sel:[1,0,0]              ; cc0e4810 1c425925
	v_mul_lo_u32 v3, v3, v4                                     ; d5690003 00020903
	s_waitcnt vmcnt(0) lgkmcnt(0)                               ; bf8c0070
	s_barrier                                                   ; bf8a0000
	s_cbranch_scc1 BB1                                          ; bf850000
BB2:
	s_endpgm                                                    ; bf810000
`;

const blocks = parseAssembly(assembly);
const loops = loopsOf(blocks);

describe("disassembly", () => {
  test("is read block by block, with repeated instructions written out", () => {
    expect(blocks.map((block) => block.name)).toEqual(["", "BB0", "BB1", "BB2"]);
    expect(loops).toHaveLength(1);
    expect(loops[0]!.filter(({ op }) => op === "v_mac_f32")).toHaveLength(119);
  });

  test("gives the mix of a loop", () => {
    expect(mixOf(loops[0]!)).toMatchObject({
      ...{ fma: 120, packed: 1, vector: 121, shared: 1, memory: 1, waits: 1, barriers: 1 },
      ...{ scalar: 1, total: 126 },
    });
  });

  test("gives clocks: two for an instruction of 64 lanes, four times as many for a product", () => {
    expect(clocksOf(loops[0]!, 32)).toEqual({ fma: 120, vector: 124, shared: 8 });
    expect(clocksOf(loops[0]!, 64)).toEqual({ fma: 240, vector: 248, shared: 16 });
  });
});

describe("waits for loads", () => {
  const line = (op: string, args = "") => ({ op, args });
  const load = line("buffer_load_dwordx4", "v[0:3]");
  const work = Array.from({ length: 150 }, () => line("v_mac_f32", "v0, v1"));

  test("a load that is used at once is not covered", () => {
    expect(loadWaitsOf([load, line("s_waitcnt", "vmcnt(0)"), ...work], 32)).toEqual({
      ...{ exposed: 1, cover: 1 },
    });
  });

  test("a load that is waited for after the work is", () => {
    expect(loadWaitsOf([load, ...work, line("s_waitcnt", "vmcnt(0)")], 32)).toEqual({
      ...{ exposed: 0, cover: 151 },
    });
  });

  test("a load of the iteration before counts from there", () => {
    expect(loadWaitsOf([line("s_waitcnt", "vmcnt(0)"), load, ...work], 64)).toEqual({
      ...{ exposed: 0, cover: 301 },
    });
  });

  test("a wait may leave the newest loads under way", () => {
    const code = [
      load,
      load,
      line("s_waitcnt", "vmcnt(1)"),
      ...work,
      line("s_waitcnt", "vmcnt(0)"),
    ];
    expect(loadWaitsOf(code, 32)).toMatchObject({ exposed: 1 });
  });
});
