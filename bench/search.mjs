/**
 * Looks for the numbers that make `judge(numbers).cost` small, by chance: changes one to three of
 * them at a time, and keeps what is better. Starts again from the best every 4000 rounds.
 */
export function search(start, judge, { rounds, seed = 1, keys = Object.keys(start) }) {
  let state = seed;
  const chance = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  let [best, result] = [start, judge(start)];
  let [now, judged] = [best, result];
  for (let round = 0; round < rounds; round++) {
    if (round % 4000 === 0) [now, judged] = [best, result];
    const width = round % 4000 < 2000 ? 1 : 0.3;
    const next = { ...now };
    for (let changes = 1 + Math.floor(3 * chance()); changes > 0; changes--) {
      next[keys[Math.floor(keys.length * chance())]] *= Math.exp((chance() - 0.5) * width);
    }
    const found = judge(next);
    if (found.cost < judged.cost || chance() < 0.002) [now, judged] = [next, found];
    if (found.cost < result.cost) [best, result] = [next, found];
  }
  return { best, result };
}
