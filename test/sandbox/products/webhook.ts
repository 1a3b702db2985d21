/** A receiver of Pullpass webhooks, written from the documentation: checks signature, age and repetition, and keeps the login. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type Call, jsonOf, type ProductServer, type Reply, serveProduct, type Tls } from './server.ts';

const delivery = z.strictObject({
  proxy: z.string(),
  registry: z.string(),
  username: z.string(),
  password: z.string(),
  id: z.uuid(),
  timestamp: z.number().int(),
});
export type Delivery = z.output<typeof delivery>;

export interface FakeReceiver extends ProductServer {
  key: string;
  readonly refused: Set<string>;
  /** Accepted, oldest first. */
  readonly deliveries: Delivery[];
  readonly violations: string[];
}

export async function startReceiver(tls?: Tls): Promise<FakeReceiver> {
  const violations: string[] = [];
  const deliveries: Delivery[] = [];
  const refused = new Set<string>();
  const server = await serveProduct(answer, tls);
  const receiver: FakeReceiver = Object.assign(server, { key: 'admin-key-1', refused, deliveries, violations });

  function answer(call: Call): Reply {
    if (`${call.method} ${call.path}` !== 'POST /hooks/pullpass') return { status: 404 };
    const timestamp = Number(call.headers['x-pullpass-timestamp']);
    const expected = Buffer.from(
      `sha256=${createHmac('sha256', receiver.key).update(`${timestamp}.${call.body}`).digest('hex')}`,
    );
    const given = Buffer.from(String(call.headers['x-pullpass-signature']));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { status: 401 };
    if (Math.abs(Date.now() - timestamp) > 300_000) return { status: 401 };
    const parsed = delivery.safeParse(jsonOf(call));
    if (!parsed.success || parsed.data.timestamp !== timestamp || call.headers.authorization !== undefined) {
      violations.push('a delivery that is not as documented');
      return { status: 400 };
    }
    if (deliveries.some(({ id }) => id === parsed.data.id)) return { status: 204 };
    if (refused.has(parsed.data.password)) return { status: 422 };
    deliveries.push(parsed.data);
    return { status: 204 };
  }
  return receiver;
}
