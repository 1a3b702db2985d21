/** Why there is no new login. The message never holds any part of what a program wrote. */

/** Label values of a metric: part of the interface. */
export const FAILURE_REASONS = [
  'program', // it is not there, or cannot be started
  'exit', // it ended with an error
  'timeout', // it did not end in time
  'output', // it wrote too much
  'answer', // it did not keep to the protocol
  'no_login', // no usable login for what was asked
  'ended', // a login that is over
  'token', // the ServiceAccount token cannot be read
  'not_ours', // the Secret belongs to somebody else
  'superseded', // a provider with another configuration writes the Secret
  'api', // the API server refuses a read or a write, or does not answer
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export class ProviderFailure extends Error {
  override name = 'ProviderFailure';
  readonly reason: FailureReason;
  constructor(reason: FailureReason, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.reason = reason;
  }
}
