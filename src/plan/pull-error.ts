/** Classifies the message of a failed pull. Runtimes and registries have no common error codes, so it matches common texts. */
export type PullErrorClass =
  'no image name' | 'never pulled' | 'login' | 'not found' | 'rate limit' | 'network' | 'other';

const any = (...patterns: string[]): RegExp => new RegExp(patterns.join('|'), 'i');

const PATTERNS: readonly [PullErrorClass, RegExp][] = [
  // Docker Hub also says "denied ... may require login" if an image does not exist: `login` comes before `not found`.
  ['rate limit', /\b429\b|toomanyrequests|too many requests|rate limit/i],
  [
    'login',
    any(
      ...['\\b40[13]\\b', 'unauthorized', 'forbidden', 'authentication required', 'authorization failed'],
      ...['insufficient_scope', 'access (to the resource )?is denied', 'requested access', 'pull access denied'],
      ...['no basic auth credentials', 'incorrect username or password', 'denied:'],
    ),
  ],
  ['not found', /\b404\b|not found|manifest unknown|name unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN/i],
  [
    'network',
    /no such host|dial tcp|connection refused|connection reset|i\/o timeout|deadline exceeded|x509|tls:|no route to host|EOF\b|\b50[0234]\b/i,
  ],
];

export function classifyPullError(reason: string, message: string): PullErrorClass {
  if (reason === 'InvalidImageName') return 'no image name';
  if (reason === 'ErrImageNeverPull') return 'never pulled';
  // The message contains the image name and URLs, which may contain any of these words: remove them.
  const text = message.replace(/"[^"]*"/g, '""').replace(/\bhttps?:\/\/\S+/g, '');
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other';
}
