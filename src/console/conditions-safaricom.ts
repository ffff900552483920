// Conditions between us and M-PESA: prompts that are not answered, settings that are refused, callbacks that do not come,
// payments nobody is sure about for too long. Each says why the fault is likely where it says it is: what the other
// shortcodes do in the same minutes is the best witness.

import { type FailureCode, failureCatalogue } from '../payments/failures.ts';
import { isSettings } from '../payments/hourly-stats.ts';
import { numberText } from '../platform/render.ts';
import {
  answeringOf,
  answerMs,
  type PushTrouble,
  readPushTrouble,
  readSettingsRefusals,
  type SettingsRefusal,
} from './conditions-pushes.ts';
import { type KnownShortcode, overdueMs } from './conditions-store.ts';
import {
  type Condition,
  counted,
  namesOf,
  type Snapshot,
  shortcodeName,
  sumOf,
  sumWaiting,
  waitingLine,
  waitingWords,
} from './conditions-words.ts';
import { at, clockWords, kes, type Part, say, strong } from './payment-words.ts';

const minuteMs = 60_000;

export function safaricomConditions(snapshot: Snapshot): Condition[] {
  const pushes = failingPushes(snapshot);
  const troubled = new Set(pushes.flatMap(({ shortcodeIds }) => shortcodeIds));
  return [
    ...pushes,
    ...refusedSettings(snapshot),
    ...missingCallbacks(snapshot, troubled),
    ...unknownForLong(snapshot),
  ];
}

type Troubled = KnownShortcode & { trouble: PushTrouble };

function failingPushes(snapshot: Snapshot): Condition[] {
  const { shortcodes, pushes, lastAccepted, now } = snapshot;
  const minutesOf = (id: string) => pushes.filter(({ shortcodeId }) => shortcodeId === id);
  const troubled = shortcodes.flatMap((shortcode): Troubled[] => {
    const trouble = readPushTrouble(minutesOf(shortcode.id), lastAccepted.get(shortcode.id) ?? null, now);
    return trouble === null ? [] : [{ ...shortcode, trouble }];
  });
  const isBusy = ({ id }: KnownShortcode): boolean =>
    minutesOf(id).some((minute) => answeringOf(minute) === 'answered' && minute.lastAt > now - 15 * minuteMs);
  const fine = shortcodes.filter((one) => !troubled.some(({ id }) => id === one.id) && isBusy(one));
  const fineMs = answerMs(pushes.filter(({ shortcodeId }) => fine.some(({ id }) => id === shortcodeId)));
  const groups = troubled.length > 1 && fine.length === 0 ? [troubled] : troubled.map((one) => [one]);
  return groups.map((group) => failingPush(snapshot, group, { count: fine.length, ms: fineMs }));
}

function failingPush(
  snapshot: Snapshot,
  group: readonly Troubled[],
  fine: { count: number; ms: number | null },
): Condition {
  const ids = group.map(({ id }) => id);
  const sums = sumWaiting(snapshot.waiting, ids);
  const { way } = group[0]!.trouble;
  const isSilent = group.every(({ trouble }) => trouble.isSilent);
  const since = Math.min(...group.map(({ trouble }) => trouble.since));
  const where = group.length > 1 ? `all ${group.length} shortcodes` : shortcodeName(group[0]!);
  const isPaused = isSilent && sums.held.count > 0;
  const paused = isSilent ? ' Prompts paused; Lango tries again by itself.' : '';
  const owner = namesOf(
    snapshot.tenants,
    group.map(({ tenantId }) => tenantId),
  );
  return {
    kind: 'pushes_failing',
    tone: 'bad',
    title: pushTitle(group, where, isSilent),
    since,
    meaning: `${waitingLine(sums)}${paused}`,
    diagnosis: pushDiagnosis(way, group.length, fine),
    affected: say`${owner}: ${waitingWords(sums)}`,
    risk: riskOf(sums.sent, sums.held),
    advice: pushAdvice(way, isPaused, since),
    link: {
      path: '/console/payments',
      query: { view: 'waiting', ...(group.length === 1 ? { shortcode: group[0]!.storeNumber } : {}) },
      words: 'See what waits',
    },
    shortcodeIds: ids,
    kes: sums.held.kes + sums.sent.kes,
    tell: tellAboutPushes(snapshot, group),
  };
}

function pushTitle(group: readonly Troubled[], where: string, isSilent: boolean): string {
  const { way } = group[0]!.trouble;
  if (!isSilent) {
    const tries = sumOf(group, ({ trouble }) => trouble.tries);
    const errors = sumOf(group, ({ trouble }) => trouble.errors);
    return `Safaricom fails ${Math.round((errors / tries) * 100)}\u00a0% of the prompts for ${where}`;
  }
  if (way === 'unreachable') return `Safaricom cannot be reached for ${where}`;
  if (way === 'slowed') return `Safaricom takes no prompts for ${where} at the moment`;
  return way === 'refusing' ? `Safaricom answers with errors for ${where}` : `Safaricom is not answering for ${where}`;
}

function pushDiagnosis(way: PushTrouble['way'], count: number, fine: { count: number; ms: number | null }): Part[] {
  if (fine.count > 0) {
    const others = fine.count === 1 ? 'The other one is' : `The other ${fine.count} are`;
    const inTime = fine.ms === null ? '' : ` in ${(fine.ms / 1000).toFixed(1)}\u00a0s`;
    return say`Safaricom’s, for ${count === 1 ? 'this shortcode' : 'these shortcodes'} only: our network is fine. ${others} answered${inTime}. If it lasts, check this one’s credentials.`;
  }
  if (way === 'unreachable')
    return say`Our network’s, or Safaricom’s: no connection or no token is to be had, for any shortcode. Try to open a page of Safaricom’s from this server.`;
  if (way === 'slowed')
    return say`Safaricom’s: it says there are too many requests. Lango has halved its pace and gives it back step by step.`;
  return count > 1
    ? say`Safaricom’s: no shortcode gets through, and the connection itself is made.`
    : say`Safaricom’s, or this shortcode’s: no other shortcode sends prompts now, so there is nothing to compare it with.`;
}

function riskOf(sent: { count: number; kes: number }, held: { count: number }): Part[] {
  const rest = held.count === 0 ? '' : ` The other ${numberText(held.count)} were not sent; no money moved.`;
  if (sent.count === 0) return say`No. Nothing that waits was sent; no money moved.`;
  return say`${strong(`${counted(sent.count, 'payment')}, ${kes(sent.kes)}`)}: the prompt may have reached the phone. They stay “not sure yet”, never “failed”.${rest}`;
}

function pushAdvice(way: PushTrouble['way'], isPaused: boolean, since: number): Part[] {
  const resumes = isPaused ? 'Prompts resume by themselves.' : 'Lango goes on by itself.';
  if (way === 'slowed')
    return say`Nothing now. ${resumes} If it comes back every day, ask Safaricom for a higher limit.`;
  return say`Nothing now. Do not send anything again. ${resumes} If it lasts past ${at(since + 30 * minuteMs)}, call M-PESA business support with the lines below.`;
}

function tellAboutPushes({ now }: Snapshot, group: readonly Troubled[]): string[] {
  return group.map(({ trouble, ...shortcode }) => {
    const last = trouble.lastAnsweredAt === null ? '' : ` Last answer ${clockWords(trouble.lastAnsweredAt, now)} EAT.`;
    const since = clockWords(trouble.since, now);
    return `${shortcodeName(shortcode)} (${shortcode.storeNumber}): POST /mpesa/stkpush/v1/processrequest, ${trouble.errors} of ${trouble.tries} failed (${trouble.way}) since ${since} EAT.${last}`;
  });
}

const refusalTitles: Readonly<Partial<Record<string, string>>> = {
  invalid_credentials: 'M-PESA refuses the credentials of',
  merchant_limit_reached: 'M-PESA says the account is full of',
  callback_url_refused: 'M-PESA refuses our callback address for',
};

/** Refused, and nothing taken since; or taken, and then every result blames the settings. */
function refusedSettings(snapshot: Snapshot): Condition[] {
  const { shortcodes, pushes, lastAccepted, outcomes } = snapshot;
  return shortcodes.flatMap((shortcode): Condition[] => {
    const own = pushes.filter(({ shortcodeId }) => shortcodeId === shortcode.id);
    const refusal = readSettingsRefusals(own, lastAccepted.get(shortcode.id) ?? null);
    if (refusal !== null) return [refusedSetting(snapshot, shortcode, refusal)];
    const ended = outcomes.filter(({ shortcodeId }) => shortcodeId === shortcode.id);
    const blamed = ended.filter(({ failureCode }) => isSettings(failureCode) && failureCode !== 'invalid_request');
    const count = sumOf(blamed, (one) => one.count);
    if (count < 3 || ended.some(({ outcome }) => outcome === 'succeeded')) return [];
    const code = blamed[0]!.failureCode;
    return [refusedSetting(snapshot, shortcode, { code, count, firstAt: null })];
  });
}

function refusedSetting(
  { waiting, tenants, now }: Snapshot,
  shortcode: KnownShortcode,
  { code, count, firstAt }: Pick<SettingsRefusal, 'code' | 'count'> & { firstAt: number | null },
): Condition {
  const sums = sumWaiting(waiting, [shortcode.id]);
  const name = shortcodeName(shortcode);
  const since = firstAt === null ? '' : ` since ${clockWords(firstAt, now)}`;
  return {
    kind: 'settings_refused',
    tone: 'bad',
    title: `${refusalTitles[code] ?? 'M-PESA does not accept'} ${name}`,
    since: firstAt,
    meaning: `${counted(count, 'payment')} failed${since === '' ? ' in 15 minutes' : ''}, none was taken since. Repeating does not help.`,
    diagnosis: say`The settings of this shortcode: ${failureCatalogue[code as FailureCode]?.message ?? 'M-PESA refuses them.'}`,
    affected: say`${namesOf(tenants, [shortcode.tenantId])}: every new payment to ${name} fails at once`,
    risk: say`No. M-PESA refused before anybody was asked for a PIN; no money moved.`,
    advice: say`Compare credentials, passkey and number with the Daraja portal, put them right under Shortcodes, and test them there. Tell the merchant.`,
    link: {
      path: '/console/payments',
      query: { view: 'failed', shortcode: shortcode.storeNumber, code },
      words: 'See the refused payments',
    },
    shortcodeIds: [shortcode.id],
    kes: sums.held.kes + sums.sent.kes,
    tell: null,
  };
}

/** So many payments that M-PESA took must be overdue. */
const fewestOverdue = 5;

function missingCallbacks(snapshot: Snapshot, troubled: ReadonlySet<string>): Condition[] {
  const { shortcodes, now } = snapshot;
  const overdueOf = (ids: readonly string[]) => snapshot.waiting.filter((row) => ids.includes(row.shortcodeId));
  const countOf = (ids: readonly string[]): number => sumOf(overdueOf(ids), ({ overdue }) => overdue);
  const isQuiet = ({ lastCallbackAt }: KnownShortcode): boolean => (lastCallbackAt ?? 0) < now - overdueMs;
  const waiting = shortcodes.filter(({ id }) => !troubled.has(id) && countOf([id]) > 0);
  const all = waiting.map(({ id }) => id);
  if (countOf(all) <= fewestOverdue) return [];
  if (shortcodes.every(isQuiet)) return [missingCallback(snapshot, waiting, true)];
  return waiting
    .filter((shortcode) => countOf([shortcode.id]) > fewestOverdue && isQuiet(shortcode))
    .map((shortcode) => missingCallback(snapshot, [shortcode], false));
}

function missingCallback(
  { waiting, tenants, shortcodes }: Snapshot,
  group: readonly KnownShortcode[],
  isAll: boolean,
): Condition {
  const ids = group.map(({ id }) => id);
  const rows = waiting.filter(({ shortcodeId }) => ids.includes(shortcodeId));
  const [count, total] = [sumOf(rows, ({ overdue }) => overdue), sumOf(rows, ({ overdueKes }) => overdueKes)];
  const lastCalls = (isAll ? shortcodes : group).flatMap(({ lastCallbackAt }) => lastCallbackAt ?? []);
  const submitted = rows.flatMap(({ oldestSubmittedAt }) => oldestSubmittedAt ?? []);
  const where = isAll ? '' : ` for ${shortcodeName(group[0]!)}`;
  return {
    kind: 'no_callbacks',
    tone: 'bad',
    title: `No callback has come${where}`,
    since: lastCalls.length > 0 ? Math.max(...lastCalls) : Math.min(...submitted),
    meaning: `${counted(count, 'payment')} (${kes(total)}) wait longer than 3 minutes for M-PESA’s word. Lango asks M-PESA about each.`,
    diagnosis: isAll
      ? say`Most likely ours: M-PESA takes the prompts, and nothing reaches this server. Check that PUBLIC_URL opens from the internet: name, certificate, firewall, tunnel.`
      : say`This shortcode’s: callbacks of other shortcodes arrive, so our address is fine. Its app on the Daraja portal may be suspended.`,
    affected: say`${namesOf(
      tenants,
      group.map(({ tenantId }) => tenantId),
    )}: ${counted(count, 'payment')} in doubt, ${kes(total)}`,
    risk: say`${strong(`${counted(count, 'payment')}, ${kes(total)}`)}: they may be paid. They are never called failed without M-PESA’s word; queries find most of them.`,
    advice: isAll
      ? say`Open PUBLIC_URL from a phone without Wi-Fi. Do not ask customers to pay again.`
      : say`Do not ask customers to pay again. If it lasts, call M-PESA business support.`,
    link: {
      path: '/console/payments',
      query: { view: 'waiting', ...(isAll ? {} : { shortcode: group[0]!.storeNumber }) },
      words: 'See what waits',
    },
    shortcodeIds: ids,
    kes: total,
    tell: null,
  };
}

function unknownForLong({ waiting, shortcodes, tenants, now }: Snapshot): Condition[] {
  const rows = waiting.filter(({ status, stale }) => status === 'unknown' && stale > 0);
  const count = sumOf(rows, ({ stale }) => stale);
  if (count === 0) return [];
  const total = sumOf(rows, ({ staleKes }) => staleKes);
  const ids = rows.map(({ shortcodeId }) => shortcodeId);
  const owners = shortcodes.filter(({ id }) => ids.includes(id)).map(({ tenantId }) => tenantId);
  const oldest = Math.min(...rows.map(({ oldestSubmittedAt }) => oldestSubmittedAt ?? now));
  return [
    {
      kind: 'unknown_long',
      tone: 'warn',
      title: `${counted(count, 'payment')} not sure for more than 30 minutes`,
      since: oldest,
      meaning: `${kes(total)} may have been paid. M-PESA gives no clear answer; Lango goes on asking.`,
      diagnosis: say`Safaricom’s: it was asked again and again, and neither confirmed nor denied.`,
      affected: say`${namesOf(tenants, owners)}: ${counted(count, 'payment')}, ${kes(total)}`,
      risk: say`${strong(kes(total))}: the customers may have paid. Do not release goods and do not ask them to pay again.`,
      advice: say`Look at the M-PESA statement of the shortcode for these amounts, and check each payment from its page.`,
      link: { path: '/console/payments', query: { view: 'unsure' }, words: 'See them' },
      shortcodeIds: [...new Set(ids)],
      kes: total,
      tell: null,
    },
  ];
}
