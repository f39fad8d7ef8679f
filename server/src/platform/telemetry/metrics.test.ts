import { expect, test } from 'vitest';
import { createMetrics } from './index.ts';

test('a request is counted under its route template, with the time it took', async () => {
  const metrics = createMetrics();
  metrics.observeRequest({ method: 'GET', route: '/api/v1/auth/devices/:id', status: 200, seconds: 0.003 });
  const text = await metrics.text();
  expect(text).toContain(
    'alcove_http_request_seconds_bucket{le="0.005",method="GET",route="/api/v1/auth/devices/:id",status="200"} 1',
  );
  expect(text).toContain('process_resident_memory_bytes');
});

test('a gauge shows the figure of the moment it is asked', async () => {
  const metrics = createMetrics();
  let open = 1;
  metrics.gauge('alcove_vaults_open', 'Vaults held open.', () => open);
  expect(await metrics.text()).toContain('alcove_vaults_open 1');
  open = 7;
  expect(await metrics.text()).toContain('alcove_vaults_open 7');
});

test('two servers in one process do not mix their figures', async () => {
  const [first, second] = [createMetrics(), createMetrics()];
  first.counter('alcove_pushes_total', 'Pushes.', []).inc();
  second.counter('alcove_pushes_total', 'Pushes.', []).inc(2);
  expect(await first.text()).toContain('alcove_pushes_total 1');
  expect(await second.text()).toContain('alcove_pushes_total 2');
});
