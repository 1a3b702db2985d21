import { describe, expect, test } from 'vitest';
import { chooseEntry, correctedHubKey } from '../../src/credentials/entry-choice.ts';

const HUB = 'https://index.docker.io/v1/';

describe('an entry is found', () => {
  test.each([
    [['a.corp', 'b.corp'], 'a.corp', 'a.corp'],
    [['https://a.corp/v2/'], 'a.corp', 'https://a.corp/v2/'],
    [['a.corp'], 'https://a.corp/', 'a.corp'],
    [[HUB], 'docker.io', HUB],
    [['docker.io'], HUB, 'docker.io'],
    [[HUB, 'docker.io'], 'docker.io', 'docker.io'],
    [['registry-1.docker.io'], 'index.docker.io', 'registry-1.docker.io'],
    [['a.corp', 'a.corp/team'], 'a.corp', 'a.corp'],
    [['a.corp', 'a.corp/team'], 'a.corp/team', 'a.corp/team'],
    [['odd key'], 'odd key', 'odd key'],
  ])('in %j for %s: %s', (keys, name, key) => {
    expect(chooseEntry(keys, name)).toMatchObject({ found: 'entry', key });
  });
});

test('entries of the same registry are named, because they keep their logins', () => {
  expect(chooseEntry(['a.corp', 'a.corp/team', 'b.corp'], 'a.corp')).toMatchObject({ others: ['a.corp/team'] });
  expect(chooseEntry([HUB, 'docker.io/corp', 'quay.io'], HUB)).toMatchObject({ others: ['docker.io/corp'] });
});

describe('where nothing is found, the key of a new entry is', () => {
  test.each([
    ['docker.io', HUB],
    ['registry-1.docker.io', HUB],
    ['https://a.corp/v2/', 'a.corp'],
    ['https://a.corp/v2', 'a.corp'],
    ['http://a.corp:5000/', 'a.corp:5000'],
    ['a.corp/team/', 'a.corp/team'],
    ['localhost', 'localhost'],
    ['*.corp', '*.corp'],
  ])('for %s: %s', (name, key) => {
    expect(chooseEntry(['b.corp'], name)).toMatchObject({ found: 'nothing', key });
  });
});

describe('is asked for the exact key', () => {
  test.each([
    [
      ['a.corp/x', 'a.corp/y'],
      'a.corp',
      '2 entries for parts of it: "a.corp/x", "a.corp/y"; give the exact key, or this',
    ],
    [['docker.io/x'], 'docker.io', '1 entry for parts of it: "docker.io/x"; give the exact key, or this'],
    [['docker.io', 'index.docker.io'], HUB, '2 entries for it: "docker.io", "index.docker.io"; give the exact key'],
  ])('in %j for %s', (keys, name, problem) => {
    const choice = chooseEntry(keys, name, { orElse: ', or this' });
    expect(choice).toMatchObject({
      found: 'no answer',
      problem: expect.stringMatching(new RegExp(`${problem}$`)) as string,
    });
  });

  test('but a key that is meant exactly is a new entry', () => {
    expect(chooseEntry(['a.corp/x'], 'a.corp', { exactly: true })).toMatchObject({ found: 'nothing', key: 'a.corp' });
  });
});

test.each([
  ['', /no registry/],
  ['a b', /no registry/],
  ['a.corp?x', /no registry/],
  ['https://bot:hunter2@a.corp', /holds a login/],
  ['a.corp/app:1.0', /is an image/],
  ['a.corp/app@sha256:0', /is an image/],
  ['corp/app', /neither a dot nor a port; Docker Hub is docker\.io/],
])('%j is no registry', (name, problem) => {
  const choice = chooseEntry([], name);
  expect(choice).toMatchObject({ found: 'no answer', problem: expect.stringMatching(problem) as string });
  expect(JSON.stringify(choice)).not.toContain('hunter2');
});

test.each([
  'docker.com',
  'hub.docker.com',
  'https://hub.docker.com/u/corp',
  'HUB.docker.com:443',
  'registry.docker.io',
])('%s is meant for Docker Hub', (name) => expect(correctedHubKey(name)).toBe(HUB));
test.each(['docker.io', HUB, 'registry-1.docker.io', 'mydocker.com', 'docker.com.corp', 'registry.hub.docker.com'])(
  '%s is left as it is',
  (name) => expect(correctedHubKey(name)).toBeUndefined(),
);
