// What an operator does about webhooks: send one again, try an endpoint, pause and enable it, send a window of the past
// again, rotate the secret. Each is the tenant's own use case with the operator written down beside it.

import type Router from '@koa/router';
import type Koa from 'koa';
import { AppError } from '../platform/errors.ts';
import type { Sealer } from '../platform/sealing.ts';
import type { Endpoint } from '../webhooks/endpoint.ts';
import { changeEndpoint, type EndpointDeps, rotateSecret, testEndpoint } from '../webhooks/manage-endpoints.ts';
import { longestReplayMs, overlap } from '../webhooks/policy.ts';
import { replayDeliveries } from '../webhooks/replay-deliveries.ts';
import { retryDelivery } from '../webhooks/retry-delivery.ts';
import { type ActDeps, auditAct } from './audit-act.ts';
import type { FormProblem } from './form-pages.ts';
import { readNairobi } from './payment-filter.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, type ShellDeps, showPage } from './shell-pages.ts';
import { actorOf } from './sign-in.ts';
import { getDelivery, getEndpoint } from './webhook-find.ts';

export interface WebhookActDeps {
  sealer: Sealer;
  webhooks: Pick<EndpointDeps, 'nudge' | 'targetRules'>;
}

type Deps = ShellDeps & ActDeps & WebhookActDeps;

const base = '/console/webhooks';
const hourMs = 3_600_000;
const windows = { hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs } as const;

export const replayWindows = [
  ['hour', 'hour'],
  ['day', '24 hours'],
  ['week', '7 days'],
] as const;

export const replayedOnly = [
  ['failed', 'What was given up'],
  ['all', 'Everything'],
] as const;

/** Shows an endpoint's page with what is wrong with a form on it. */
type ShowEndpoint = (
  ctx: Koa.Context,
  asked: Asked,
  endpoint: Endpoint,
  refused: { form: Form; problems: FormProblem[] },
) => Promise<void>;

export function addWebhookActs(router: Router, deps: Deps, showEndpoint: ShowEndpoint): void {
  const { sessions } = deps;

  router.post('/console/deliveries/:id/retry', sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const { delivery } = await getDelivery(deps, asked, String(ctx.params.id));
    const owner = { tenantId: delivery.tenantId, mode: delivery.mode as 'test' | 'live' };
    await act(deps, asked, ctx.ip, 'delivery.retried', owner.tenantId, delivery.id, (inside) =>
      retryDelivery(inside, owner, delivery.id),
    );
    flash(ctx, 'It is sent again now; load the page in a moment to see the answer.');
    ctx.redirect(`/console/deliveries/${delivery.id}${asked.scope.query}`);
  });

  router.post(`${base}/:id/test`, sessions.guard('act'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const ping = await act(deps, asked, ctx.ip, 'endpoint.tested', endpoint.tenantId, endpoint.id, (inside) =>
      testEndpoint(inside, endpoint, endpoint.id),
    );
    flash(ctx, endpoint.status === 'enabled' ? 'A ping is on its way.' : 'A ping waits until the endpoint is enabled.');
    ctx.redirect(`/console/deliveries/${ping.id}${asked.scope.query}`);
  });

  addEndpointActs(router, deps, showEndpoint);
}

function addEndpointActs(router: Router, deps: Deps, showEndpoint: ShowEndpoint): void {
  const { sessions } = deps;

  for (const status of ['enabled', 'paused'] as const)
    router.post(`${base}/:id/${status === 'enabled' ? 'enable' : 'pause'}`, sessions.guard('act'), async (ctx) => {
      await sessions.readForm(ctx);
      const asked = await ask(deps, ctx);
      const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
      const { released } = await act(
        deps,
        asked,
        ctx.ip,
        `endpoint.${status}`,
        endpoint.tenantId,
        endpoint.id,
        (inside) => changeEndpoint(inside, endpoint, endpoint.id, { status }),
      );
      flash(ctx, status === 'paused' ? 'Paused: what happens now is held.' : `Enabled; ${released ?? 0} held go out.`);
      ctx.redirect(urlOf(endpoint, asked));
    });

  router.post(`${base}/:id/replay`, sessions.guard('act'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const window = readWindow(form, deps.now());
    if ('problems' in window) return showEndpoint(ctx, asked, endpoint, { form, ...window });
    const only = form.get('only') === 'all' ? ('all' as const) : ('failed' as const);
    const { count } = await act(deps, asked, ctx.ip, 'endpoint.replayed', endpoint.tenantId, endpoint.id, (inside) =>
      replayDeliveries({ ...inside, wake: () => inside.nudge([endpoint.id]) }, endpoint, {
        ...window,
        types: null,
        only,
      }),
    );
    flash(ctx, `${count} will be sent again, beside what is new.`);
    ctx.redirect(urlOf(endpoint, asked));
  });

  router.post(`${base}/:id/rotate`, sessions.guard('secrets'), async (ctx) => {
    await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const endpoint = await getEndpoint(deps, asked, String(ctx.params.id));
    const { secret } = await act(
      deps,
      asked,
      ctx.ip,
      'endpoint.secret_rotated',
      endpoint.tenantId,
      endpoint.id,
      (inside) => rotateSecret(inside, endpoint, endpoint.id, overlap.defaultSeconds),
    );
    await showPage(deps, ctx, asked, 'webhook-secret', {
      title: 'The new secret',
      secret,
      back: urlOf(endpoint, asked),
    });
  });
}

/** Of the last hour, day or week; or between two times of Nairobi, as far apart as the API lets them be. */
function readWindow(form: Form, now: number): { since: number; until: number } | { problems: FormProblem[] } {
  const [from, to] = [form.get('from').trim(), form.get('to').trim()];
  if (from === '' && to === '') {
    const length = Object.hasOwn(windows, form.get('window'))
      ? windows[form.get('window') as keyof typeof windows]
      : null;
    if (length === null) throw new AppError('invalid_request', 'Choose how far back to go.');
    return { since: now - length, until: now };
  }
  const [since, until] = [readNairobi(from), to === '' ? now : readNairobi(to)];
  const wrong = 'Write a day and a time, such as 2026-10-06 14:15.';
  const problems = [
    ...(since === null ? [{ name: 'from', detail: wrong }] : []),
    ...(until === null ? [{ name: 'to', detail: wrong }] : []),
  ];
  if (since === null || until === null) return { problems };
  if (until <= since) return { problems: [{ name: 'to', detail: 'The end is later than the beginning.' }] };
  if (until - since > longestReplayMs)
    return { problems: [{ name: 'from', detail: 'At most 30 days at once. Send them in several parts.' }] };
  return { since, until };
}

/** Does it and writes it down in one transaction; workers are nudged when both are durable. */
async function act<T>(
  deps: Deps,
  { visitor }: Asked,
  ip: string,
  action: string,
  tenantId: string,
  target: string,
  work: (inside: EndpointDeps) => Promise<T>,
): Promise<T> {
  const nudged: string[] = [];
  const result = await auditAct(deps, { actor: actorOf(visitor.operator), ip }, async (trx) => {
    const nudge = (ids: readonly string[]): void => void nudged.push(...ids);
    const done = await work({ ...deps, db: trx, targetRules: deps.webhooks.targetRules, nudge });
    return { result: done, entry: { action, tenantId, target } };
  });
  deps.webhooks.nudge(nudged);
  return result;
}

const urlOf = ({ id }: Endpoint, { scope }: Asked): string => `${base}/${id}${scope.query}`;
