/**
 * @peculiar/x509 uses a dependency-injection library that refuses to load without a `Reflect.getMetadata`.
 * It only ever reads metadata of classes that have none, so a map that starts empty is enough. Import this first.
 */

type MetadataReflect = typeof Reflect & {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
};

const metadata = new WeakMap<object, Map<unknown, unknown>>();
const reflect: MetadataReflect = Reflect;

reflect.getMetadata ??= (key, target) => metadata.get(target)?.get(key);
reflect.getOwnMetadata ??= (key, target) => metadata.get(target)?.get(key);
reflect.defineMetadata ??= (key, value, target) => {
  const own = metadata.get(target) ?? new Map<unknown, unknown>();
  metadata.set(target, own.set(key, value));
};
