// The transition table, walked pair by pair against a matrix written out by hand from design.md section 6. Who adds an
// edge must add it here too, with the event that tells it.

import { expect } from 'chai';
import {
  assertTransition,
  finalStatuses,
  IllegalTransition,
  negativeStatuses,
  type Status,
  statuses,
  transitions,
} from '../../../src/payments/payment.ts';

/**
 * Rows: from. Columns: to, in the same order. `.` is illegal, `-` legal and told to nobody, a letter legal and told by
 * the event of the column's name.
 */
const matrix = `
               queued submitting pending succeeded failed cancelled expired unknown needs_review
queued         .      -          .       E         E      E         E       .       E
submitting     -      .          E       E         E      E         .       E       E
pending        .      .          .       E         E      E         E       E       E
succeeded      .      .          .       .         .      .         .       .       .
failed         .      .          .       E         .      .         .       .       E
cancelled      .      .          .       E         .      .         .       .       E
expired        .      .          .       E         .      .         .       .       E
unknown        .      .          .       E         E      E         E       .       E
needs_review   .      .          .       E         E      .         .       .       .
`;

const [head, ...lines] = matrix.trim().split('\n');
const columns = head!.trim().split(/\s+/) as Status[];
const rows = lines.map((line) => line.trim().split(/\s+/));
const pairs = rows.flatMap(([from, ...cells]) =>
  cells.map((cell, index) => ({ from: from as Status, to: columns[index]!, cell })),
);

describe('the transition table', () => {
  it('is walked in full: each status is a row and a column of the expected matrix', () => {
    expect(columns).to.have.members([...statuses]);
    expect(rows.map(([from]) => from)).to.have.members([...statuses]);
    expect(pairs).to.have.length(81);
  });

  for (const { from, to, cell } of pairs) {
    if (cell === '.') {
      it(`${from} to ${to}: throws IllegalTransition`, () => {
        expect(() => assertTransition(from, to)).to.throw(IllegalTransition, `from ${from} to ${to}`);
      });
    } else {
      const event = cell === 'E' ? `payment.${to}` : null;
      it(`${from} to ${to}: legal, ${event === null ? 'told to nobody' : `told by ${event}`}`, () => {
        expect(assertTransition(from, to)).to.equal(event);
      });
    }
  }

  it('lets nothing follow a success', () => {
    expect(Object.keys(transitions.succeeded)).to.deep.equal([]);
  });

  it('never leads from what may have been sent back to queued, but from a push that provably was not', () => {
    expect(statuses.filter((from) => 'queued' in transitions[from])).to.deep.equal(['submitting']);
    expect(statuses.filter((from) => 'submitting' in transitions[from])).to.deep.equal(['queued']);
  });

  it('lets money that arrives win over every status but a success', () => {
    expect(statuses.filter((from) => !('succeeded' in transitions[from]))).to.deep.equal(['succeeded']);
  });
});

describe('the sets of statuses', () => {
  it('are final exactly where a waiting client is answered', () => {
    expect([...finalStatuses]).to.have.members(['succeeded', 'failed', 'cancelled', 'expired']);
  });

  it('are negative exactly where no money came', () => {
    expect([...negativeStatuses]).to.have.members(['failed', 'cancelled', 'expired']);
  });
});
