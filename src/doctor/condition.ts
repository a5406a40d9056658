import type { Facts, GpuFacts, LibraryFacts, TorchFacts } from "./facts.ts";

/*
 * Conditions over facts in three-valued logic (Kleene): what is not known makes an answer "unknown"
 * unless the rest decides it. Every answer carries the facts that decided it.
 */

export type Answer = "yes" | "no" | "unknown";

/** A fact that decided an answer. */
export interface Evidence {
  /** Its key: "gpus.0.gfx". */
  readonly path: string;
  /** Its value; absent where it is not known. */
  readonly value?: unknown;
}

export interface Judgement {
  readonly answer: Answer;
  readonly because: readonly Evidence[];
}

/** What a rule can be about, and the list of facts that holds such things. */
export const subjects = { card: "gpus", pytorch: "torch", library: "libraries" } as const;
export type Subject = keyof typeof subjects;

/** Which card, PyTorch and library are looked at, by their places in the lists. */
export type Bindings = { readonly [S in Subject]?: number };

/** A machine, and the things on it that are looked at. */
export interface View {
  readonly facts: Facts;
  readonly at: Bindings;
}

export type Condition = (view: View) => Judgement;

/** The facts as conditions name them: those of the thing looked at by its kind, "card.gfx". */
type Named = Facts & { card: GpuFacts; pytorch: TorchFacts; library: LibraryFacts };
type Leaf = string | number | boolean | readonly unknown[];
type PathIn<T> = {
  [K in keyof T & string]-?: NonNullable<T[K]> extends Leaf
    ? K
    : string extends keyof NonNullable<T[K]>
      ? K
      : K | `${K}.${PathIn<NonNullable<T[K]>>}`;
}[keyof T & string];
type ValueIn<T, P extends string> = P extends `${infer K}.${infer Rest}`
  ? K extends keyof T
    ? ValueIn<NonNullable<T[K]>, Rest>
    : never
  : P extends keyof T
    ? NonNullable<T[P]>
    : never;

/** The key of a fact, as a condition writes it. */
export type Path = PathIn<Named>;
type Value<P extends Path> = ValueIn<Named, P>;
type ListPath = { [P in Path]: Value<P> extends readonly unknown[] ? P : never }[Path];
type Item<P extends ListPath> = Value<P> extends readonly (infer T)[] ? T : never;

/** What a test says of a value that is known. */
type Opinion = boolean | "unknown";

/**
 * A fact by its key; `value` is absent where it is not known. Of a thing in a list that is not
 * known, nothing is known but the list's own key.
 *
 * @example
 * look({ facts, at: { card: 0 } }, "card.gfx"); // { path: "gpus.0.gfx", value: "gfx1010" }
 */
export function look(view: View, path: string): Evidence {
  const [first, ...rest] = path.split(".") as [string, ...string[]];
  if (!Object.hasOwn(subjects, first)) return valueAt(view.facts, [first, ...rest]);
  const list = subjects[first as Subject];
  const place = view.at[first as Subject];
  return place === undefined ? { path: list } : valueAt(view.facts, [list, String(place), ...rest]);
}

function valueAt(facts: Facts, keys: readonly string[]): Evidence {
  let value: unknown = facts;
  for (const key of keys) {
    const holds = typeof value === "object" && value !== null && Object.hasOwn(value, key);
    value = holds ? (value as Record<string, unknown>)[key] : undefined;
  }
  return { path: keys.join("."), ...(value !== undefined && { value }) };
}

/**
 * Whether a fact passes a test.
 *
 * @example
 * fact("kernel.release", (release) => release.startsWith("6.12"));
 */
export function fact<P extends Path>(path: P, test: (value: Value<P>) => Opinion): Condition {
  return (view) => {
    const seen = look(view, path);
    const isKnown = seen.value !== undefined;
    return {
      answer: isKnown ? answerOf(test(seen.value as Value<P>)) : "unknown",
      because: [seen],
    };
  };
}

/** Whether two facts together pass a test. */
export function both<P extends Path, Q extends Path>(
  one: P,
  other: Q,
  test: (a: Value<P>, b: Value<Q>) => Opinion,
): Condition {
  return (view) => {
    const because = [look(view, one), look(view, other)];
    const missing = because.filter((seen) => seen.value === undefined);
    if (missing.length > 0) return { answer: "unknown", because: missing };
    const [a, b] = because.map((seen) => seen.value) as [Value<P>, Value<Q>];
    return { answer: answerOf(test(a, b)), because };
  };
}

/** Whether something in a list passes a test; the things that do decide it. */
export function some<P extends ListPath>(path: P, test: (item: Item<P>) => Opinion): Condition {
  return (view) => {
    const seen = look(view, path);
    if (!Array.isArray(seen.value)) return { answer: "unknown", because: [{ path: seen.path }] };
    const opinions = seen.value.map((item) => answerOf(test(item as Item<P>)));
    const chosen = (answer: Answer) =>
      opinions.flatMap((o, i) =>
        o === answer ? [{ path: `${seen.path}.${i}`, value: (seen.value as unknown[])[i] }] : [],
      );
    for (const answer of ["yes", "unknown"] as const) {
      const because = chosen(answer);
      if (because.length > 0) return { answer, because };
    }
    return { answer: "no", because: [seen] };
  };
}

/** Whether a variable of this shell passes a test, which gets undefined where it is not set. */
export function variable(name: string, test: (value: string | undefined) => Opinion): Condition {
  return ({ facts: { env } }) => {
    if (!env) return { answer: "unknown", because: [{ path: "env" }] };
    return { answer: answerOf(test(env[name])), because: [inShell(env, name)] };
  };
}

/** Whether a variable of this shell and a fact together pass a test. */
export function variableWith<P extends Path>(
  name: string,
  path: P,
  test: (value: string | undefined, other: Value<P>) => Opinion,
): Condition {
  return (view) => {
    const { env } = view.facts;
    const other = look(view, path);
    const because = [env ? inShell(env, name) : { path: "env" }, other];
    if (!env || other.value === undefined) {
      return { answer: "unknown", because: because.filter((seen) => seen.value === undefined) };
    }
    return { answer: answerOf(test(env[name], other.value as Value<P>)), because };
  };
}

const inShell = (env: NonNullable<Facts["env"]>, name: string) => ({
  path: `env.${name}`,
  value: env[name] ?? "(not set)",
});

/** Yes if all are, no if one is not. */
export function all(...conditions: readonly Condition[]): Condition {
  return (view) =>
    combine(
      conditions.map((c) => c(view)),
      "no",
      "yes",
    );
}

/** Yes if one is, no if none is. */
export function any(...conditions: readonly Condition[]): Condition {
  return (view) =>
    combine(
      conditions.map((c) => c(view)),
      "yes",
      "no",
    );
}

export function not(condition: Condition): Condition {
  return (view) => {
    const { answer, because } = condition(view);
    return { answer: answer === "unknown" ? answer : answer === "yes" ? "no" : "yes", because };
  };
}

/** Yes if it is so for one of the machine's cards, PyTorchs or libraries, no if for none. */
export function forSome(subject: Subject, condition: Condition): Condition {
  return (view) => {
    const places = view.facts[subjects[subject]]?.map((_, i) => i);
    if (!places) return condition({ facts: view.facts, at: omit(view.at, subject) });
    const judgements = places.map((i) => condition({ ...view, at: { ...view.at, [subject]: i } }));
    return combine(judgements, "yes", "no");
  };
}

const omit = (at: Bindings, subject: Subject): Bindings =>
  Object.fromEntries(Object.entries(at).filter(([key]) => key !== subject));

/** The answer of the first that can tell: for two ways to learn one thing. */
export function firstKnown(...conditions: readonly Condition[]): Condition {
  return (view) => {
    const judgements = conditions.map((c) => c(view));
    const told = judgements.find((j) => j.answer !== "unknown");
    return told ?? { answer: "unknown", because: judgements.flatMap((j) => j.because) };
  };
}

/** `decisive` if one says so, else "unknown" if one is, else `otherwise`. */
function combine(judgements: readonly Judgement[], decisive: Answer, otherwise: Answer): Judgement {
  for (const answer of [decisive, "unknown"] as const) {
    const deciding = judgements.filter((j) => j.answer === answer);
    if (deciding.length > 0) return { answer, because: merge(deciding) };
  }
  return { answer: otherwise, because: merge(judgements) };
}

function merge(judgements: readonly Judgement[]): Evidence[] {
  const found = new Map(judgements.flatMap((j) => j.because).map((seen) => [seen.path, seen]));
  return [...found.values()];
}

function answerOf(opinion: Opinion): Answer {
  return opinion === "unknown" ? opinion : opinion ? "yes" : "no";
}
