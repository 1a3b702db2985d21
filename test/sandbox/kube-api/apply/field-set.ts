/**
 * A set of paths in an object, as `fieldsV1` writes it: the fields of one manager in server-side apply. Elements have their
 * serialized form: `f:name` a field or map key, `k:{"name":"x"}` a list item by key, `v:"x"` a list item by value.
 */
import { isObject, type JsonObject } from '../json.ts';

export class FieldSet {
  readonly members: Set<string>;
  readonly children: Map<string, FieldSet>;

  constructor(members: Iterable<string> = [], children: Iterable<readonly [string, FieldSet]> = []) {
    this.members = new Set(members);
    this.children = new Map([...children].filter(([, set]) => !set.empty));
  }

  get empty(): boolean {
    return this.members.size === 0 && [...this.children.values()].every((child) => child.empty);
  }

  add(path: readonly string[]): void {
    const [element, ...rest] = path;
    if (element === undefined) return;
    if (rest.length === 0) {
      this.members.add(element);
      return;
    }
    let child = this.children.get(element);
    if (!child) this.children.set(element, (child = new FieldSet()));
    child.add(rest);
  }

  has(element: string): boolean {
    return this.members.has(element);
  }

  under(element: string): FieldSet {
    return this.children.get(element) ?? new FieldSet();
  }

  union(other: FieldSet): FieldSet {
    const names = new Set([...this.children.keys(), ...other.children.keys()]);
    return new FieldSet(
      [...this.members, ...other.members],
      [...names].map((name) => [name, this.under(name).union(other.under(name))] as const),
    );
  }

  intersection(other: FieldSet): FieldSet {
    return new FieldSet(
      [...this.members].filter((member) => other.members.has(member)),
      [...this.children].map(([name, child]) => [name, child.intersection(other.under(name))] as const),
    );
  }

  /** Takes away exactly the paths of the other set, not what is below them. */
  difference(other: FieldSet): FieldSet {
    return new FieldSet(
      [...this.members].filter((member) => !other.members.has(member)),
      [...this.children].map(([name, child]) => [name, child.difference(other.under(name))] as const),
    );
  }

  /** Every path, as lists of elements, parents before children, in the order of Go's sets. */
  *paths(prefix: readonly string[] = []): Generator<string[], void> {
    for (const member of [...this.members].sort(elementOrder)) yield [...prefix, member];
    for (const [name, child] of [...this.children].sort(([a], [b]) => elementOrder(a, b)))
      yield* child.paths([...prefix, name]);
  }

  toJson(): JsonObject {
    const out: JsonObject = {};
    const names = new Set([...this.members, ...this.children.keys()]);
    for (const name of [...names].sort(elementOrder)) {
      const child = this.children.get(name);
      const own: JsonObject = this.members.has(name) && child && !child.empty ? { '.': {} } : {};
      out[name] = { ...own, ...(child ? child.toJson() : {}) };
    }
    return out;
  }

  static fromJson(json: JsonObject): FieldSet {
    const set = new FieldSet();
    for (const [name, value] of Object.entries(json)) {
      if (name === '.' || !isObject(value)) continue;
      const names = Object.keys(value);
      if (names.length === 0 || names.includes('.')) set.members.add(name);
      const child = FieldSet.fromJson(value);
      if (!child.empty) set.children.set(name, child);
    }
    return set;
  }
}

function elementOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A path as in conflict messages: `.metadata.labels.app`, `.secrets[name="x"].uid`. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = JSON.parse(rest) as JsonObject;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
