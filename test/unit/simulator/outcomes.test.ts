// Which result a push comes to: the published test numbers and the rules laid over them. The table on the page is the
// same constant, so it cannot say anything else.

import { expect } from 'chai';
import { OutcomeRules, resultText, resultTexts, silence, testNumbers } from '../../../src/simulator/outcomes.ts';
import { defaultSettings } from '../../../src/simulator/settings.ts';

const stranger = '254722333444';

describe('what a push comes to', () => {
  it('has one well-formed number for each code, and texts for each', () => {
    const codes = testNumbers.map(({ code }) => code);
    expect(codes).to.have.length(new Set(codes).size);
    expect(testNumbers.filter(({ phone }) => !/^254[17]\d{8}$/.test(phone))).to.deep.equal([]);
    expect(codes.filter((code) => code !== silence).sort()).to.deep.equal(Object.keys(resultTexts).sort());
  });

  it('asks at the handset for numbers that are not in the table, unless they answer by themselves', () => {
    const rules = new OutcomeRules();
    expect(rules.take(stranger, 10, defaultSettings).code).to.equal('ask');
    expect(rules.take(stranger, 10, { ...defaultSettings, autoAnswer: '0' }).code).to.equal('0');
  });

  it('lets 254708374149 pay, or stay unreachable as in Safaricom’s sandbox', () => {
    const rules = new OutcomeRules();
    expect(rules.take('254708374149', 10, defaultSettings).code).to.equal('0');
    expect(rules.take('254708374149', 10, { ...defaultSettings, testNumber: 'unreachable' }).code).to.equal('1037');
  });

  it('lets the next push, then the phone, then the amount, win over the table', () => {
    const rules = new OutcomeRules();
    rules.add({ code: '2001', amount: 77 });
    rules.add({ code: '1', phone: '254708374149' });
    rules.add({ code: '1032', next: 2 });
    const taken = [1, 2, 3].map(() => rules.take('254708374149', 77, defaultSettings).code);
    expect(taken).to.deep.equal(['1032', '1032', '1']);
    expect(rules.take(stranger, 77, defaultSettings).code).to.equal('2001');
    rules.clear();
    expect(rules.take(stranger, 77, defaultSettings).code).to.equal('ask');
  });

  it('words 1037 differently in the query, and any unknown code plainly', () => {
    expect(resultText('1037', 'callback')).to.equal('No response from user.');
    expect(resultText('1037', 'query')).to.equal('DS timeout user cannot be reached.');
    expect(resultText('4711', 'callback')).to.include('4711');
  });
});
