/** What keeps a tag from being a release. */
import { expect, test } from 'vitest';
import { releaseNotes } from '../../release/notes.ts';
import { githubNames } from '../../release/names.ts';

const names = { version: '0.2.0', private: true, ...githubNames('owner/repository') };
const changelog =
  '# Changelog\n\n## 0.2.0 - 2026-12-01\n\n- New.\n\n### Fixed\n\n- Old.\n\n## 0.1.0 - 2026-11-01\n\nFirst.\n';

test('the notes are what the changelog says below the version', () => {
  expect(releaseNotes('v0.2.0', 'owner/repository', names, changelog)).toEqual({
    notes: '- New.\n\n### Fixed\n\n- Old.',
  });
  expect(releaseNotes('v0.1.0', 'owner/repository', { ...names, version: '0.1.0' }, changelog)).toEqual({
    notes: 'First.',
  });
});

test.each([
  ['another version', 'v0.2.1', names, changelog, 'tag "v0.2.1" is not v0.2.0, the version in package.json'],
  ['no tag', '', names, changelog, 'tag "" is not v0.2.0, the version in package.json'],
  ['no section', 'v0.2.0', names, '# Changelog\n', 'CHANGELOG.md: no heading "## 0.2.0 - <date>"'],
  [
    'a section without a date',
    'v0.2.0',
    names,
    changelog.replace('2026-12-01', 'unreleased'),
    'CHANGELOG.md: "## 0.2.0 - unreleased" must end in its date',
  ],
  [
    'an empty section',
    'v0.2.0',
    names,
    '## 0.2.0 - 2026-12-01\n\n## 0.1.0 - 2026-11-01\n\nFirst.\n',
    'CHANGELOG.md: nothing below "## 0.2.0 - 2026-12-01"',
  ],
  [
    'a placeholder',
    'v0.2.0',
    { ...names, image: 'registry.invalid/pullpass/pullpass' },
    changelog,
    'package.json: image is registry.invalid/pullpass/pullpass, not ghcr.io/owner/repository: ' +
      'node release/set-names.ts owner/repository, then commit',
  ],
  [
    'a fork that still has the names of what it was forked from',
    'v0.2.0',
    { ...names, chart: githubNames('other/repository').chart },
    changelog,
    'package.json: chart is oci://ghcr.io/other/repository/charts, not oci://ghcr.io/owner/repository/charts: ' +
      'node release/set-names.ts owner/repository, then commit',
  ],
])('%s is no release', (_, tag, named, text, problem) => {
  expect(releaseNotes(tag, 'owner/repository', named, text)).toEqual({ problems: [problem] });
});
