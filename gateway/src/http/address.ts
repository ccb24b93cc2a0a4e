import type { Request } from 'express'
import { ipKeyGenerator } from 'express-rate-limit'

/**
 * Where a request comes from, as bounds count it: the socket's address, unless a number of proxies is trusted. Of IPv6 it is the network of
 * 56 bits, since one customer of a provider has that many addresses.
 */
export const addressOf = (request: Pick<Request, 'ip'>): string => ipKeyGenerator(request.ip ?? '')
