// The part of the handset page about money: what is planted in M-PESA's record, a customer who pays by himself, and the
// statements to download. It shows no phone; forms come back here as plain fields.

import type { SimulatorControl } from './control.ts';
import { nairobiDate } from './nairobi-time.ts';
import { phoneForm, shortcodeForm, wholeShillings } from './push-request.ts';
import type { RecordFault } from './record-faults.ts';
import { recordFaultLabels } from './record-faults.ts';
import type { World } from './world.ts';

const choices: Readonly<Record<string, { words: string; fault: RecordFault }>> = {
  missing: { words: 'missing everywhere', fault: { kind: 'missing' } },
  missing_statement: { words: 'missing in the statement', fault: { kind: 'missing', from: ['statement'] } },
  missing_pull: { words: 'missing in Pull', fault: { kind: 'missing', from: ['pull'] } },
  missing_c2b: { words: 'without a C2B confirmation', fault: { kind: 'missing', from: ['c2b'] } },
  wrong_amount: { words: 'with a shilling less', fault: { kind: 'wrong_amount' } },
  duplicate: { words: 'paid once more by hand, after a minute', fault: { kind: 'duplicate' } },
  reversal: { words: 'reversed after a minute', fault: { kind: 'reversal' } },
};

export function moneyView(world: World): Record<string, unknown> {
  const shortcode = world.book.shortcodes().at(-1) ?? world.registry.shortcodes.keys().next().value ?? '';
  return {
    now: sentenceOf(world),
    faults: Object.entries(choices).map(([value, { words }]) => ({ value, words })),
    shortcode,
    today: nairobiDate(world.timers.now()),
  };
}

/** Does what a submitted form asks for. Throws a RangeError when a field makes no sense. */
export async function actOnRecord({ record }: SimulatorControl, form: URLSearchParams): Promise<void> {
  const text = (name: string): string => (form.get(name) ?? '').trim();
  switch (text('do')) {
    case 'clear':
      record.clearFaults();
      return;
    case 'plant': {
      const choice = choices[text('fault')];
      const next = Number(text('next'));
      if (choice === undefined || !Number.isInteger(next) || next < 1) throw new RangeError('There is no such fault.');
      record.plant({ fault: choice.fault, next });
      return;
    }
    case 'pay': {
      const amount = wholeShillings(text('amount'));
      if (!shortcodeForm.test(text('shortcode')) || !phoneForm.test(text('phone')) || amount === undefined) {
        throw new RangeError('A payment needs a shortcode, a phone as 254712345678 and whole shillings.');
      }
      const payment = { shortcode: text('shortcode'), amount, phone: text('phone'), account: text('account') };
      await record.payByHand(payment);
      return;
    }
    default:
      throw new RangeError('There is no such button.');
  }
}

function sentenceOf({ recordFaults }: World): string {
  const waiting = recordFaults.list();
  if (waiting.length === 0) return 'Nothing is set: it is true';
  const counts = new Map<string, number>();
  for (const { fault } of waiting) counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1);
  const said = [...counts].map(
    ([kind, count]) => `${recordFaultLabels[kind as RecordFault['kind']].toLowerCase()} × ${count}`,
  );
  return `Set for the next payments: ${said.join(', ')}`;
}
