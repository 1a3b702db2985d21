/** The program with the variables of an egress proxy: registries go there, the API server only if its kubeconfig says so. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { PROGRAM } from '../program.ts';
import { ok, right, scripted } from '../registry/checking.ts';
import { startEgressProxy } from '../sandbox/egress-proxy.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';

function pullpass(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { env: { PATH: process.env['PATH'], HOME: '/nonexistent', NO_COLOR: '1', ...env } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

async function setUp() {
  const folder = mkdtempSync(path.join(tmpdir(), 'pullpass-egress-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const put = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const authority = await createCertificateAuthority('corp');
  const registry = await scripted(
    ({ authorization }) =>
      authorization === `Basic ${Buffer.from(`${right.username}:${right.password}`).toString('base64')}`
        ? ok
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
    await authority.serving('registry.test'),
  );
  const cluster = await startSandbox();
  onTestFinished(() => cluster.stop());
  const port = new URL(cluster.url).port;
  const proxy = await startEgressProxy({
    login: 'way-out:w0rd',
    routes: { 'registry.test:443': registry.host, [`0.0.0.0:${port}`]: `127.0.0.1:${port}` },
  });
  onTestFinished(() => proxy.stop());

  const direct = connect(loadKubeConfig({ kubeconfig: put('admin', cluster.adminKubeconfig()) }));
  onTestFinished(() => direct.close());
  const client = createClient(direct);
  await client.create('/api/v1/namespaces', { metadata: { name: 'pullpass-system' } });
  await client.create('/api/v1/namespaces/pullpass-system/secrets', {
    metadata: { name: 'hub' },
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'registry.test': right } })).toString('base64'),
    },
  });
  const config = put(
    'config.yaml',
    stringify({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'hub-copy' }],
      registries: [{ host: 'registry.test', ca: authority.certPem }],
    }),
  );
  /** 0.0.0.0 leads to this machine, but is not loopback: such an address may go to a proxy. */
  const kubeconfig = (more: object = {}): string => {
    const document = parse(cluster.adminKubeconfig()) as { clusters: { cluster: object }[] };
    const [one] = document.clusters;
    if (one === undefined) throw new Error('no cluster');
    one.cluster = { ...one.cluster, server: `https://0.0.0.0:${port}`, 'tls-server-name': 'localhost', ...more };
    return put('kubeconfig', stringify(document));
  };
  const url = proxy.url.replace('://', '://way-out:w0rd@');
  return { proxy, config, kubeconfig, url, port };
}

test('verify asks a registry through HTTPS_PROXY, and the API server never', async () => {
  const { proxy, config, kubeconfig, url } = await setUp();
  for (const variables of [
    { HTTPS_PROXY: url, HTTP_PROXY: url },
    { https_proxy: url, HTTPS_PROXY: '' },
  ]) {
    const { code, out, err } = await pullpass(['verify', '--config', config, '--kubeconfig', kubeconfig()], variables);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('All 1 good.');
  }
  expect(new Set(proxy.targets)).toEqual(new Set(['registry.test:443']));
});

test('what NO_PROXY lists is not asked there', async () => {
  const { proxy, config, kubeconfig, url } = await setUp();
  const { out } = await pullpass(['verify', '--config', config, '--kubeconfig', kubeconfig()], {
    HTTPS_PROXY: url,
    no_proxy: '.test',
  });
  expect(out).toContain('unknown');
  expect(proxy.authorizations).toEqual([]);
});

test('a proxy-url in the kubeconfig is for the API server alone', async () => {
  const { proxy, config, kubeconfig, url, port } = await setUp();
  const { out } = await pullpass(['verify', '--config', config, '--kubeconfig', kubeconfig({ 'proxy-url': url })], {});
  expect(out).toContain('unknown');
  expect(new Set(proxy.targets)).toEqual(new Set([`0.0.0.0:${port}`]));
});

test('a malformed URL of a proxy is one line at the start, without its password', async () => {
  const { config, kubeconfig } = await setUp();
  for (const command of ['verify', 'controller']) {
    const { code, out, err } = await pullpass([command, '--config', config, '--kubeconfig', kubeconfig()], {
      HTTPS_PROXY: 'socks5://way-out:w0rd@proxy.corp',
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^pullpass: HTTPS_PROXY is not usable: only http:\/\/ and https:\/\/ proxies[^\n]*\n$/);
    expect(err).not.toContain('w0rd');
  }
});
