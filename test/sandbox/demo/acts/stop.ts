/** SIGTERM: running writes finish, and the Lease is released, so that another replica can lead at once. */
import type { Act } from '../act.ts';
import { expectEqual } from '../expect.ts';

export const stop: Act = {
  title: 'The controller is told to stop',
  async play({ cluster, controller, tell }) {
    const { code, ms } = await controller.stop();
    tell.does(`kill -TERM ${controller.pid}`);
    expectEqual(code, 0, 'the exit status of the controller');
    expectEqual(await cluster.leaseHolder(), '', 'the holder of the Lease');
    tell.holds('exit status 0, the Lease is given back', ms);
  },
};
