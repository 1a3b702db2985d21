/** Any product that reads a file: a Secret whose keys are rendered from templates with placeholders. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { compileTemplate } from '../config/placeholders.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import type { Files } from './render.ts';

export const template = (config: ConfigOf<'template'>): CacheProxy => {
  const files: Files = Object.fromEntries(
    Object.entries(config.files).map(([key, text]) => [
      key,
      compileTemplate(text, `cache proxy "${config.name}": files.${key}`),
    ]),
  );
  return render(config, files, { when: 'again', unseen: 'unknown: whatever the product made of the file' });
};
