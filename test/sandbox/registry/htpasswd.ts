/** An htpasswd file for Distribution: bcrypt only, which Node lacks, but the C library behind Perl's crypt has. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** bcrypt's own alphabet, in which a salt is 22 digits; the last one carries 2 bits only, and "." is always right for it. */
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** @throws if there is no Perl, or its crypt does not know bcrypt. */
export function htpasswd(users: Readonly<Record<string, string>>): string {
  return Object.entries(users)
    .map(([name, password]) => `${name}:${bcrypt(password)}\n`)
    .join('');
}

function bcrypt(password: string): string {
  const salt = `${[...randomBytes(21)].map((byte) => ALPHABET[byte % 64]).join('')}.`;
  // The password goes through stdin: command lines are for everybody to see.
  const hash = execFileSync(
    'perl',
    ['-e', 'local $/; my $password = <STDIN>; print crypt($password, $ARGV[0]);', `$2b$04$${salt}`],
    { input: password, encoding: 'utf8' },
  );
  if (!hash.startsWith('$2b$04$') || hash.length !== 60)
    throw new Error("the crypt of this machine's Perl does not know bcrypt");
  return hash;
}
