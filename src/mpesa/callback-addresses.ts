// Which addresses may call back (daraja.md section 4.6). What is configured holds for every environment; without it,
// production takes Safaricom's published list and the others take anybody, since the token is what proves a callback.

import { createAddressList } from '../platform/addresses.ts';

export const safaricomAddresses = [
  '196.201.214.200',
  '196.201.214.206',
  '196.201.214.207',
  '196.201.214.208',
  '196.201.213.114',
  '196.201.213.44',
  '196.201.212.127',
  '196.201.212.138',
  '196.201.212.129',
  '196.201.212.136',
  '196.201.212.74',
  '196.201.212.69',
] as const;

export interface CallbackAddresses {
  isAllowed(address: string, environment: string): boolean;
  /** The decision where it needs no environment, else undefined. */
  isAllowedAnywhere(address: string): boolean | undefined;
}

/** @param mode `log` lets everybody through and leaves the complaint to `onRefused` */
export function createCallbackAddresses(
  configured: readonly string[] | null,
  mode: 'enforce' | 'log',
  onRefused: (address: string) => void,
): CallbackAddresses {
  const list = createAddressList(configured ?? safaricomAddresses);
  const decide = (address: string): boolean => {
    if (mode === 'log') onRefused(address);
    return mode === 'log';
  };
  return {
    isAllowed: (address, environment) =>
      list.includes(address) || (configured === null && environment !== 'production') || decide(address),
    isAllowedAnywhere(address) {
      if (list.includes(address)) return true;
      return configured === null ? undefined : decide(address);
    },
  };
}
