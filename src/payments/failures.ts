// Why a payment did not succeed, in words. One table: the code on the API, whose side it is on, a sentence for the
// merchant's engineer, one for the customer in English and Swahili, and whether asking again makes sense. Customers
// are told the truth: where M-PESA's answer is not known, no sentence here says that the payment failed.

export type FailureCategory = 'customer' | 'network' | 'provider' | 'configuration';

export interface FailureEntry {
  category: FailureCategory;
  /** For the merchant's engineer. */
  message: string;
  /** For the payer. */
  customerMessage: { en: string; sw: string };
  /** Whether a new payment with the same details may succeed without anybody changing a setting. */
  retryable: boolean;
  /** How long to wait before that; null: no particular time. */
  retryAfterSeconds: number | null;
}

/** What a customer hears when only the merchant or the operator of Lango can mend it. */
const notTakingPayments = {
  en: 'This business cannot take M-PESA payments just now. You have not been charged.',
  sw: 'Biashara hii haiwezi kupokea malipo ya M-PESA kwa sasa. Hujatozwa pesa yoyote.',
};

/** One entry of the table. `retry`: false, true for at once, or the seconds to wait first. */
function failure(
  category: FailureCategory,
  retry: boolean | number,
  message: string,
  customerMessage: FailureEntry['customerMessage'],
): FailureEntry {
  return {
    category,
    message,
    customerMessage,
    retryable: retry !== false,
    retryAfterSeconds: typeof retry === 'number' ? retry : null,
  };
}

/** The one table. Its keys are the codes of the API. */
export const failureCatalogue = {
  insufficient_funds: failure('customer', true, 'The customer has not enough money in M-PESA, Fuliza included.', {
    en: 'There is not enough money in your M-PESA account. Add money, then try again.',
    sw: 'Huna pesa za kutosha kwenye akaunti yako ya M-PESA. Ongeza pesa, kisha ujaribu tena.',
  }),
  cancelled_by_customer: failure(
    'customer',
    true,
    'The customer cancelled the prompt. Some phones say this when the prompt runs out of time, too.',
    {
      en: 'The M-PESA request was cancelled on your phone, or its time ran out. You can try again.',
      sw: 'Ombi la M-PESA lilighairiwa kwenye simu yako, au muda wake uliisha. Unaweza kujaribu tena.',
    },
  ),
  customer_unreachable: failure(
    'customer',
    60,
    'M-PESA could not reach the phone, or the prompt was not answered (phone off, old SIM, eSIM, ignored).',
    {
      en: 'M-PESA could not reach your phone, or had no answer from it. If you entered your PIN, wait for the SMS from M-PESA. If not, check that the phone is on and has network, then try again.',
      sw: 'M-PESA haikuweza kufikia simu yako, au haikupata jibu. Kama uliweka PIN yako, subiri SMS kutoka M-PESA. Kama hukuweka, hakikisha simu imewashwa na ina mtandao, kisha ujaribu tena.',
    },
  ),
  prompt_expired: failure(
    'customer',
    60,
    'The prompt was not completed in time. Rarely, a success is still heard of later.',
    {
      en: 'The time for the M-PESA request ran out. If you entered your PIN, wait for the SMS from M-PESA before you try again.',
      sw: 'Muda wa ombi la M-PESA uliisha. Kama uliweka PIN yako, subiri SMS kutoka M-PESA kabla ya kujaribu tena.',
    },
  ),
  wrong_pin: failure('customer', true, 'The customer entered a wrong PIN. Three wrong PINs lock it.', {
    en: 'The M-PESA PIN was not correct. You can try again; three wrong PINs lock it.',
    sw: 'PIN ya M-PESA haikuwa sahihi. Unaweza kujaribu tena; ukikosea mara tatu, PIN hufungwa.',
  }),
  pin_locked: failure('customer', false, "The customer's M-PESA PIN is locked. Only Safaricom can unlock it.", {
    en: 'Your M-PESA PIN is locked. Call Safaricom on 100 or 200 to have it unlocked.',
    sw: 'PIN yako ya M-PESA imefungwa. Piga simu kwa Safaricom, nambari 100 au 200, ili ifunguliwe.',
  }),
  subscriber_busy: failure(
    'customer',
    60,
    'Another M-PESA request is open on this phone. It ends within one to three minutes.',
    {
      en: 'Another M-PESA request is still open on your phone. Finish it or wait a minute, then try again.',
      sw: 'Kuna ombi lingine la M-PESA ambalo bado liko wazi kwenye simu yako. Likamilishe au subiri dakika moja, kisha ujaribu tena.',
    },
  ),
  limit_exceeded: failure(
    'customer',
    false,
    "The amount is outside M-PESA's limits: for one payment, or for this customer's day.",
    {
      en: 'This amount is outside your M-PESA limits, for one payment or for the day.',
      sw: 'Kiasi hiki hakiruhusiwi na viwango vyako vya M-PESA, kwa muamala mmoja au kwa siku.',
    },
  ),
  not_mpesa_customer: failure('customer', false, 'The number is not a Safaricom line that is registered for M-PESA.', {
    en: 'This number is not registered for M-PESA. Please use one that is.',
    sw: 'Nambari hii haijasajiliwa kwa M-PESA. Tafadhali tumia nambari iliyosajiliwa.',
  }),
  customer_account_blocked: failure(
    'customer',
    false,
    "M-PESA does not let this customer's account pay: it is not active, or a debt stands in the way.",
    {
      en: 'M-PESA did not allow this payment from your account. Call Safaricom on 100 or 200 to ask why.',
      sw: 'M-PESA haikuruhusu malipo haya kutoka kwenye akaunti yako. Piga simu kwa Safaricom, nambari 100 au 200, ili ujue sababu.',
    },
  ),
  duplicate_at_provider: failure(
    'provider',
    120,
    'M-PESA takes this for a repeat: the same amount from the same customer within two minutes. Check the earlier payment first.',
    {
      en: 'M-PESA saw a payment like this one a moment ago. If you have already paid, do not pay again. If not, wait two minutes and try again.',
      sw: 'M-PESA iliona malipo kama haya muda mfupi uliopita. Kama umeshalipa, usilipe tena. Kama hujalipa, subiri dakika mbili kisha ujaribu tena.',
    },
  ),
  provider_busy: failure('provider', 60, 'M-PESA was too busy and refused the request.', {
    en: 'M-PESA is busy just now and did not take the payment. Please try again in a minute.',
    sw: 'M-PESA ina shughuli nyingi kwa sasa na haikupokea malipo haya. Tafadhali jaribu tena baada ya dakika moja.',
  }),
  provider_error: failure(
    'provider',
    60,
    'M-PESA refused without a usable reason; see provider_code and provider_message.',
    {
      en: 'M-PESA did not complete this payment. If an SMS from M-PESA says that you have paid, do not pay again.',
      sw: 'M-PESA haikukamilisha malipo haya. Ukipata SMS ya M-PESA inayosema kwamba umelipa, usilipe tena.',
    },
  ),
  prompt_not_delivered: failure(
    'provider',
    60,
    'M-PESA could not send the prompt: a passing fault, or the text of the prompt is too long.',
    {
      en: 'M-PESA could not send the request to your phone. Please try again in a minute.',
      sw: 'M-PESA haikuweza kutuma ombi kwenye simu yako. Tafadhali jaribu tena baada ya dakika moja.',
    },
  ),
  unknown_result: failure(
    'provider',
    false,
    'M-PESA gave no result, or one that is on no list (see provider_code). Money may have moved: do not ask the customer to pay again before this is checked.',
    {
      en: 'We have not heard from M-PESA yet. If you entered your PIN, do not pay again.',
      sw: 'Bado hatujapata jibu kutoka M-PESA. Kama uliweka PIN yako, usilipe tena.',
    },
  ),
  not_sent_in_time: failure(
    'network',
    true,
    'The request could not be handed to M-PESA before it expired. Nothing was sent to the customer.',
    {
      en: 'The request could not be sent to your phone in time. You have not been charged. Please try again.',
      sw: 'Ombi halikuweza kutumwa kwenye simu yako kwa wakati. Hujatozwa pesa yoyote. Tafadhali jaribu tena.',
    },
  ),
  misconfigured_shortcode: failure(
    'configuration',
    false,
    'M-PESA does not accept the shortcode for this: check its number, paybill or till, store number, M-PESA Express at Go-Live, and validation rules.',
    notTakingPayments,
  ),
  merchant_limit_reached: failure(
    'configuration',
    false,
    "The payment would take the shortcode's account over its maximum balance. Move money out of it.",
    notTakingPayments,
  ),
  invalid_credentials: failure(
    'configuration',
    false,
    'M-PESA refuses the credentials: check consumer key, consumer secret, passkey, the environment, and that the app has the M-PESA Express product.',
    notTakingPayments,
  ),
  invalid_request: failure(
    'configuration',
    false,
    'M-PESA refused a field of the request; provider_message names it. Sending it again unchanged is useless.',
    notTakingPayments,
  ),
  callback_url_refused: failure(
    'configuration',
    false,
    "M-PESA refused the callback URL: the gateway's PUBLIC_URL must be a public https address.",
    notTakingPayments,
  ),
  cancelled_by_merchant: failure(
    'customer',
    true,
    'You cancelled the payment before anything was sent to the customer.',
    {
      en: 'The business cancelled this payment before it was sent to your phone. You have not been charged.',
      sw: 'Biashara ilighairi malipo haya kabla ya kutumwa kwenye simu yako. Hujatozwa pesa yoyote.',
    },
  ),
  closed_by_operator: failure('provider', false, 'An operator closed the payment as not paid, after a review.', {
    en: 'The business checked this payment and closed it as not paid. Please ask the business if you have questions.',
    sw: 'Biashara ilikagua malipo haya na kuyafunga kama hayajalipwa. Tafadhali iulize biashara ikiwa una maswali.',
  }),
} satisfies Record<string, FailureEntry>;

export type FailureCode = keyof typeof failureCatalogue;

/** The `failure` object of the API (api.md, The payment). */
export interface FailureView {
  code: FailureCode;
  category: FailureCategory;
  message: string;
  customer_message: string;
  provider_code: string | null;
  provider_message: string | null;
  retryable: boolean;
  /** Whole seconds. */
  retry_after: number | null;
}

/** The API's `failure` object; `customer_message` is in English, {@link customerMessage} has the Swahili. */
export function describeFailure(
  code: FailureCode,
  providerCode: string | null,
  providerMessage: string | null,
): FailureView {
  const entry = failureCatalogue[code];
  return {
    code,
    category: entry.category,
    message: entry.message,
    customer_message: entry.customerMessage.en,
    provider_code: providerCode,
    provider_message: providerMessage,
    retryable: entry.retryable,
    retry_after: entry.retryAfterSeconds,
  };
}

/** The sentence for the payer, in the language of the page. */
export function customerMessage(code: FailureCode, language: 'en' | 'sw'): string {
  return failureCatalogue[code].customerMessage[language];
}
