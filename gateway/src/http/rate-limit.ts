import { Refusal } from '@quorate/shared/errors'
import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import { addressOf } from './address.ts'
import { sendProblem } from './mount.ts'

/** So many requests per minute and address. */
export const limitRate = (perMinute: number): RequestHandler =>
  rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: addressOf,
    // X-Forwarded-For from a stranger is ignored on purpose, and nothing to write to the console about.
    validate: false,
    handler: (_request, response) =>
      sendProblem(response, new Refusal('request.rate_limited', [], { of: 'address', retryAfter: null }), () => {}),
  })
