// The switches of the handset page: those settings that have a few sensible values, each with its words. All others,
// timings above all, are changed through the control API.

import type { Settings } from './settings.ts';

interface Switch {
  name: keyof Settings;
  label: string;
  /** Value and words; the value travels through the form as JSON. */
  options: readonly (readonly [value: unknown, words: string])[];
}

const yesNo = [
  [true, 'yes'],
  [false, 'no'],
] as const;

const switches: readonly Switch[] = [
  {
    name: 'testNumber',
    label: '254708374149',
    options: [
      ['pays', 'pays'],
      ['unreachable', 'never answers, as in Safaricom’s sandbox'],
    ],
  },
  {
    name: 'autoAnswer',
    label: 'Numbers not in the table',
    options: [
      [null, 'prompt on the handset'],
      ['0', 'pay by themselves'],
      ['1032', 'cancel by themselves'],
      ['1037', 'cannot be reached'],
    ],
  },
  { name: 'subscriberLock', label: 'One open prompt per phone', options: yesNo },
  { name: 'twoMinuteRule', label: 'Same amount twice in two minutes is result 17', options: yesNo },
  { name: 'newTokenEndsOld', label: 'A new token ends the old one', options: yesNo },
  {
    name: 'badCredentialsStatus',
    label: 'Wrong consumer key or secret',
    options: [
      [400, 'empty 400'],
      [401, 'empty 401'],
    ],
  },
  {
    name: 'expiresIn',
    label: 'expires_in',
    options: [
      ['string', 'text'],
      ['number', 'number'],
    ],
  },
  { name: 'onlyRegisteredShortcodes', label: 'Unknown shortcodes are refused', options: yesNo },
  { name: 'nairobiTimestamps', label: 'Timestamp must be Nairobi time', options: yesNo },
  { name: 'strictFields', label: 'References over 12 characters are refused', options: yesNo },
  { name: 'strictCallbackUrls', label: 'CallBackURL: https, no localhost, no forbidden words', options: yesNo },
  { name: 'silentSpecials', label: 'Special characters make a push vanish', options: yesNo },
  {
    name: 'inFlight',
    label: 'Query while the prompt is open',
    options: [
      ['4999', '4999'],
      ['500', 'HTTP 500, being processed'],
      ['empty', 'empty message'],
      ['mixed', 'all of them in turn'],
    ],
  },
  {
    name: 'queryNoise',
    label: 'Queries that fail although there is a result',
    options: [
      [0, 'none'],
      [0.2, '1 in 5, by chance'],
    ],
  },
  {
    name: 'queryLimitPerMinute',
    label: 'Queries a minute for one app',
    options: [
      [0, 'no limit'],
      [5, '5, then HTTP 429'],
    ],
  },
  {
    name: 'callbackPhone',
    label: 'Phone in the callback',
    options: [
      ['number', 'number'],
      ['string', 'text'],
      ['masked', 'masked'],
      ['hashed', 'SHA-256'],
      ['absent', 'missing'],
    ],
  },
  {
    name: 'callbackBalance',
    label: 'Balance in the callback',
    options: [
      ['no_value', 'without a value'],
      ['value', 'with a value'],
      ['absent', 'missing'],
    ],
  },
  {
    name: 'callbackCodes',
    label: 'Numbers in the callback',
    options: [
      ['number', 'numbers'],
      ['string', 'text'],
    ],
  },
  {
    name: 'confirmations',
    label: 'C2B confirmation of a paid push',
    options: [
      ['before', 'before the callback'],
      ['after', 'after the callback'],
      ['only', 'instead of the callback'],
    ],
  },
  { name: 'validation', label: 'C2B asks the ValidationURL first', options: yesNo },
  { name: 'reregisterUrls', label: 'C2B URLs may be registered again', options: yesNo },
  {
    name: 'pullPhone',
    label: 'Phone in Pull',
    options: [
      ['number', 'number'],
      ['masked', 'masked'],
    ],
  },
  {
    name: 'pullTimes',
    label: 'trxDate in Pull',
    options: [
      ['nairobi_z', 'Nairobi’s clock, called Z'],
      ['utc', 'UTC'],
      ['plain', 'Nairobi, without a zone'],
    ],
  },
  { name: 'businessPaysCharges', label: 'The business pays the charges', options: yesNo },
];

/** The switches with what is set now; a value that only the control API can set is shown as it is. */
export function switchChoices(settings: Settings): Record<string, unknown>[] {
  return switches.map(({ name, label, options }) => {
    const current = settings[name];
    const known = options.some(([value]) => value === current);
    const all = known ? options : [...options, [current, String(current)] as const];
    return {
      name,
      label,
      options: all.map(([value, words]) => ({ value: JSON.stringify(value), words, isSelected: value === current })),
    };
  });
}

/** The settings of a submitted form. Throws a RangeError for a value that is no JSON; unknown names are left out. */
export function readSwitches(form: URLSearchParams): Partial<Settings> {
  const changes: Record<string, unknown> = {};
  for (const { name } of switches) {
    const value = form.get(name);
    if (value !== null) changes[name] = parseValue(value);
  }
  return changes as Partial<Settings>;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RangeError('This is not a value of the switch.');
  }
}
