/** `pullpass rbac --network-policy`: prints a NetworkPolicy for the controller's pods. */
import { Document, isMap } from 'yaml';
import type { Configuration } from '../config/schema.ts';
import { DNS_PORTS, egressOf } from '../plan/egress.ts';
import { LABELS, printStream } from './manifest-text.ts';

const HEADER = `\
# Whom the controller may talk to for one configuration, and who may talk to it, as printed by \`pullpass rbac --network-policy\`.
# Print it again when a cache proxy, an alias or \`registries\` change. A port that only the Secret of a source names, that of an HTTP proxy,
# and that of an API server elsewhere than on 443 and 6443 is added by \`--egress-ports\`.
`;

interface NetworkOptions {
  /** Of the controller. */
  readonly namespace: string;
  /** More to let through, to anywhere. */
  readonly ports?: readonly number[];
}

/** A YAML stream; the same configuration gives the same text on every machine. */
export function renderNetworkPolicy(configuration: Configuration, options: NetworkOptions): string {
  const { ports, namespaces } = egressOf(configuration, options);
  const rules = [
    {
      why: ' DNS; 5353 is where the pods of OpenShift listen for it.',
      rule: { ports: DNS_PORTS.flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol }))) },
    },
    {
      why: ' The API server, on the network of the nodes, and registries, which no selector reaches: by port.',
      rule: { ports: ports.map((port) => ({ port, protocol: 'TCP' })) },
    },
    {
      why: ' Cache proxies in the cluster, on all ports: a policy sees the port of the pod, which only its Service knows.',
      rule: {
        to: namespaces.map((name) => ({
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
        })),
      },
    },
  ].slice(0, namespaces.length === 0 ? 2 : 3);
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'pullpass', namespace: options.namespace, labels: LABELS },
    spec: {
      podSelector: { matchLabels: LABELS },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 'http', protocol: 'TCP' }] }],
      egress: rules.map(({ rule }) => rule),
    },
  };
  const document = new Document(policy, { aliasDuplicateObjects: false });
  comment(document, ['ingress', 0], ' Probes come from the node, metrics from wherever Prometheus runs.');
  rules.forEach(({ why }, i) => comment(document, ['egress', i], why));
  return HEADER + printStream([document]);
}

function comment(document: Document, path: readonly (string | number)[], text: string): void {
  const node = document.getIn(['spec', ...path]);
  if (isMap(node)) node.commentBefore = text;
}
