/** Whose a login is, where that shows. */
import { expect, test } from 'vitest';
import { personalLogin } from '../../src/credentials/personal-login.ts';

const of = (key: string, username: string, password = 'x') => personalLogin({ key, username, password });

test.each([
  ['https://index.docker.io/v1/', 'jane@corp.example', 'x', 'e-mail address'],
  ['docker.io', 'jane+pull@corp.example', 'x', 'e-mail address'],
  ['quay.io', 'jane@corp.example', 'x', 'e-mail address'],
  ['registry-1.docker.io', 'jane', 'dckr_pat_0123', 'Docker Hub token'],
  ['ghcr.io/org', 'jane', 'ghp_0123', 'GitHub token'],
  ['https://ghcr.io', 'jane', 'gho_0123', 'GitHub token'],
])('%s, %s, %s is of a user: %s', (key, username, password, how) => {
  expect(of(key, username, password)).toBe(how);
});

test.each([
  'robot$project+pull',
  'org+robot',
  'AWS',
  '_json_key',
  '_json_key_base64',
  'oauth2accesstoken',
  '00000000-0000-0000-0000-000000000000',
  'x-access-token',
  'github-actions[bot]',
  '41898282+github-actions[bot]@users.noreply.github.com',
  '<token>',
])('%s is a robot or says nothing, whatever its password', (username) => {
  for (const host of ['docker.io', 'quay.io', 'ghcr.io'])
    for (const password of ['x', 'ghp_0123', 'dckr_pat_0123']) expect(of(host, username, password)).toBeUndefined();
});

test.each([
  ['a user name that is a word', 'docker.io', 'jane', 'x'],
  ['a mailbox at a registry where service accounts have one', 'registry.corp', 'ci@corp.example', 'x'],
  ['a service account of Google', 'gcr.io', 'pull@project.iam.gserviceaccount.com', 'x'],
  ['a token of another registry', 'registry.corp', 'jane', 'ghp_0123'],
  ['an access token of an organization', 'docker.io', 'corp', 'dckr_oat_0123'],
  ['a token of an installation', 'ghcr.io', 'jane', 'ghs_0123'],
])('of %s nothing is said', (_, key, username, password) => {
  expect(of(key, username, password)).toBeUndefined();
});
