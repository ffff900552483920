// What the handset page shows, as plain values for its template: the prompt on the phone, the dials, what just happened,
// the table of test numbers and the switches. Phones are masked here, once, so no template can forget to.

import { maskPhone, redactText } from '../platform/redaction.ts';
import { customerAnswers } from './customer.ts';
import type { Fault, FaultGroup } from './faults.ts';
import { faults, normal } from './faults.ts';
import { moneyView } from './handset-money.ts';
import { switchChoices } from './handset-switches.ts';
import type { Push } from './ledger.ts';
import { paymentName } from './ledger.ts';
import { nairobiClock } from './nairobi-time.ts';
import { resultText, silence, testNumbers } from './outcomes.ts';
import type { Settings } from './settings.ts';
import type { World } from './world.ts';

export interface HandsetRequest {
  /** Serial of the prompt that was picked, if one was. */
  promptSerial: number | undefined;
  problem: string | undefined;
  baseUrl: string;
}

const rowsShown = 12;
const pageGroups = { push: 'Answer to the push', callback: 'Callback' } as const;
const reachLabels = { next: 'Next one', one_in_five: '1 in 5', all: 'All' } as const;

export function handsetView(world: World, request: HandsetRequest): Record<string, unknown> {
  const { ledger, timers, settings } = world;
  const now = timers.now();
  const open = ledger.openPrompts();
  // Prompts that wait for somebody come before those that answer themselves.
  const waiting = open.findLast(({ prompt }) => prompt?.answersItself === false);
  const picked = open.find(({ serial }) => serial === request.promptSerial) ?? waiting ?? open.at(-1);
  const standing = world.dials.list();
  const reach = standing.find((rule) => rule.phone === undefined && rule.group in pageGroups)?.reach ?? 'next';
  return {
    clock: clockOf(now),
    minute: nairobiClock(now).slice(0, 5),
    baseUrl: request.baseUrl,
    problem: request.problem,
    prompt: picked === undefined ? null : promptOf(picked, now),
    working: ledger.pushes.slice(-200).filter((push) => push.state === 'working').length,
    prompts: open.length < 2 ? [] : open.slice(-8).map((push) => ({ ...namesOf(push), isPicked: push === picked })),
    answers: Object.entries(customerAnswers).map(([name, { label }]) => ({ name, label, isFirst: name === 'pin' })),
    groups: (Object.keys(pageGroups) as (keyof typeof pageGroups)[]).map((group) => groupOf(world, group)),
    reaches: Object.entries(reachLabels).map(([name, label]) => ({ name, label, isChecked: name === reach })),
    faultsNow: sentenceOf(world),
    log: ledger.log
      .slice(-rowsShown)
      .reverse()
      .map((line) => ({
        ...line,
        what: redactText(line.what),
        answered: redactText(line.answered),
        at: clockOf(line.at),
      })),
    testNumbers: testNumbers.map(testNumberRow),
    money: moneyView(world),
    switches: switchChoices(settings),
    others: othersSentence(settings),
    refreshSeconds: picked === undefined ? 4 : 15,
  };
}

function clockOf(epochMs: number): Record<string, unknown> {
  const iso = new Date(epochMs).toISOString();
  return { epochMs, iso, eat: nairobiClock(epochMs), utc: `${iso.slice(11, 19)} UTC` };
}

function namesOf(push: Push): Record<string, unknown> {
  return { serial: push.serial, phone: maskPhone(push.request.phone), payment: paymentName(push) };
}

function promptOf(push: Push, now: number): Record<string, unknown> {
  const prompt = push.prompt!;
  const leftSeconds = Math.max(0, Math.ceil((prompt.endsAt - now) / 1_000));
  const ending = prompt.answersItself ? 'until it answers itself' : prompt.ignored ? 'left, ignored' : 'left to answer';
  // The account is kept on one line, as the phone does; a long one has to break.
  const { reference } = push.request;
  const text = prompt.text.replace('KES ', 'KES\u00a0');
  const at = reference.length <= 12 ? text.lastIndexOf(` ${reference}?`) + 1 : 0;
  const parts = { before: text.slice(0, at), account: reference, after: text.slice(at + reference.length) };
  return { ...namesOf(push), text, parts: at > 0 ? parts : null, leftSeconds, ending };
}

function groupOf(world: World, group: 'push' | 'callback'): Record<string, unknown> {
  const chosen = world.dials.upcoming(group);
  const option = (fault: Fault): Record<string, unknown> => ({
    name: fault.name,
    label: fault.label,
    note: noteOf(group, fault, world.settings),
    isChecked: fault.name === chosen,
  });
  const main = faults[group].filter((fault) => fault.main === true);
  const rest = faults[group].filter((fault) => fault.main !== true);
  return {
    name: group,
    legend: pageGroups[group],
    options: [{ name: normal, label: 'As it should', note: '' }, ...main].map(option),
    rest: rest.map(option),
    isRestOpen: rest.some(({ name }) => name === chosen),
  };
}

function noteOf(group: FaultGroup, fault: Fault, settings: Settings): string {
  const { ackMs, ackJitterMs, callbackMs, slowAnswerMs, lateCallbackMs } = settings;
  if (fault.name === normal) {
    if (group === 'callback') return callbackMs === 0 ? 'right after the PIN' : `${seconds(callbackMs)} after the PIN`;
    if (ackMs + ackJitterMs === 0) return 'at once';
    return ackJitterMs === 0 ? `in ${seconds(ackMs)}` : `in ${ackMs / 1_000} to ${seconds(ackMs + ackJitterMs)}`;
  }
  if (group === 'push' && fault.name === 'slow') return `${seconds(slowAnswerMs)}, after the time-out`;
  if (group === 'callback' && fault.name === 'late') return `${seconds(callbackMs + lateCallbackMs)} after the PIN`;
  return fault.note;
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

function sentenceOf(world: World): string {
  const said = world.dials.list().map((rule) => {
    const label = faults[rule.group].find(({ name }) => name === rule.fault)?.label ?? 'as it should';
    const whom = rule.phone === undefined ? '' : ` for ${maskPhone(rule.phone)}`;
    return `${rule.group} ${label.toLowerCase()}, ${reachLabels[rule.reach].toLowerCase()}${whom}`;
  });
  if (said.length === 0) return 'Nothing is set: all as it should';
  const more = said.length > 3 ? ` and ${said.length - 3} more` : '';
  return `Set now: ${said.slice(0, 3).join('; ')}${more}`;
}

function testNumberRow({ phone, code, meaning }: (typeof testNumbers)[number]): Record<string, unknown> {
  return {
    phone,
    meaning,
    code: code === silence ? '–' : code,
    text: code === silence ? '' : resultText(code, 'callback'),
  };
}

function othersSentence({ autoAnswer, promptLifeMs }: Settings): string {
  if (autoAnswer !== null) return `Any other number answers by itself with ${autoAnswer}.`;
  return `Any other number gets a prompt on this phone, open for ${seconds(promptLifeMs)}; without an answer the result is 1037.`;
}
