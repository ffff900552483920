// The two forms that take credentials: a new shortcode, and other credentials for one that is there. Credentials are
// asked of M-PESA before they take the place of others: a wrong paste would stop every payment of the shortcode.

import type Router from '@koa/router';
import type Koa from 'koa';
import { testCredentialsOf } from '../mpesa/check-credentials.ts';
import { type Credentials, readCredentials, sealCredentials } from '../mpesa/manage-shortcodes.ts';
import { type Environment, findShortcodeAcrossTenants, type Shortcode } from '../mpesa/shortcode-store.ts';
import { type ApprovalKind, fact, kindNames } from './approval-kind.ts';
import { askApproval } from './approval-pages.ts';
import { readReason } from './audit-act.ts';
import {
  actingAs,
  choicesOf,
  type FormProblem,
  fieldsOf,
  mine,
  readTenantChoice,
  tenantChoices,
  tryForm,
} from './form-pages.ts';
import type { Form } from './session.ts';
import { type Asked, ask, flash, showPage } from './shell-pages.ts';
import { addShortcodeAs, credentialsState, replaceCredentialsAs } from './shortcode-acts.ts';
import { getMyShortcode, type ShortcodePageDeps } from './shortcode-pages.ts';
import { shortcodeName, testWords } from './shortcode-view.ts';

const secretFields = ['consumer_key', 'consumer_secret', 'passkey'] as const;

/** As they were pasted; never shown again, so a form that comes back asks for them anew. */
const credentialsIn = (form: Form): Record<string, string> =>
  Object.fromEntries(secretFields.map((name) => [name, form.get(name)]));

/** Registered before `/console/shortcodes/:id`, which would take `new` for an id. */
export function addShortcodeForms(router: Router, deps: ShortcodePageDeps): void {
  addNewShortcode(router, deps);
  addCredentials(router, deps);
}

function addNewShortcode(router: Router, deps: ShortcodePageDeps): void {
  const { sessions } = deps;
  const show = async (ctx: Koa.Context, asked: Asked, form?: Form, problems: FormProblem[] = []): Promise<void> => {
    if (problems.length > 0) ctx.status = 400;
    const { mode } = asked.scope;
    const environments =
      mode === 'live'
        ? ([['production', 'Production']] as const)
        : ([
            ['simulator', 'Simulator: no phone rings'],
            ['sandbox', 'Safaricom’s sandbox'],
          ] as const);
    const kinds = [
      ['paybill', 'Paybill: customers name an account'],
      ['till', 'Till (Buy Goods)'],
    ] as const;
    await showPage(deps, ctx, asked, 'shortcode-new', {
      title: 'Add a shortcode',
      f: fieldsOf(['shortcode', 'till'], form, problems),
      secrets: fieldsOf(secretFields, {}, problems),
      tenantChoices: tenantChoices(asked, form?.get('tenant')),
      kindChoices: choicesOf(kinds, form?.get('kind') ?? 'paybill'),
      environmentChoices: choicesOf(environments, form?.get('environment') ?? ''),
      isDefault: form?.get('default') === 'yes',
      problems,
    });
  };

  router.get('/console/shortcodes/new', sessions.guard('secrets'), async (ctx) => show(ctx, await ask(deps, ctx)));

  router.post('/console/shortcodes', sessions.guard('secrets'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const till = form.get('till').trim();
    const added = await tryForm(async () =>
      addShortcodeAs(deps, actingAs(deps, ctx), {
        tenantId: readTenantChoice(asked, form).id,
        mode: asked.scope.mode,
        kind: form.get('kind') === 'till' ? 'till' : 'paybill',
        shortcode: form.get('shortcode').trim(),
        till: till === '' ? null : till,
        environment: environmentOf(form.get('environment')),
        isDefault: form.get('default') === 'yes',
        credentials: credentialsIn(form),
      }),
    );
    if ('problems' in added) return show(ctx, asked, form, added.problems);
    flash(ctx, 'The shortcode is there and its credentials are sealed. Test them before the first payment.');
    ctx.redirect(`/console/shortcodes/${added.done.id}${asked.scope.query}`);
  });
}

function environmentOf(text: string): Environment | null {
  return (['simulator', 'sandbox', 'production'] as const).find((one) => one === text) ?? null;
}

function addCredentials(router: Router, deps: ShortcodePageDeps): void {
  const { sessions } = deps;
  const path = '/console/shortcodes/:id/credentials';
  const kind = replacementKind(deps);
  /** @param refusal what M-PESA said of those that were given; they may be saved all the same */
  const show = async (
    ctx: Koa.Context,
    { form, problems = [], refusal = null }: { form?: Form; problems?: FormProblem[]; refusal?: string | null } = {},
  ): Promise<void> => {
    const asked = await ask(deps, ctx);
    const shortcode = await getMyShortcode(deps, ctx, asked);
    if (problems.length > 0 || refusal !== null) ctx.status = 400;
    const self = `/console/shortcodes/${shortcode.id}`;
    await showPage(deps, ctx, asked, 'shortcode-credentials', {
      title: 'Replace the credentials',
      name: shortcodeName(shortcode),
      fingerprint: shortcode.credentialId,
      hrefs: { list: `/console/shortcodes${asked.scope.query}`, self: `${self}${asked.scope.query}` },
      action: `${self}/credentials${asked.scope.query}`,
      f: fieldsOf(['reason'], form, problems),
      secrets: fieldsOf(secretFields, {}, problems),
      refusal,
      problems,
    });
  };

  router.get(path, sessions.guard('secrets'), (ctx) => show(ctx));

  router.post(path, sessions.guard('secrets'), async (ctx) => {
    const form = await sessions.readForm(ctx);
    const asked = await ask(deps, ctx);
    const shortcode = await getMyShortcode(deps, ctx, asked);
    const given = await tryForm(async () => ({
      credentials: readCredentials(credentialsIn(form)),
      reason: readReason(form.get('reason')),
    }));
    if ('problems' in given) return show(ctx, { form, problems: given.problems });
    const { sealed, test } = await sealAndTest(deps, shortcode, given.done.credentials);
    const words = testWords(test);
    if (test.outcome === 'refused' && form.get('anyway') !== 'yes') return show(ctx, { form, refusal: words.text });
    await askApproval(deps, ctx, asked, kind, {
      kind: kindNames.credentials,
      tenantId: shortcode.tenantId,
      mode: shortcode.mode,
      subject: shortcode.id,
      stateKey: credentialsState(deps, shortcode),
      payload: { shortcode: shortcodeName(shortcode), fingerprint: sealed.credentialId, test: test.outcome },
      secret: JSON.stringify(given.done.credentials),
      reasonCode: 'credentials',
      reason: given.done.reason,
    });
  });
}

/** Asks M-PESA before anything is stored. */
async function sealAndTest(deps: ShortcodePageDeps, shortcode: Shortcode, credentials: Credentials) {
  const sealed = sealCredentials(deps, shortcode, credentials);
  return { sealed, test: await testCredentialsOf(deps, { ...shortcode, ...sealed }) };
}

const testOutcomes: Readonly<Record<string, string>> = {
  accepted: 'M-PESA took them',
  refused: 'M-PESA refuses them',
  notAnswered: 'M-PESA did not answer',
  notAsked: 'M-PESA was not asked',
};

export function replacementKind(deps: ShortcodePageDeps): ApprovalKind {
  return {
    outdatedWords: 'Its credentials were replaced while this waited. Nothing was done; ask again if need be.',
    whereOf: (asked, { subject }) => `/console/shortcodes/${subject}${asked.scope.query}`,
    async show(asked, { subject, payload, stateKey }) {
      const shortcode = mine(asked, 'shortcode', await findShortcodeAcrossTenants(deps.db, subject));
      const name = shortcodeName(shortcode);
      const tenant = asked.scope.tenants.find(({ id }) => id === shortcode.tenantId);
      return {
        title: `Approve: credentials of ${name}`,
        asks: `to replace the credentials of ${name}`,
        facts: [
          fact('Shortcode', name, { href: `/console/shortcodes/${shortcode.id}${asked.scope.query}` }),
          fact('Tenant', tenant?.name ?? shortcode.tenantId),
          fact('Fingerprint now', shortcode.credentialId, { isCode: true }),
          fact('Fingerprint then', String(payload.fingerprint), { isCode: true }),
          fact('Tested', testOutcomes[String(payload.test)] ?? '–'),
        ],
        reasonWords: null,
        approveWords: 'Approve: replace them',
        moved:
          credentialsState(deps, shortcode) === stateKey
            ? null
            : 'Its credentials were replaced since this was asked for.',
      };
    },
    perform: (trx, approved) => replaceCredentialsAs(deps, trx, approved),
  };
}
