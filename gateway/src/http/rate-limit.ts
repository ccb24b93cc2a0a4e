import { Refusal } from '@quorate/shared/errors'
import type { RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import { sendProblem } from './mount.ts'

/** So many requests per minute and address. The address is the socket's unless a number of proxies is trusted. */
export const limitRate = (perMinute: number): RequestHandler =>
  rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // X-Forwarded-For from a stranger is ignored on purpose, and nothing to write to the console about.
    validate: false,
    handler: (_request, response) => sendProblem(response, new Refusal('request.rate_limited'), () => {}),
  })
