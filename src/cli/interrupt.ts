const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Does work that ends in good order when the user presses Ctrl-C, ends the program or closes the
 * terminal: the first signal aborts, a second one ends the program as usual.
 */
export async function whileInterruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
    release();
  };
  const release = () => {
    for (const signal of signals) process.off(signal, abort);
  };
  for (const signal of signals) process.on(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    release();
  }
}
