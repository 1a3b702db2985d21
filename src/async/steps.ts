/** Long computations in steps: a command runs them in one go, the controller lets other work run between them. */

export type Steps<T> = Generator<undefined, T>;

export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Resolves when the computation may go on. */
export type Turn = () => Promise<unknown>;

/** Awaits `turn` after each step; without it, runs all steps in one go. */
export async function inTurns<T>(steps: Steps<T>, turn?: Turn): Promise<T> {
  if (turn === undefined) return inOneGo(steps);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

/** Does `work` for `atAStep` items per step. */
export function* stepwise<T>(items: Iterable<T>, atAStep: number, work: (item: T) => void): Steps<void> {
  let done = 0;
  for (const item of items) {
    if (done > 0 && done % atAStep === 0) yield;
    done++;
    work(item);
  }
}
