// The cascade R1 to R8 as a table: what a line shows and what is known, and what the line comes to.

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Payment } from '../../../src/payments/payment.ts';
import { fitOf, rank } from '../../../src/reconciliation/candidates.ts';
import { covers, mergeSpans } from '../../../src/reconciliation/coverage.ts';
import type { Line } from '../../../src/reconciliation/line.ts';
import { findingOf, whyGone } from '../../../src/reconciliation/match-findings.ts';
import { decideLine, type LineFacts, lookAgainAt, orphanAfterMs } from '../../../src/reconciliation/match-rules.ts';
import { createdAt, days, hours, makePayment, minutes, seconds } from '../../support/payment-evidence.ts';

const receipt = 'UJ68K3W0QZ';
const now = createdAt + 1 * minutes;

/** KES 1500 to the account of {@link makePayment}, twenty seconds after its push. */
function makeLine(values: Partial<Line> = {}): Line {
  const completedAt = createdAt + 20 * seconds;
  return {
    id: 'lin_x',
    tenantId: 'ten_x',
    mode: 'test',
    shortcodeId: 'sc_x',
    environment: 'simulator',
    shortcode: '174379',
    source: 'statement',
    kind: 'payment',
    statementId: null,
    receipt,
    linkedReceipt: null,
    amountCents: 150_000,
    balanceCents: null,
    account: 'INV-2031',
    phone: '2547 ***** 678',
    payerName: null,
    details: null,
    raw: '',
    completedAt,
    day: '2026-10-06',
    createdAt: completedAt,
    status: 'new',
    rule: null,
    paymentId: null,
    matchedAt: null,
    dueAt: completedAt,
    ...values,
  };
}

const known = (facts: Partial<LineFacts> = {}): LineFacts => ({
  now,
  owner: null,
  unpaid: [],
  paid: [],
  isRepeated: false,
  reversedBy: null,
  ...facts,
});

const paid = makePayment('succeeded');
const pending = makePayment('pending');
const other = makePayment('pending', { createdAt: createdAt + 30 * seconds, submittedAt: createdAt + 30 * seconds });
const pushedAt = (at: number): Payment => makePayment('pending', { createdAt: at, submittedAt: at });
const denied = makePayment('cancelled');
const longDenied = makePayment('cancelled', { completedAt: createdAt - 8 * days });
const later = now + orphanAfterMs;

interface Row {
  title: string;
  line?: Partial<Line>;
  facts?: Partial<LineFacts>;
  /** Status, rule, payment, how it settles, trouble. */
  comesTo: [
    status: string,
    rule: string | null,
    payment: Payment | null,
    settles: string | null,
    trouble: string | null,
  ];
}

const table: Row[] = [
  { title: 'R1: receipt and amount equal', facts: { owner: paid }, comesTo: ['matched', 'R1', paid, 'owner', null] },
  {
    title: 'R1: a line that was told already is not evidence again',
    line: { status: 'mismatch', paymentId: paid.id },
    facts: { owner: paid },
    comesTo: ['matched', 'R1', paid, null, null],
  },
  {
    title: 'R1: the receipt of a payment that is not settled yet settles it',
    facts: { owner: pending },
    comesTo: ['matched', 'R1', pending, 'owner', null],
  },
  {
    title: 'R2: receipt equal, amount differs',
    line: { amountCents: 120_000 },
    facts: { owner: paid },
    comesTo: ['mismatch', 'R2', paid, 'owner', 'amount_mismatch'],
  },
  {
    title: 'R2: cents differ',
    line: { amountCents: 150_050 },
    facts: { owner: paid },
    comesTo: ['mismatch', 'R2', paid, 'owner', 'amount_mismatch'],
  },
  {
    title: 'R2 ends where an operator has accepted the amount',
    line: { amountCents: 120_000, status: 'mismatch' },
    facts: { owner: makePayment('succeeded', { flags: ['resolved_by_operator'], amountReceivedKes: 1200 }) },
    comesTo: ['matched', 'R1', paid, null, null],
  },
  {
    title: 'the receipt of a payment that has money of its own is a second payment',
    line: { receipt: 'UJOTHER001' },
    facts: { owner: paid },
    comesTo: ['orphan', 'R8', null, null, 'duplicate_payment'],
  },
  {
    title: 'the receipt of a payment that was denied for good is nobody’s',
    facts: { owner: longDenied },
    comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'],
  },
  {
    title: 'a shared number’s receipt of another tenant is not ours to match',
    facts: { owner: 'elsewhere' },
    comesTo: ['classified', 'R7', null, null, null],
  },
  {
    title: 'a receipt that a statement says twice',
    facts: { owner: paid, isRepeated: true },
    comesTo: ['mismatch', 'R2', paid, null, 'receipt_reused'],
  },
  { title: 'R3: exactly one fits', facts: { unpaid: [pending] }, comesTo: ['matched', 'R3', pending, 'free', null] },
  {
    title: 'R3: the number in full',
    line: { phone: '254712345678' },
    facts: { unpaid: [pending] },
    comesTo: ['matched', 'R3', pending, 'free', null],
  },
  {
    title: 'R3: the account in another case',
    line: { account: 'inv-2031' },
    facts: { unpaid: [makePayment('pending', { reference: 'INV-2031' })] },
    comesTo: ['matched', 'R3', pending, 'free', null],
  },
  {
    title: 'R3: a payment that was denied',
    facts: { unpaid: [denied] },
    comesTo: ['matched', 'R3', denied, 'free', null],
  },
  {
    title: 'R3: a payment that is being sent',
    facts: { unpaid: [makePayment('submitting')] },
    comesTo: ['matched', 'R3', pending, 'free', null],
  },
  {
    title: 'R3: a success by query, whose receipt is missing',
    facts: { unpaid: [makePayment('succeeded', { mpesaReceipt: null, flags: ['receipt_missing'] })] },
    comesTo: ['matched', 'R3', paid, 'free', null],
  },
  {
    title: 'R3: two minutes before the push is still its',
    facts: { unpaid: [pushedAt(createdAt + 20 * seconds + 2 * minutes)] },
    comesTo: ['matched', 'R3', pending, 'free', null],
  },
  {
    title: 'R3: more than two minutes before is not',
    facts: { unpaid: [pushedAt(createdAt + 20 * seconds + 2 * minutes + 1)] },
    comesTo: ['new', null, null, null, null],
  },
  {
    title: 'R3: fifteen minutes after the push is still its',
    facts: { unpaid: [pushedAt(createdAt + 20 * seconds - 15 * minutes)] },
    comesTo: ['matched', 'R3', pending, 'free', null],
  },
  {
    title: 'R3: more than fifteen minutes after is not',
    facts: { unpaid: [pushedAt(createdAt + 20 * seconds - 15 * minutes - 1)] },
    comesTo: ['new', null, null, null, null],
  },
  {
    title: 'R3: another phone rules it out',
    line: { phone: '2547 ***** 999' },
    facts: { unpaid: [pending] },
    comesTo: ['new', null, null, null, null],
  },
  {
    title: 'R3: another account rules it out',
    line: { account: 'INV-2032' },
    facts: { unpaid: [pending] },
    comesTo: ['new', null, null, null, null],
  },
  {
    title: 'R3: another amount rules it out',
    line: { amountCents: 140_000 },
    facts: { unpaid: [pending] },
    comesTo: ['new', null, null, null, null],
  },
  {
    title: 'R4: two fit alike',
    facts: { unpaid: [pending, other] },
    comesTo: ['ambiguous', 'R4', null, null, 'ambiguous'],
  },
  {
    title: 'R4: one that waits and one that was denied are two all the same',
    facts: { unpaid: [pending, denied] },
    comesTo: ['ambiguous', 'R4', null, null, 'ambiguous'],
  },
  {
    title: 'R4: two, and no account to tell them apart',
    line: { account: null },
    facts: { unpaid: [pending, other] },
    comesTo: ['ambiguous', 'R4', null, null, 'ambiguous'],
  },
  {
    title: 'R5: the account is not shown',
    line: { account: null },
    facts: { unpaid: [pending] },
    comesTo: ['suggested', 'R5', pending, null, null],
  },
  {
    title: 'R5: the phone is not shown',
    line: { phone: null },
    facts: { unpaid: [pending] },
    comesTo: ['suggested', 'R5', pending, null, null],
  },
  {
    title: 'R6: taken back from a payment',
    line: { kind: 'reversal', amountCents: -150_000, linkedReceipt: receipt },
    facts: { owner: paid },
    comesTo: ['reversal', 'R6', paid, null, 'reversed_externally'],
  },
  {
    title: 'R6: taken back from nobody’s payment',
    line: { kind: 'reversal', amountCents: -150_000, linkedReceipt: receipt },
    comesTo: ['reversal', 'R6', null, null, null],
  },
  {
    title: 'R6: taken back from a payment that was never paid',
    line: { kind: 'reversal', amountCents: -150_000, linkedReceipt: receipt },
    facts: { owner: denied },
    comesTo: ['reversal', 'R6', denied, null, null],
  },
  {
    title: 'R6: money that went back settles nothing',
    facts: { unpaid: [pending], reversedBy: 'UJBACK0001' },
    comesTo: ['reversal', 'R6', null, null, null],
  },
  {
    title: 'R7: a charge',
    line: { kind: 'charge', amountCents: -1500 },
    facts: { owner: paid },
    comesTo: ['classified', 'R7', null, null, null],
  },
  { title: 'R7: nothing came in', line: { amountCents: 0 }, comesTo: ['classified', 'R7', null, null, null] },
  { title: 'R8: younger than fifteen minutes', comesTo: ['new', null, null, null, null] },
  { title: 'R8: nothing fits', facts: { now: later }, comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'] },
  {
    title: 'R8: a clock that goes ahead does not make a line younger',
    line: { completedAt: createdAt + 3 * hours, createdAt },
    facts: { now: later },
    comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'],
  },
  {
    title: 'R8: a second payment of what is paid',
    line: { receipt: 'UJOTHER001' },
    facts: { now: later, paid: [paid] },
    comesTo: ['orphan', 'R8', null, null, 'duplicate_payment'],
  },
  {
    title: 'R8: a second payment of another customer is none',
    line: { receipt: 'UJOTHER001', phone: '2547 ***** 999' },
    facts: { now: later, paid: [paid] },
    comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'],
  },
  {
    title: 'R8: a second payment is one within a day',
    line: { receipt: 'UJOTHER001', completedAt: createdAt + 1 * days + 1 },
    facts: { now: createdAt + 2 * days, paid: [paid] },
    comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'],
  },
  {
    title: 'R8: what fits was denied for good',
    facts: { now: later, unpaid: [longDenied] },
    comesTo: ['orphan', 'R8', null, null, 'orphan_receipt'],
  },
];

describe('decideLine', () => {
  for (const { title, line: values, facts, comesTo } of table) {
    it(title, () => {
      const line = makeLine(values);
      const decision = decideLine(line, known(facts));
      const [status, rule, payment, settles, trouble] = comesTo;
      expect(decision).to.include({ status, rule, settles });
      expect(decision.trouble?.type ?? null).to.equal(trouble);
      // Payments of a row are made afresh where only their values matter.
      expect(decision.payment === null).to.equal(payment === null);
      const finding = findingOf(line, decision);
      expect(finding?.type ?? null).to.equal(trouble);
      expect(whyGone(decision)).to.match(/\.$/);
    });
  }

  it('ranks what fits: what waits before what was denied, the nearer before the farther', () => {
    const far = pushedAt(createdAt - 10 * minutes);
    const { candidates } = decideLine(makeLine(), known({ unpaid: [denied, far, pending] }));
    expect(candidates.map(({ paymentId }) => paymentId)).to.deep.equal([pending.id, far.id, denied.id]);
    for (const { why } of candidates) expect(why).to.match(/same amount, same account/);
    const reversed = rank([...[pending, far].map((payment) => fitOf(makeLine(), payment)!)].reverse());
    expect(reversed.map(({ paymentId }) => paymentId)).to.deep.equal([pending.id, far.id]);
  });

  it('of two customers, a hashed number says whose money it is, and a hash of neither says nothing', () => {
    const hashOf = (phone: string): string => createHash('sha256').update(phone).digest('hex');
    const stranger = makePayment('pending', { phone: '254700000001' });
    const facts = known({ unpaid: [stranger, pending] });
    const decision = decideLine(makeLine({ phone: hashOf('0712345678') }), facts);
    expect(decision).to.include({ status: 'matched', rule: 'R3', payment: pending });
    expect(decideLine(makeLine({ phone: hashOf('254700000009') }), facts).status).to.equal('ambiguous');
    expect(decideLine(makeLine({ phone: hashOf('254700000009') }), known({ unpaid: [pending] })).status).to.equal(
      'suggested',
    );
  });

  it('says what is at risk', () => {
    const risk = (values: Partial<Line>, facts: Partial<LineFacts>): number | undefined => {
      const line = makeLine(values);
      return findingOf(line, decideLine(line, known(facts)))?.atRiskCents;
    };
    expect(risk({ amountCents: 120_000 }, { owner: paid })).to.equal(30_000);
    expect(risk({ amountCents: 180_000 }, { owner: paid })).to.equal(30_000);
    expect(risk({}, { unpaid: [pending, other] })).to.equal(150_000);
    expect(risk({ kind: 'reversal', amountCents: -50_000, linkedReceipt: receipt }, { owner: paid })).to.equal(50_000);
    expect(risk({}, { now: later })).to.equal(150_000);
  });

  it('has no number in its words, though payers write theirs as the account', () => {
    const line = makeLine({ account: '0712345678' });
    const finding = findingOf(line, decideLine(line, known({ now: later })));
    expect(finding?.detail).to.contain('2547*****678').and.not.to.contain('712345678');
  });
});

describe('lookAgainAt', () => {
  const line = makeLine();
  const heard = line.completedAt;

  it('is soon at first, never past the fifteen minutes, and rarer the older the line is', () => {
    expect(lookAgainAt(line, 'new', heard)).to.equal(heard + 15 * seconds);
    expect(lookAgainAt(line, 'new', heard + 14 * minutes)).to.equal(heard + 15 * minutes);
    expect(lookAgainAt(line, 'orphan', heard + 1 * hours)).to.equal(heard + 1.5 * hours);
    expect(lookAgainAt(line, 'orphan', heard + 6 * days)).to.equal(heard + 7 * days);
    expect(lookAgainAt(line, 'orphan', heard + 8 * days + 1)).to.equal(null);
  });

  it('is never for what has its end', () => {
    for (const status of ['matched', 'mismatch', 'reversal', 'classified', 'settled'] as const)
      expect(lookAgainAt(line, status, heard)).to.equal(null);
  });
});

describe('coverage', () => {
  it('joins stretches that meet or overlap, in any order', () => {
    const spans = [
      { from: 5000, to: 9000 },
      { from: 0, to: 4000 },
      { from: 20_000, to: 30_000 },
      { from: 8000, to: 8500 },
    ];
    expect(mergeSpans(spans)).to.deep.equal([
      { from: 0, to: 9000 },
      { from: 20_000, to: 30_000 },
    ]);
  });

  it('is one source’s: two halves of two sources do not make a whole', () => {
    const span = { from: 0, to: 3 * hours };
    const rest = { from: 3 * hours, to: 9 * hours };
    expect(covers([[span]], 0, 1 * hours)).to.equal(true);
    expect(covers([[span]], 0, 1 * hours + 1)).to.equal(false);
    expect(covers([[span], [rest]], 0, 2 * hours)).to.equal(false);
    expect(covers([mergeSpans([span, rest])], 0, 2 * hours)).to.equal(true);
  });
});
