/** Long computations as steps: a command does them in one go, a controller lets others have their turn in between. */

export type Steps<T> = Generator<undefined, T>;

export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Resolves when it is one's turn again. */
export type Turn = () => Promise<unknown>;

/** `turn` is awaited after each step; without one, all of them are done in one go. */
export async function inTurns<T>(steps: Steps<T>, turn?: Turn): Promise<T> {
  if (turn === undefined) return inOneGo(steps);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

/** So many items at a step. */
export function* stepwise<T>(items: Iterable<T>, atAStep: number, work: (item: T) => void): Steps<void> {
  let done = 0;
  for (const item of items) {
    if (done > 0 && done % atAStep === 0) yield;
    done++;
    work(item);
  }
}
