/** The programs of Kubernetes itself, with what each is told. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CertificateAuthority } from '../../sandbox/kube-api/tls/certificates.ts';
import type { Addresses, Place, Runtime } from './node.ts';

export interface Component {
  readonly name: string;
  readonly command: readonly string[];
}

interface Made extends Place {
  readonly addresses: Addresses;
  /** Writes a kubeconfig, and gives its file. */
  user(file: string, name: string, ...groups: string[]): Promise<string>;
}

export async function controlPlane(made: Made & { readonly ca: CertificateAuthority }): Promise<Component[]> {
  const { directory, programs, addresses, ca, user } = made;
  const accounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const serving = await ca.serving(addresses.node, addresses.service);
  const client = await ca.client('kube-apiserver', ['system:masters']);
  const file = (name: string, content: string): string => {
    const target = path.join(directory, name);
    writeFileSync(target, content, { mode: 0o600 });
    return target;
  };
  const caFile = file('ca.crt', ca.certPem);
  const accountKey = file('accounts.key', accounts.privateKey);
  const etcd = 'http://127.0.0.1:2379';
  return [
    {
      name: 'etcd',
      command: [
        programs.find('etcd'),
        ...['--data-dir', path.join(directory, 'etcd'), '--unsafe-no-fsync', '--log-level=error'],
        ...['--listen-client-urls', etcd, '--advertise-client-urls', etcd],
      ],
    },
    {
      name: 'kube-apiserver',
      command: [
        programs.find('kube-apiserver'),
        `--etcd-servers=${etcd}`,
        `--advertise-address=${addresses.node}`,
        // The port of the Service, whose cluster IP is an address of the node.
        '--secure-port=443',
        `--service-cluster-ip-range=${addresses.service.replace(/\d+$/, '0')}/24`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        `--client-ca-file=${caFile}`,
        `--tls-cert-file=${file('apiserver.crt', serving.certPem)}`,
        `--tls-private-key-file=${file('apiserver.key', serving.keyPem)}`,
        `--kubelet-client-certificate=${file('apiserver-client.crt', client.certPem)}`,
        `--kubelet-client-key=${file('apiserver-client.key', client.keyPem)}`,
        '--kubelet-preferred-address-types=InternalIP',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${file('accounts.pub', accounts.publicKey)}`,
        `--service-account-signing-key-file=${accountKey}`,
        '--allow-privileged=true',
      ],
    },
    {
      name: 'kube-controller-manager',
      command: [
        programs.find('kube-controller-manager'),
        `--kubeconfig=${await user('controller-manager', 'system:kube-controller-manager')}`,
        '--use-service-account-credentials',
        `--service-account-private-key-file=${accountKey}`,
        `--root-ca-file=${caFile}`,
        '--leader-elect=false',
      ],
    },
    {
      name: 'kube-scheduler',
      command: [
        programs.find('kube-scheduler'),
        `--kubeconfig=${await user('scheduler', 'system:kube-scheduler')}`,
        '--leader-elect=false',
      ],
    },
  ];
}

/** Services. Undefined without the program: then only that of the API server works. */
export async function kubeProxy({ directory, programs, user }: Made): Promise<Component | undefined> {
  const program = programs.optional('kube-proxy');
  if (program === undefined) return undefined;
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: NODE,
    clientConnection: { kubeconfig: await user('kube-proxy', 'system:kube-proxy') },
    // Limits of connections are the whole machine's: as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  const file = path.join(directory, 'kube-proxy.json');
  writeFileSync(file, JSON.stringify(configuration));
  return { name: 'kube-proxy', command: [program, `--config=${file}`] };
}

const NODE = 'node';

export async function kubelet(made: Made & { readonly name: string; readonly runtime: Runtime }): Promise<Component> {
  const { directory, programs, addresses, name, runtime, user } = made;
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path.join(directory, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${name}`,
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${runtime.socket}`,
    // A full disk of this machine is not what is tested.
    evictionHard: Object.fromEntries(
      ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available'].map((key) => [key, '0%']),
    ),
    imageGCHighThresholdPercent: 100,
    resolvConf: '',
    volumePluginDir: path.join(directory, 'volume-plugins'),
  };
  const file = path.join(directory, 'kubelet.json');
  writeFileSync(file, JSON.stringify(configuration));
  return {
    name: 'kubelet',
    command: [
      programs.find('kubelet'),
      `--config=${file}`,
      `--kubeconfig=${await user('kubelet', `system:node:${NODE}`, 'system:nodes')}`,
      `--root-dir=${path.join(directory, 'kubelet')}`,
      `--cert-dir=${path.join(directory, 'kubelet-pki')}`,
      `--hostname-override=${NODE}`,
      `--node-ip=${addresses.node}`,
    ],
  };
}
