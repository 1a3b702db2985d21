/**
 * Images that kube-image-keeper v1 rewrote: its webhook replaces `quay.io/x/y:1` by `localhost:7439/quay.io/x/y:1`, and keeps the
 * original in an annotation of the pod. Kyverno and k8s-image-swapper keep nothing.
 */
import { createHash } from 'node:crypto';

/** The longest annotation name that Kubernetes accepts: with a longer container name, its SHA-1 takes its place. */
const MAX_ANNOTATION_NAME = 63;

/** undefined: it was not rewritten, or the annotation belongs to another image. */
export function originalImage(
  image: string,
  container: string,
  isInit: boolean,
  annotations: Readonly<Record<string, string>>,
): string | undefined {
  const rest = /^localhost:\d+\/(.+)$/s.exec(image)?.[1];
  const original = annotations[annotationOf(container, isInit)];
  return rest !== undefined && original !== undefined && rest === behindProxy(original) ? original : undefined;
}

function annotationOf(container: string, isInit: boolean): string {
  const prefix = isInit ? 'original-init-image-' : 'original-image-';
  return (
    prefix +
    (prefix.length + container.length > MAX_ANNOTATION_NAME
      ? createHash('sha1').update(container).digest('hex')
      : container)
  );
}

/** As its webhook writes the name: the ":" in front of a port is no part of a path, so it becomes "-". */
function behindProxy(original: string): string {
  const [host = '', ...path] = original.split('/');
  return path.length === 0 || !host.includes(':') ? original : original.replaceAll(host, host.replaceAll(':', '-'));
}
