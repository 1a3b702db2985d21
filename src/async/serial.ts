/** Runs tasks with the same key one after the other. */
type Serial = <T>(key: string, run: () => Promise<T>) => Promise<T>;

export function createSerial(): Serial {
  /** The last task of each key. */
  const last = new Map<string, Promise<unknown>>();
  return async <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const mine = (last.get(key) ?? Promise.resolve()).then(run, run);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
