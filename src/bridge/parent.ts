const checkEveryMs = 1000;

/**
 * Ends this process when the one that started it is gone. Its end of a pipe does not tell, because
 * processes that were forked from it may still hold it open.
 */
export function endWithParent(): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, checkEveryMs);
  timer.unref();
}
