// The switches of the simulator. Where sources disagree about Daraja (daraja.md), both ways are here and the default is
// the one with the better evidence. Times are milliseconds before `speed` divides them; nothing random is on by default,
// so a test gets the same answer every time. `realisticSettings` is what `lango simulator` and the demo add.

import { z } from 'zod';

const milliseconds = z.number().int().min(0).max(3_600_000);

export const settingsSchema = z.strictObject({
  /** What 254708374149 does: pays here; in Safaricom's own sandbox nobody answers it (1037). */
  testNumber: z.enum(['pays', 'unreachable']),
  /** Result code for numbers that have no outcome of their own, or null: a prompt waits on the handset. */
  autoAnswer: z.string().min(1).max(20).nullable(),
  badCredentialsStatus: z.union([z.literal(400), z.literal(401)]),
  expiresIn: z.enum(['string', 'number']),
  newTokenEndsOld: z.boolean(),
  onlyRegisteredApps: z.boolean(),
  onlyRegisteredShortcodes: z.boolean(),
  /** Refuse a Timestamp further than ten minutes from Nairobi's wall clock; many clients send UTC and get away with it. */
  nairobiTimestamps: z.boolean(),
  /** Refuse AccountReference over 12 and TransactionDesc over 13 characters, and spaces around TransactionType. */
  strictFields: z.boolean(),
  /** Refuse localhost, plain http, ngrok and the forbidden words in a CallBackURL. */
  strictCallbackUrls: z.boolean(),
  /** Characters such as `@ # &` in AccountReference or TransactionDesc: accepted, then nothing ever happens. */
  silentSpecials: z.boolean(),
  subscriberLock: z.boolean(),
  twoMinuteRule: z.boolean(),
  /** How a query answers while the prompt is open; `mixed` takes turns. */
  inFlight: z.enum(['4999', '500', 'empty', 'mixed']),
  /** Share of queries after the result that still answer 500.001.1001; 0.2 was observed. */
  queryNoise: z.number().min(0).max(1),
  /** Queries a minute for one consumer key before the 429; 0 is no limit, Safaricom's sandbox has 5. */
  queryLimitPerMinute: z.number().int().min(0).max(100_000),
  queryCodes: z.enum(['string', 'number']),
  callbackCodes: z.enum(['number', 'string']),
  callbackPhone: z.enum(['number', 'string', 'masked', 'hashed', 'absent']),
  callbackBalance: z.enum(['no_value', 'value', 'absent']),
  /** Where a paid push's C2B confirmation goes out: before or after its callback, or instead of it. */
  confirmations: z.enum(['before', 'after', 'only']),
  /** M-PESA asks the ValidationURL before it takes a payment; off unless a merchant asked Safaricom for it. */
  validation: z.boolean(),
  /** How C2B shows the payer: as its version does (v1 SHA-256, v2 `2547 ***** 126`), or `25470****149`. */
  confirmationPhone: z.enum(['by_version', 'stars']),
  /** Whether C2B URLs may be registered a second time: the sandbox lets you, production does not. */
  reregisterUrls: z.boolean(),
  pullPageSize: z.number().int().min(1).max(10_000),
  pullPhone: z.enum(['number', 'masked']),
  /** `trxDate`: Nairobi's wall clock called Z as in the portal's sample, real UTC, or `2026-10-06 14:15:52`. */
  pullTimes: z.enum(['nairobi_z', 'utc', 'plain']),
  /** A Pull without rows: code 1001 and `[[]]`, or an HTTP 500. */
  pullEmpty: z.enum(['1001', '500']),
  /** Keys of Pull's registration; the older sample has them with a space. */
  pullKeys: z.enum(['joined', 'spaced']),
  /** Whether the business pays M-PESA's charge, which puts a second row under each receipt of a statement. */
  businessPaysCharges: z.boolean(),
  openingBalance: z.number().int().min(0).max(1_000_000_000),
  /** Payers in a statement: `25471****678` or `071****678`. */
  statementPhone: z.enum(['international', 'local']),
  ackMs: milliseconds,
  /** Added to `ackMs`: a random part, up to this. */
  ackJitterMs: milliseconds,
  /** From the prompt to the answer of a test number. */
  answerMs: milliseconds,
  /** From the acknowledgement to a result that needs no prompt. */
  instantMs: milliseconds,
  /** From the result to the callback. */
  callbackMs: milliseconds,
  /** How long an interactive prompt stays; not divided by `speed`, people are not faster in a demo. */
  promptLifeMs: milliseconds,
  /** From the prompt to 1037 when the phone is off. */
  unreachableMs: milliseconds,
  /** Queries younger than this answer 400 Invalid CheckoutRequestID. */
  tooSoonMs: milliseconds,
  slowAnswerMs: milliseconds,
  lateCallbackMs: milliseconds,
  duplicateGapMs: milliseconds,
  /** From the payment (or from its callback) to its C2B confirmation. */
  confirmationMs: milliseconds,
});

export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  testNumber: 'pays',
  autoAnswer: null,
  badCredentialsStatus: 400,
  expiresIn: 'string',
  newTokenEndsOld: true,
  onlyRegisteredApps: false,
  onlyRegisteredShortcodes: false,
  nairobiTimestamps: false,
  strictFields: false,
  strictCallbackUrls: false,
  silentSpecials: false,
  subscriberLock: true,
  twoMinuteRule: true,
  inFlight: '4999',
  queryNoise: 0,
  queryLimitPerMinute: 0,
  queryCodes: 'string',
  callbackCodes: 'number',
  callbackPhone: 'number',
  callbackBalance: 'no_value',
  confirmations: 'after',
  validation: false,
  confirmationPhone: 'by_version',
  reregisterUrls: true,
  pullPageSize: 100,
  pullPhone: 'number',
  pullTimes: 'nairobi_z',
  pullEmpty: '1001',
  pullKeys: 'joined',
  businessPaysCharges: true,
  openingBalance: 100_000,
  statementPhone: 'international',
  ackMs: 0,
  ackJitterMs: 0,
  answerMs: 3_000,
  instantMs: 300,
  callbackMs: 0,
  promptLifeMs: 30_000,
  unreachableMs: 3_000,
  tooSoonMs: 0,
  slowAnswerMs: 30_000,
  lateCallbackMs: 90_000,
  duplicateGapMs: 200,
  confirmationMs: 0,
};

/** Daraja's own pace and moods: the defaults of `lango simulator`. */
export const realisticSettings: Partial<Settings> = {
  inFlight: 'mixed',
  queryNoise: 0.2,
  queryLimitPerMinute: 5,
  ackMs: 300,
  ackJitterMs: 600,
  answerMs: 6_000,
  callbackMs: 3_000,
  confirmationMs: 500,
  unreachableMs: 23_000,
  tooSoonMs: 500,
};
