import * as z from 'zod/mini'

/** By which one request is found again: in the answer, in the gateway's log, in its audit. Drawn by the gateway, or by a proxy before it. */
export const RequestId = z.string().check(z.regex(/^[\w.-]{1,64}$/))
