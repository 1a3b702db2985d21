/** URLs as Go reads them: from the tables of its own tests (net/url/url_test.go, net/ip_test.go), with hosts of registries. */
import { expect, test } from 'vitest';
import { toByteString, toText } from '../../src/credentials/byte-string.ts';
import { parseUrl, splitHostPort } from '../../src/credentials/go-url.ts';

test.each([
  ['http://quay.io', 'quay.io', ''],
  ['http://quay.io/', 'quay.io', '/'],
  ['http://quay.io/file%20one%26two', 'quay.io', '/file one&two'],
  ['http://quay.io/a%2', undefined],
  ['http://quay.io/?q=a+b#c?d', 'quay.io', '/'],
  ['http://quay.io?q=/a', 'quay.io', ''],
  ['http://quay.io#a/b', 'quay.io', ''],
  ['http://quay.io#%zz', undefined],
  ['http://user@quay.io', 'quay.io', ''],
  ['http://user:p%20w@quay.io:29/a@b', 'quay.io:29', '/a@b'],
  ['http://a@b@quay.io', 'quay.io', ''],
  ['http://us er@quay.io', undefined],
  ['http://us%zzer@quay.io', undefined],
  ['http://quay io', undefined],
  ['http://quay.io/\u0001', undefined],
  ['http://quay.io/\u007f', undefined],
  ['http://quay.io:', 'quay.io:', ''],
  ['http://quay.io:5000', 'quay.io:5000', ''],
  ['http://quay.io:http', undefined],
  ['http://quay.io:50:60', undefined],
  ['http://:80', ':80', ''],
  ['http://:x', undefined],
  ['http://', '', ''],
  ['quay.io', undefined],
  ['http://hello.世界.com/foo', 'hello.世界.com', '/foo'],
  ['http://hello.%e4%b8%96%e7%95%8c.com/foo', 'hello.世界.com', '/foo'],
  ['http://%41:8080/', undefined],
  ['http://%25', '%', ''],
  ['http://[::1]', '[::1]', ''],
  ['http://[::1]:80/a', '[::1]:80', '/a'],
  ['http://[::1]:', '[::1]:', ''],
  ['http://[fe80::1%25en0]:8080/', '[fe80::1%en0]:8080', '/'],
  ['http://[fe80::1%25%65%6e%301-._~]/', '[fe80::1%en01-._~]', '/'],
  ['http://[fe80::1%25a%20b]', '[fe80::1%a b]', ''],
  ['http://[::1%25%41]', '[::1%A]', ''],
  ['http://[::1%25%25]', '[::1%%]', ''],
  ['http://[::1%25]', undefined],
  ['http://[::1%25a%2fb]', undefined],
  ['http://[::1%25%e4]', undefined],
  ['http://[::1%25ä]', '[::1%ä]', ''],
  ['http://[::1]:namedport', undefined],
  ['http://[::1]a', undefined],
  ['http://[::1]%23', undefined],
  ['http://[::1]:%38%30', undefined],
  ['http://[%10::1]', undefined],
  ['http://[::1', undefined],
  ['http://::1]', undefined],
  ['http://a[::1]', undefined],
  ['http://[a[::1]', undefined],
  ['http://[]', undefined],
  ['http://[abc]', undefined],
  ['http://[192.0.2.1]', undefined],
])('%s', (url, host, path?: string) => {
  const read = parseUrl(toByteString(url));
  expect(read && { host: toText(read.host), path: toText(read.path) }).toEqual(
    host === undefined ? undefined : { host, path },
  );
});

test.each([
  '::',
  '::1',
  '1::',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7::',
  '2001:db8::68',
  'ABCD:ef01::',
  '::ffff:192.0.2.1',
  '1:2:3:4:5:6:192.0.2.1',
  '::255.255.255.255',
])('%s is an address', (address) => {
  expect(parseUrl(`http://[${address}]`)?.host).toBe(`[${address}]`);
});

test.each([
  ':',
  ':::',
  '1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '1::2::3',
  '12345::',
  '::g',
  '1:',
  ':1',
  '::ffff:192.0.2',
  '::ffff:192.0.2.256',
  '::ffff:192.0.2.01',
  '::ffff:192.0.2.1:1',
  '1:2:3:4:5:6:7:192.0.2.1',
])('%s is none', (address) => {
  expect(parseUrl(`http://[${address}]`)).toBeUndefined();
});

test.each([
  ['quay.io', 'quay.io', ''],
  ['quay.io:5000', 'quay.io', '5000'],
  ['quay.io:', 'quay.io', ''],
  [':5000', '', '5000'],
  ['[::1]:5000', '::1', '5000'],
  ['[::1]', '[::1]', ''],
  ['::1', '::1', ''],
  ['a:b:5000', 'a:b:5000', ''],
  ['[::1]x:5000', '[::1]x:5000', ''],
  ['a[b:5000', 'a[b:5000', ''],
  ['a]:5000', 'a]:5000', ''],
])('%s is split into host %j and port %j', (text, host, port) => {
  expect(splitHostPort(text)).toEqual({ host, port });
});
