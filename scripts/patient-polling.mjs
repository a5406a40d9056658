// To import before anything else (node --import): Dawn's binding for Node asks for results in every
// turn of the event loop, as fast as it can, and so keeps a core busy as long as the GPU computes.
// Where the GPU is software, that core is missed: here it asks once in a millisecond.
const { setImmediate, setTimeout } = globalThis;

/** Whether a function is of native code, as those are that Dawn passes. */
const isNative = (fn) => Function.prototype.toString.call(fn).endsWith("{ [native code] }");

globalThis.setImmediate = Object.assign(
  (callback, ...args) =>
    args.length === 0 && typeof callback === "function" && isNative(callback)
      ? setTimeout(callback, 1)
      : setImmediate(callback, ...args),
  setImmediate,
);
