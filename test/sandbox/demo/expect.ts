/** Checks of what the demo promises: it is a test, too. */

/** A promise of the demo does not hold. The message is shown as it is. */
export class ExpectationError extends Error {
  override name = 'ExpectationError';
}

export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new ExpectationError(otherwise);
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new ExpectationError(`${what}: is ${is}, should be ${should}`);
}
