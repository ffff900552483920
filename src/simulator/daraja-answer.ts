// The answers of Daraja's front: the error envelope, Apigee's fault and the firewall's page, with the texts that were
// recorded (daraja.md sections 1 to 3). An answer is a value; the routes only write it.

import { merchantRequestId } from './daraja-ids.ts';

export interface DarajaAnswer {
  status: number;
  contentType: string;
  body: string;
  /** The connection is cut instead of an answer. */
  isDropped?: boolean;
  errorCode?: string;
  errorMessage?: string;
}

const json = 'application/json;charset=UTF-8';

export function jsonAnswer(body: unknown, status = 200): DarajaAnswer {
  return { status, contentType: json, body: JSON.stringify(body) };
}

/** `{"requestId","errorCode","errorMessage"}`; the code starts with the HTTP status unless one is given. */
export function errorAnswer(
  errorCode: string,
  errorMessage: string,
  status = Number(errorCode.slice(0, 3)),
): DarajaAnswer {
  return {
    ...jsonAnswer({ requestId: merchantRequestId(), errorCode, errorMessage }, status),
    errorCode,
    errorMessage,
  };
}

export function invalidField(field: string): DarajaAnswer {
  return errorAnswer('400.002.02', `Bad Request - Invalid ${field}`);
}

export const notFoundAnswer = (): DarajaAnswer => errorAnswer('404.001.01', 'Resource not found');
export const invalidPayload = (): DarajaAnswer => errorAnswer('400.002.05', 'Invalid Request Payload');
export const invalidToken = (): DarajaAnswer => errorAnswer('404.001.03', 'Invalid Access Token');
export const noProduct = (): DarajaAnswer =>
  errorAnswer('401.003.01', 'Error Occurred - Invalid API call as no apiproduct match found');
export const noMerchant = (): DarajaAnswer => errorAnswer('500.001.1001', 'Merchant does not exist');
export const wrongCredentials = (): DarajaAnswer =>
  errorAnswer('500.001.1001', '[MerchantValidate] - Wrong credentials');
export const subscriberLocked = (): DarajaAnswer =>
  errorAnswer(
    '500.001.1001',
    '[STK] - Unable to lock subscriber, a transaction is already in process for the current subscriber',
  );
export const serverError = (): DarajaAnswer => errorAnswer('500.003.1001', 'Internal Server Error');

export const dropped: DarajaAnswer = { status: 0, contentType: '', body: '', isDropped: true };

export function emptyAnswer(status: number): DarajaAnswer {
  return { status, contentType: 'text/plain', body: '' };
}

/** Apigee's own fault, not Daraja's envelope; seen on the sandbox's query. */
export function spikeArrest(): DarajaAnswer {
  const rate = 'MessageRate{messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}';
  const answer = jsonAnswer(
    {
      fault: {
        faultstring: `Spike arrest violation. Allowed rate : ${rate}`,
        detail: { errorcode: 'policies.ratelimit.SpikeArrestViolation' },
      },
    },
    429,
  );
  return { ...answer, errorCode: 'policies.ratelimit.SpikeArrestViolation', errorMessage: 'Spike arrest violation' };
}

export function firewallPage(status: 403 | 503): DarajaAnswer {
  const incident = '1041000350229384-281474976710654';
  const body =
    '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body style="margin:0px;height:100%">' +
    `Request unsuccessful. Incapsula incident ID: ${incident}</body></html>`;
  return { status, contentType: 'text/html', body };
}

/** The faults that answer instead of the endpoint, alike for pushes and queries; undefined for all others. */
export function faultAnswer(fault: string): DarajaAnswer | undefined {
  switch (fault) {
    case 'spike_arrest':
      return spikeArrest();
    case 'spike_arrest_500':
      return errorAnswer('500.003.02', 'Error Occurred: Spike Arrest Violation');
    case 'quota':
      return errorAnswer('500.003.03', 'Error Occurred: Quota Violation');
    case 'busy':
      return errorAnswer('500.003.02', 'System is busy. Please try again in few minutes.');
    case 'maintenance':
      return errorAnswer('500.002.1001', 'Service is currently under maintenance. Please try again later');
    case 'waf_403':
      return firewallPage(403);
    case 'waf_503':
      return firewallPage(503);
    case 'empty_400':
      return emptyAnswer(400);
    case 'outage':
      return emptyAnswer(500);
    case 'no_product':
      return noProduct();
    case 'wrong_credentials':
      return wrongCredentials();
    case 'no_merchant':
      return noMerchant();
    case 'no_iccid':
      return errorAnswer('500.001.1001', '[CBS - ] No ICCID found');
    case 'lock':
      return subscriberLocked();
    default:
      return undefined;
  }
}
