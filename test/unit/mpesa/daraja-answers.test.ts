// One row for each row of daraja.md sections 1, 2.3 and 3: what each answer of Daraja proves about a push, a query and
// a pair of keys. The rule behind the table: only Daraja's own listed words prove that nothing was sent.

import { expect } from 'chai';
import fc from 'fast-check';
import { classifyPushAnswer, classifyQueryAnswer, classifyTokenAnswer } from '../../../src/mpesa/daraja-answers.ts';
import type { RawAnswer } from '../../../src/mpesa/daraja-client.ts';

const checkoutId = 'ws_CO_06102026141530412712345678';
const merchantId = '7c1e-4f0a-9b52-3d8f6a1c20e4118207';
const firewallPage =
  '<html style="height:100%"><head><META NAME="ROBOTS"></head>Request unsuccessful. Incapsula incident ID: 1</html>';

function answer(httpStatus: number, body: unknown, retryAfterMs: number | null = null): RawAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'response', httpStatus, retryAfterMs, text, durationMs: 7 };
}

function refusal(httpStatus: number, errorCode: string | number, errorMessage?: string): RawAnswer {
  return answer(httpStatus, { requestId: '1c5b-4ba8-815c-ac45c57a3db01495926', errorCode, errorMessage });
}

function apigee(httpStatus: number, errorcode: string, faultstring: string): RawAnswer {
  return answer(httpStatus, { fault: { faultstring, detail: { errorcode } } });
}

const spikeArrest = apigee(
  429,
  'policies.ratelimit.SpikeArrestViolation',
  'Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}',
);
const lost: RawAnswer = { kind: 'lost', detail: 'UND_ERR_SOCKET other side closed', durationMs: 9 };
const notConnected: RawAnswer = { kind: 'notConnected', detail: 'ECONNREFUSED', durationMs: 1 };

const accepted = {
  MerchantRequestID: merchantId,
  CheckoutRequestID: checkoutId,
  ResponseCode: '0',
  ResponseDescription: 'Success. Request accepted for processing',
  CustomerMessage: 'Success. Request accepted for processing',
};

describe('classifyPushAnswer', () => {
  it('accepts ResponseCode "0" with both ids', () => {
    const expected = { outcome: 'accepted', merchantRequestId: merchantId, checkoutRequestId: checkoutId };
    expect(classifyPushAnswer(answer(200, accepted))).to.include(expected);
    expect(classifyPushAnswer(answer(200, { ...accepted, ResponseCode: 0 }))).to.include(expected);
    expect(classifyPushAnswer(answer(200, `\ufeff${JSON.stringify(accepted)}`))).to.include(expected);
  });

  it('keeps what was exchanged, cut to a size that can be stored', () => {
    const { exchange } = classifyPushAnswer(answer(503, 'x'.repeat(100_000)));
    expect(exchange).to.include({ httpStatus: 503, durationMs: 7 });
    expect(exchange.body).to.have.length(8000);
    expect(classifyPushAnswer(lost).exchange).to.deep.equal({
      httpStatus: null,
      body: 'UND_ERR_SOCKET other side closed',
      durationMs: 9,
    });
  });

  const rejections: [RawAnswer, string][] = [
    ...['BusinessShortCode', 'TransactionType', 'PartyB'].map((field): [RawAnswer, string] => [
      refusal(400, '400.002.02', `Bad Request - Invalid ${field}`),
      'misconfigured_shortcode',
    ]),
    ...['Timestamp', 'Amount', 'PartyA', 'PhoneNumber', 'Remarks'].map((field): [RawAnswer, string] => [
      refusal(400, '400.002.02', `Bad Request - Invalid ${field}`),
      'invalid_request',
    ]),
    [refusal(400, '400.002.02', 'Bad Request - Invalid Password'), 'invalid_credentials'],
    [refusal(400, '400.002.02', 'Bad Request - Invalid CallBackURL'), 'callback_url_refused'],
    [refusal(400, '400.002.02'), 'invalid_request'],
    [answer(400, { errorCode: '400.002.02', errorMessage: 'Bad Request - Invalid Amount' }), 'invalid_request'],
    [refusal(400, '400.002.05', 'Invalid Request Payload'), 'invalid_request'],
    [refusal(404, '404.001.01', 'Resource not found'), 'invalid_request'],
    [refusal(404, '404.003.01', 'Resource not found'), 'invalid_request'],
    [refusal(404, '404.001.04', 'Invalid Authentication Header'), 'invalid_request'],
    [refusal(405, '405.001', 'GET Method Not Allowed'), 'invalid_request'],
    [refusal(405, 405.001, 'GET Method Not Allowed'), 'invalid_request'],
    [refusal(500, '500.001.1001', '[MerchantValidate] - Wrong credentials'), 'invalid_credentials'],
    [refusal(500, '500.001.1001', 'Wrong credentials'), 'invalid_credentials'],
    [refusal(500, '500.001.1001', 'Merchant does not exist'), 'misconfigured_shortcode'],
    [refusal(500, '500.001.1001', '[CBS - ] No ICCID found'), 'not_mpesa_customer'],
    [
      answer(200, { ResponseCode: '400.002.02', ResponseDescription: 'Bad Request - Invalid Amount' }),
      'invalid_request',
    ],
  ];
  for (const [raw, failureCode] of rejections) {
    it(`rejects as ${failureCode}: ${textOf(raw)}`, () => {
      const came = classifyPushAnswer(raw);
      expect(came).to.include({ outcome: 'rejected', failureCode });
      expect(came).to.have.property('providerCode').that.is.a('string');
    });
  }

  const notSent: [RawAnswer, string][] = [
    [notConnected, 'not_connected'],
    [
      refusal(
        500,
        '500.001.1001',
        '[STK] - Unable to lock subscriber, a transaction is already in process for the current subscriber',
      ),
      'subscriber_locked',
    ],
    [refusal(500, '500.003.02', 'System is busy. Please try again in few minutes.'), 'busy'],
    [refusal(500, '500.003.02', 'Error Occurred: Spike Arrest Violation'), 'spike_arrest'],
    [refusal(500, '500.003.03', 'Error Occurred: Quota Violation'), 'quota'],
    [spikeArrest, 'spike_arrest'],
    [apigee(500, 'policies.ratelimit.SpikeArrestViolation', 'Spike arrest violation.'), 'spike_arrest'],
    [apigee(429, 'policies.ratelimit.QuotaViolation', 'Rate limit quota violation. Quota limit exceeded.'), 'quota'],
    [answer(429, { fault: { faultstring: 'Spike arrest violation.' } }), 'spike_arrest'],
    [refusal(500, '500.002.1001', 'Service is currently under maintenance. Please try again later'), 'busy'],
    [refusal(500, '00.002.1001', 'Service is currently under maintenance. Please try again later'), 'busy'],
  ];
  for (const [raw, reason] of notSent) {
    it(`knows that nothing was sent (${reason}): ${textOf(raw)}`, () => {
      expect(classifyPushAnswer(raw)).to.include({ outcome: 'notSent', reason });
    });
  }

  it('hands on the time that M-PESA named', () => {
    const { retryAfterMs } = classifyPushAnswer({ ...spikeArrest, retryAfterMs: 12_000 } as RawAnswer) as {
      retryAfterMs: number;
    };
    expect(retryAfterMs).to.equal(12_000);
  });

  const unknown: [string, RawAnswer][] = [
    ['a lost answer', lost],
    ['500.003.1001', refusal(500, '500.003.1001', 'Internal Server Error')],
    ['output data invalid, as text on 200', answer(200, 'Request failed: Output data invalid')],
    ['output data invalid, as text on 500', answer(500, 'Request failed: Output data invalid')],
    ['output data invalid, in the envelope', refusal(500, '', 'Request failed: Output data invalid')],
    ['firewall HTML 403', answer(403, firewallPage)],
    ['firewall HTML 503', answer(503, firewallPage)],
    ['HTML 502', answer(502, '<html>502 Bad Gateway</html>')],
    ['HTML 504', answer(504, '<html>504 Gateway Time-out</html>')],
    ['an empty 500', answer(500, '')],
    ['an empty 502', answer(502, '')],
    ['an empty 503', answer(503, '')],
    ['an empty 400', answer(400, '')],
    ['an empty 401', answer(401, '')],
    ['firewall HTML 401', answer(401, firewallPage)],
    ['HTML 429', answer(429, '<html>Too many requests</html>')],
    ['a redirect', answer(307, '')],
    ['an empty 200', answer(200, '')],
    ['an HTML 200', answer(200, firewallPage)],
    ['half of a JSON', answer(200, '{"MerchantRequestID":"7c1e')],
    ['a JSON list', answer(200, '[]')],
    ['JSON null', answer(200, 'null')],
    ['JSON without a code', answer(200, {})],
    ['JSON 503 that is not Daraja’s', answer(503, { message: 'Service Unavailable' })],
    ['JSON 401 that is not Daraja’s', answer(401, { message: 'Unauthorized' })],
    ['500.001.1001 without a message', refusal(200, '500.001.1001', '')],
    ['500.001.1001 with a text that is not listed', refusal(500, '500.001.1001', 'The transaction is being processed')],
    ['500.003.02 with a text that is not listed', refusal(500, '500.003.02', 'Something else')],
    [
      '500.002.1001 with a text that is not listed',
      refusal(500, '500.002.1001', 'Duplicate OriginatorConversationID.'),
    ],
    ['a code that is not listed', refusal(400, '400.999.99', 'Something new')],
    ['Apigee giving up waiting', apigee(504, 'messaging.adaptors.http.flow.GatewayTimeout', 'Gateway Timeout')],
    ['acceptance without MerchantRequestID', answer(200, { ...accepted, MerchantRequestID: undefined })],
    ['acceptance without CheckoutRequestID', answer(200, { ...accepted, CheckoutRequestID: '' })],
    ['acceptance with an endless id', answer(200, { ...accepted, CheckoutRequestID: 'w'.repeat(65) })],
    ['acceptance with an id that is no text', answer(200, { ...accepted, CheckoutRequestID: 5 })],
    ['ResponseCode "1"', answer(200, { ...accepted, ResponseCode: '1' })],
    ['ResponseCode "0" with HTTP 500', answer(500, accepted)],
  ];
  for (const [title, raw] of unknown) {
    it(`calls ${title} unknown`, () => {
      const came = classifyPushAnswer(raw);
      expect(came.outcome).to.equal('unknown');
      expect(came)
        .to.have.property('reason')
        .that.matches(/^[a-z]/);
    });
  }

  for (const [title, raw] of tokenRefusals()) {
    it(`says that the token was refused: ${title}`, () => {
      expect(classifyPushAnswer(raw).outcome).to.equal('tokenRefused');
      expect(classifyQueryAnswer(raw, checkoutId).outcome).to.equal('tokenRefused');
    });
  }

  it('never throws, and never says that nothing was sent for a body that is not Daraja’s JSON', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.string(), (status, text) => {
        expect(classifyPushAnswer(answer(status, text)).outcome).to.equal('unknown');
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), fc.json(), (status, text) => {
        expect(classifyPushAnswer(answer(status, text)).outcome).to.be.a('string');
        expect(classifyQueryAnswer(answer(status, text), checkoutId).outcome).to.be.a('string');
        expect(classifyTokenAnswer(answer(status, text)).outcome).to.be.a('string');
      }),
    );
  });
});

function tokenRefusals(): [string, RawAnswer][] {
  return [
    ['404.001.03', refusal(404, '404.001.03', 'Invalid Access Token')],
    ['401.002.01', refusal(401, '401.002.01', 'Error Occurred - Invalid Access Token - [redacted]')],
    ['401.003.01', refusal(401, '401.003.01', 'Error Occurred - Invalid Access Token - [redacted]')],
    ['no apiproduct, in the envelope', refusal(401, '401', 'Invalid API call as no apiproduct match found')],
    [
      'no apiproduct, from Apigee',
      apigee(
        401,
        'keymanagement.service.InvalidAPICallAsNoApiProductMatchFound',
        'Invalid API call as no apiproduct match found',
      ),
    ],
    ['another code with HTTP 401', refusal(401, '400.003.01', 'Access denied')],
    ['the old 400.003.01', refusal(400, '400.003.01', 'Invalid Access Token')],
  ];
}

function textOf(raw: RawAnswer): string {
  return raw.kind === 'response' ? `${raw.httpStatus} ${raw.text.slice(0, 200)}` : raw.detail;
}

describe('classifyQueryAnswer', () => {
  const result = {
    ResponseCode: '0',
    ResponseDescription: 'The service request has been accepted successsfully',
    MerchantRequestID: merchantId,
    CheckoutRequestID: checkoutId,
    ResultCode: '1032',
    ResultDesc: 'Request Cancelled by user.',
  };

  it('reads a clear no, with a code that is a text or a number', () => {
    for (const ResultCode of ['1032', 1032, ' 1032 ']) {
      expect(classifyQueryAnswer(answer(200, { ...result, ResultCode }), checkoutId)).to.include({
        outcome: 'denied',
        resultCode: '1032',
        resultDesc: 'Request Cancelled by user.',
      });
    }
  });

  it('reads a yes, with a code that is a text or a number', () => {
    for (const ResultCode of ['0', 0]) {
      const raw = answer(200, { ...result, ResultCode, ResponseCode: 0 });
      expect(classifyQueryAnswer(raw, checkoutId)).to.include({ outcome: 'paid', resultCode: '0' });
    }
  });

  it('takes listed codes that are no numbers for a clear no', () => {
    for (const ResultCode of ['SFC_IC0003', 'E3008', '1037', '1019', '2001', '9999']) {
      expect(classifyQueryAnswer(answer(200, { ...result, ResultCode }), checkoutId).outcome).to.equal('denied');
    }
  });

  const noAnswers: [string, RawAnswer, string][] = [
    ['500.001.1001, being processed', refusal(500, '500.001.1001', 'The transaction is being processed'), 'error'],
    ['500.001.1001, does not exist', refusal(500, '500.001.1001', 'The transaction does not Exist'), 'error'],
    ['500.001.1001, empty message, HTTP 200', refusal(200, '500.001.1001', ''), 'error'],
    ['500.001.1001, wrong credentials', refusal(500, '500.001.1001', 'Wrong credentials'), 'error'],
    ['4999', answer(200, { ...result, ResultCode: '4999' }), 'still_processing'],
    ['4999 as a number', answer(200, { ...result, ResultCode: 4999 }), 'still_processing'],
    ['asked too soon', refusal(400, '400.002.02', 'Bad Request - Invalid CheckoutRequestID'), 'error 400.002.02'],
    ['spike arrest', spikeArrest, 'rate_limited'],
    ['spike arrest as 500', refusal(500, '500.003.02', 'Error Occurred: Spike Arrest Violation'), 'rate_limited'],
    ['an empty 429', answer(429, ''), 'rate_limited'],
    ['firewall HTML 403', answer(403, firewallPage), 'http_403_not_json'],
    ['firewall HTML 503', answer(503, firewallPage), 'http_503_not_json'],
    ['an empty 500', answer(500, ''), 'http_500_not_json'],
    ['an unreadable 200', answer(200, '{"ResponseCode":'), 'http_200_not_json'],
    ['a lost answer', lost, 'answer_lost'],
    ['no connection', notConnected, 'not_connected'],
    ['an unlisted result code', answer(200, { ...result, ResultCode: '7777' }), 'result_not_listed 7777'],
    ['another id', answer(200, { ...result, CheckoutRequestID: 'ws_CO_1' }), 'another_checkout_request_id'],
    ['no id', answer(200, { ...result, CheckoutRequestID: undefined }), 'another_checkout_request_id'],
    ['no ResultCode', answer(200, { ...result, ResultCode: undefined }), 'http_200_without_result'],
    ['ResponseCode other than 0', answer(200, { ...result, ResponseCode: '1' }), 'http_200_without_result'],
    ['a result with HTTP 500', answer(500, result), 'http_500_without_result'],
    ['JSON that says nothing', answer(200, {}), 'http_200_without_result'],
  ];
  for (const [title, raw, reason] of noAnswers) {
    it(`takes ${title} for no answer`, () => {
      const came = classifyQueryAnswer(raw, checkoutId);
      expect(came.outcome).to.equal('noAnswer');
      expect(came)
        .to.have.property('reason')
        .that.satisfies((said: string) => said.startsWith(reason));
    });
  }

  it('hands on Retry-After', () => {
    expect(classifyQueryAnswer(answer(429, '', 30_000), checkoutId)).to.include({ retryAfterMs: 30_000 });
  });
});

describe('classifyTokenAnswer', () => {
  it('reads a token whose life is a text or a number, and gives it a short one when it cannot be read', () => {
    for (const [expires_in, lifetimeMs] of [
      ['3599', 3_599_000],
      [3599, 3_599_000],
      [undefined, 300_000],
      ['soon', 300_000],
      [-5, 300_000],
      [1e12, 86_400_000],
    ]) {
      const raw = answer(200, { access_token: 'Zk3pQ0vWc7yT1hLr8sXbNd2uGf5a', expires_in });
      expect(classifyTokenAnswer(raw)).to.deep.equal({
        outcome: 'token',
        token: 'Zk3pQ0vWc7yT1hLr8sXbNd2uGf5a',
        lifetimeMs,
      });
    }
  });

  for (const [title, raw] of [
    ['an empty 400', answer(400, '')],
    ['400.008.01', refusal(400, '400.008.01', 'Invalid Authentication passed')],
    ['400.008.02', refusal(400, '400.008.02', 'Invalid grant type passed')],
    ['401 with a reason', refusal(401, '401.001.01', 'Unauthorized')],
    ['an empty 401', answer(401, '')],
  ] as [string, RawAnswer][]) {
    it(`takes ${title} for a refusal of the credentials`, () => {
      expect(classifyTokenAnswer(raw).outcome).to.equal('credentialsRefused');
    });
  }

  for (const [title, raw] of [
    ['firewall HTML 403', answer(403, firewallPage)],
    ['firewall HTML 503', answer(503, firewallPage)],
    ['firewall HTML 400', answer(400, firewallPage)],
    ['an empty 500', answer(500, '')],
    ['HTML 502', answer(502, '<html></html>')],
    ['HTML 200', answer(200, firewallPage)],
    ['200 without a token', answer(200, { access_token: '', expires_in: '3599' })],
    ['200 with a token that cannot be a header', answer(200, { access_token: 'a\r\nb', expires_in: '3599' })],
    ['spike arrest', spikeArrest],
    ['a lost answer', lost],
    ['no connection', notConnected],
  ] as [string, RawAnswer][]) {
    it(`draws no conclusion about the credentials from ${title}`, () => {
      expect(classifyTokenAnswer(raw).outcome).to.equal('unreachable');
    });
  }

  it('keeps no body that may hold a token', () => {
    const came = classifyTokenAnswer(answer(200, '{"access_token":"Zk3pQ0vWc7yT1h'));
    expect(JSON.stringify(came)).not.to.contain('Zk3p');
  });
});
