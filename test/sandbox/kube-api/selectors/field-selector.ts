/** Field selectors: `path=value`, `path==value`, `path!=value`, comma-separated; each kind knows its few paths. */
import type { KubeObject } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { badRequest } from '../status.ts';

export interface FieldSelector {
  matches(object: KubeObject): boolean;
  /** The one value that a path must have: it is how RBAC and lists learn that only one name is asked for. */
  exact(path: string): string | undefined;
}

export interface FieldRequirement {
  readonly path: string;
  readonly negated: boolean;
  readonly value: string;
}

export function parseFieldSelector(text: string, kind: Kind): FieldSelector {
  const requirements = parseRequirements(text).map((requirement) => ({
    ...requirement,
    read: reader(requirement.path, kind),
  }));
  return {
    matches: (object) => requirements.every(({ read, value, negated }) => (read(object) === value) !== negated),
    exact: (path) => requirements.find((requirement) => requirement.path === path && !requirement.negated)?.value,
  };
}

/** Commas, equal signs and backslashes in values are escaped with a backslash. */
export function parseRequirements(text: string): FieldRequirement[] {
  const terms = text.split(/(?<!\\),/).filter((term) => term !== '');
  return terms.map((term) => {
    const found = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (!found) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    return { path: found[1] ?? '', negated: found[2] === '!=', value: (found[3] ?? '').replace(/\\([\\,=])/g, '$1') };
  });
}

function reader(path: string, kind: Kind): (object: KubeObject) => string {
  if (path === 'metadata.name') return (object) => object.metadata.name;
  if (path === 'metadata.namespace') return (object) => object.metadata.namespace ?? '';
  const own = kind.fields[path];
  if (own) return own;
  throw badRequest(unknownField(path, kind));
}

/** Kinds with selectors of their own word this in their own way. */
function unknownField(path: string, kind: Kind): string {
  if (Object.keys(kind.fields).length === 0)
    return `"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
  return `field label not supported: ${path}`;
}
