/** Runs so much at a time; the rest waits in the order in which it came. */
export function createLimit(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place is handed on, not given back: nothing slips in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
