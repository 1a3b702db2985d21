/** What may happen between any called product and its adapter, beyond the conformance suite. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { HttpError } from '../../src/registry/http-error.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { Call, ProductServer, Trouble } from '../sandbox/products/server.ts';
import { serveProduct } from '../sandbox/products/server.ts';
import { createCertificateAuthority, type CertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { ADMIN, expectQuiet, failureOf, type Play, type Stage, stage, upstreamLogin } from './called-product.ts';

const PASSWORD = 'pw-of-hostile-tests';
const login = upstreamLogin(PASSWORD);

export function describeHostile(name: string, play: Play): void {
  describe(`${name}, when things go wrong:`, () => {
    let it: Stage;
    let secrets: string[];
    beforeEach(async () => {
      it = await stage(play);
      const admin = Object.values(it.secrets.values().next().value ?? {});
      secrets = [PASSWORD, `robot:${PASSWORD}`, admin.join(':'), ...admin.filter((value) => value !== 'pullpass')];
    });
    afterEach(async () => it.stop());

    /** Applies and verifies: neither may succeed, change anything or tell anything. */
    const bothFail = async (): Promise<Error> => {
      const error = await failureOf(it.proxy.apply(login, it.context), ...secrets);
      const verdict = await it.proxy.verify?.(login, it.context);
      if (verdict !== undefined) {
        expect(verdict.state).toBe('unknown');
        expectQuiet(verdict.why, ...secrets);
        expect(verdict.why).not.toMatch(/[\r\n]/);
      }
      expect(await it.holds()).toBeUndefined();
      expect(it.writes()).toBe(0);
      return error;
    };

    describe('a redirect', () => {
      let thief: ProductServer;
      beforeEach(async () => {
        thief = await serveProduct(() => ({ status: 200, body: {} }));
      });
      afterEach(async () => thief.goDown());

      test.each([301, 302, 303, 307, 308])(
        '%i to another host is not followed, with or without the login',
        async (status) => {
          it.server.trouble = ({ path }) => ({ status, headers: { location: `${thief.url}${path}` } });
          await bothFail();
          expect(thief.calls).toEqual([]);
        },
      );
    });

    const PAGES: Record<string, (call: Call) => Trouble> = {
      'a body without end': () => ({ status: 200, body: ' '.repeat(3_000_000) }),
      'a web page with status 200': () => ({
        status: 200,
        body: '<html>Welcome</html>',
        headers: { 'content-type': 'text/html; charset=utf-8' },
      }),
      'a page of errors that repeats the request': ({ headers, body }) => ({
        status: 500,
        body: `${JSON.stringify(headers)}\n${body}`,
      }),
      'JSON errors that repeat the request': ({ headers, body }) => ({
        status: 422 + (body.length % 2),
        body: { errors: [{ code: body, message: headers.authorization }] },
      }),
      'a header that repeats the request': ({ headers, body }) => ({
        status: 302,
        headers: {
          location: `http://${Buffer.from(`${headers.authorization ?? ''}${body}`).toString('hex')}.invalid/`,
        },
      }),
      'a connection that is cut': () => 'cut',
    };
    test.each(Object.keys(PAGES))('%s is an error in one line that repeats nothing', async (kind) => {
      it.server.trouble = (call) => PAGES[kind]?.(call);
      await bothFail();
    });

    test('an answer that does not come is waited for as long as the client allows', async () => {
      it.server.trouble = () => 'hang';
      const http = createHttpClient({ requestMs: 100 });
      const error = await failureOf(it.proxy.apply(login, { ...it.context, http }), ...secrets);
      await http.close();
      expect(error).toMatchObject({ name: 'HttpError', failure: 'timeout' });
    });

    test.each([401, 403])(
      "%i with a page that echoes our headers: the administrator's login is named, not shown",
      async (status) => {
        it.server.trouble = ({ headers }) => ({
          status,
          body: JSON.stringify(headers),
          headers: { 'content-type': 'text/html' },
        });
        const error = await bothFail();
        expect(error).toBeInstanceOf(LoginRefusedError);
        expect(error.message).toContain(`Secret "${ADMIN.namespace}/${ADMIN.name}"`);
        expect(error.message).toContain(`HTTP ${status}`);
        expect(error.message).not.toContain('upstream');
      },
    );

    test("a missing administrator's Secret is a line that names it", async () => {
      it.secrets.clear();
      const error = await bothFail();
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toContain(`"${ADMIN.namespace}/${ADMIN.name}"`);
      expect(it.server.calls).toEqual([]);
    });

    test("an administrator's Secret without a key, or with an empty one, is a line that names Secret and key", async () => {
      const [complete] = it.secrets.values();
      for (const key of Object.keys(complete ?? {})) {
        for (const data of [
          { ...complete, [key]: '' },
          Object.fromEntries(Object.entries(complete ?? {}).filter(([other]) => other !== key)),
        ]) {
          it.secrets.set(`${ADMIN.namespace}/${ADMIN.name}`, data);
          const error = await bothFail();
          expect(error).toBeInstanceOf(UserError);
          expect(error.message).toContain(`Secret "${ADMIN.namespace}/${ADMIN.name}" lacks the key`);
          expect(error.message).toContain(`"${key}"`);
        }
      }
      expect(it.server.calls).toEqual([]);
    });

    test.each(['cut', 'lose'] as const)(
      'a product that restarts in the middle (%s) is set right by the next try',
      async (kind) => {
        await it.proxy.apply(upstreamLogin('pw-before'), it.context);
        const steps = it.server.calls.length;
        for (let step = 1; step <= steps; step++) {
          let seen = 0;
          it.server.trouble = () => (++seen === step ? kind : undefined);
          const next = upstreamLogin(`pw-after-${step}`);
          await it.proxy.apply(next, it.context).catch((error: unknown) => expect(error).toBeInstanceOf(HttpError));
          it.server.trouble = undefined;
          await it.proxy.apply(next, it.context);
          expect(await it.holds()).toEqual({ username: 'robot', password: next.password });
        }
      },
    );

    test('two applies of one login at the same time end with it', async () => {
      await Promise.all([it.proxy.apply(login, it.context), it.proxy.apply(login, it.context)]);
      expect(await it.holds()).toEqual({ username: 'robot', password: PASSWORD });
    });

    test('two applies of different logins at the same time end with one of them, whole', async () => {
      const logins = ['one', 'two'].map((user) => upstreamLogin(`pw-of-${user}`, { username: user }));
      await Promise.allSettled(logins.map((each) => it.proxy.apply(each, it.context)));
      expect(logins.map(({ username, password }) => ({ username, password }))).toContainEqual(await it.holds());
    });

    test('a cancelled apply asks nothing more', async () => {
      const error = await failureOf(it.proxy.apply(login, { ...it.context, signal: AbortSignal.abort() }), ...secrets);
      expect(error).toBeInstanceOf(HttpError);
      expect(it.server.calls).toEqual([]);
    });

    test('sends no cookie, whatever it was given', async () => {
      await it.proxy.apply(login, it.context);
      await it.proxy.apply(login, it.context);
      expect(it.server.calls.filter(({ headers }) => headers.cookie !== undefined)).toEqual([]);
    });
  });

  describe(`${name} over https:`, () => {
    let authority: CertificateAuthority;
    let other: CertificateAuthority;
    beforeAll(async () => {
      [authority, other] = await Promise.all([
        createCertificateAuthority('right'),
        createCertificateAuthority('wrong'),
      ]);
    });

    test('the right CA lets it through', async () => {
      const it = await stage(play, { tls: await authority.serving(), ca: authority.certPem });
      await it.proxy.apply(login, it.context);
      expect(await it.holds()).toEqual({ username: 'robot', password: PASSWORD });
      await it.stop();
    });

    test.each(['another CA', 'no CA'])('%s stops it before anything is sent', async (kind) => {
      const it = await stage(play, {
        tls: await authority.serving(),
        ...(kind === 'another CA' && { ca: other.certPem }),
      });
      const error = await failureOf(it.proxy.apply(login, it.context), PASSWORD);
      expect(error.message).toContain('certificate is not trusted');
      expect(it.server.calls).toEqual([]);
      await it.stop();
    });
  });
}
