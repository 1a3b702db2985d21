/** Runs at most `atOnce` jobs at a time; the others wait in the order in which they came. */
export function createLimit(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place goes directly to the next in line: no newer job can take it.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
